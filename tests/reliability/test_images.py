"""Crash images: whatever a crash left of a file, the next entry is readable."""

from __future__ import annotations

import time

import pytest
from support import ID

from lib import sessions
from lib.record import jsonl
from lib.store import snapshot

TAILS = (0, 1, 7, 512)
PAGE = 512


@pytest.fixture
def image(store):
    """Return a session of 31 lines, as bytes."""
    sessions.create_session(session_id=ID, label="images", tasks=[1, "zwei"])
    for number in range(24):
        sessions.append_to_session(ID, {"type": "n", "number": number})
    for state in ("busy", "waiting", "idle"):
        sessions.update_heartbeat(ID, state=state)
        sessions.close_turn(ID, state=state)
    return (store / f"{ID}.jsonl").read_bytes()


def whole_lines(content):
    decoded = (jsonl.decode(line) for line in content.split(b"\n"))
    return [entry for entry in decoded if entry is not None]


def next_event(path, content, *, destroyed=0):
    """Write *content*, let the next event come; return what is wrong, if anything.

    Of what was there, only the first *destroyed* bytes may change: they are repaired.
    """
    path.write_bytes(content)
    name = f"after {len(content)}"
    try:
        sessions.update_heartbeat(ID, event=name)
    except sessions.SessionNotFoundError:
        sessions.resume_session(ID, source="adopted")
        sessions.update_heartbeat(ID, event=name)
    now = path.read_bytes()
    if now[destroyed : len(content)] != content[destroyed:]:
        return "what was there has changed"
    found = whole_lines(now)
    if found[-1].get("event") != name:
        return "the next entry is not readable"
    kept = whole_lines(content)
    if [entry for entry in found if entry in kept] != kept:
        return "whole lines were lost"
    if snapshot.read(str(path), time.time()) is None:
        return "there is no metadata"
    return ""


def test_torn_end_loses_no_whole_line_and_no_later_entry(
    store, image, size, chance, figure
):
    path, count = store / f"{ID}.jsonl", 0
    step = size(16, 1)
    for cut in range(chance.randrange(step), len(image) + 1, step):
        for tail in TAILS:
            wrong = next_event(path, image[:cut] + b"\0" * tail)
            assert not wrong, f"{wrong}, cut at {cut}, with {tail} NULs"
            count += 1
    figure(f"{count} crash images: the next entry readable, all whole lines kept")


def test_lost_pages_lose_no_other_line_and_no_later_entry(
    store, image, size, chance, figure
):
    """A power loss may leave NULs where a page was not written yet."""
    path, count = store / f"{ID}.jsonl", size(200, 4000)
    for _ in range(count):
        start = chance.randrange(
            image.index(b"\n") + 1, len(image)
        )  # line 1 was synced
        end = min(len(image), start + chance.choice([1, 16, PAGE, 4 * PAGE]))
        lost = image[:start] + b"\0" * (end - start) + image[end:]
        wrong = next_event(path, lost)
        assert not wrong, f"{wrong}, {start} to {end} lost"
    figure(f"{count} images with lost pages: the next entry readable, all others kept")


@pytest.mark.parametrize("lost", [1, PAGE])
def test_long_session_without_its_first_line_stays_usable(store, image, lost):
    path = store / f"{ID}.jsonl"
    content = b"\0" * lost + image[lost:]
    assert not next_event(path, content, destroyed=content.index(b"\n") + 1)
    for number in range(3):
        sessions.update_heartbeat(ID, state="waiting", event=f"beat {number}")
    (info,) = sessions.discover_sessions()
    assert info.metadata["state"] == "waiting"
    assert sessions.is_session_alive(info.metadata)
