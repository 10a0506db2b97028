"""Many writers on one session: all stored, none torn, nobody turned away."""

from __future__ import annotations

import json
import time

import filelock  # noqa: F401  # before the fork, as in a tool that runs for long
import pytest
from reliability import forked
from support import ID, given_up, payload, types

from lib import file_lock, sessions

BOUND_SECONDS = 3.0
LOOSE_SECONDS = 30.0


def append_many(writer, count, padding):
    """Return the longest that one append took."""
    longest = 0.0
    for number in range(count):
        entry = {"type": "n", "key": [writer, number], "pad": "x" * padding}
        began = time.monotonic()
        sessions.append_to_session(ID, entry)
        longest = max(longest, time.monotonic() - began)
    return longest


def stored(path):
    """Return the keys on record; a torn line would not parse.

    Where locks exclude nobody, a line may be empty: somebody looked for the end of the
    last one while that was being written.
    """
    first, *rest = (json.loads(line) for line in path.read_bytes().split(b"\n") if line)
    assert first["type"] == "session_metadata"
    return [tuple(entry["key"]) for entry in rest]


def write_and_check(store, writers, count, padding):
    sessions.create_session(session_id=ID)
    waits = forked.together(
        append_many, [(writer, count, padding) for writer in range(writers)]
    )
    found = stored(store / f"{ID}.jsonl")
    assert len(found) == writers * count
    assert sorted(found) == [(w, n) for w in range(writers) for n in range(count)]
    return max(waits)


@pytest.mark.parametrize(
    ("name", "padding"),
    [pytest.param("200 B", 90, id="short"), pytest.param("9 KB", 9000, id="long")],
)
def test_concurrent_writers_lose_and_tear_nothing(
    store, size, full, figure, name, padding
):
    writers, count = size(32, 256), size(40, 100)
    longest = write_and_check(store, writers, count, padding)
    figure(
        f"{writers} writers x {count} entries of {name}: {writers * count} stored, "
        f"0 torn, 0 time-outs, max wait {longest:.1f} s"
    )
    assert longest <= (BOUND_SECONDS if full else LOOSE_SECONDS)


def test_append_without_a_working_lock_loses_no_entry(store, size, figure, monkeypatch):
    """Some network file systems grant every lock: an entry is still one write."""
    monkeypatch.setattr(file_lock, "_try_once", lambda _: True)
    writers, count = size(16, 64), size(40, 100)
    write_and_check(store, writers, count, 9000)
    figure(
        f"{writers} writers x {count} entries, every lock granted to everybody: "
        f"{writers * count} stored, 0 torn"
    )


def begin(session_id):
    """Fire a SessionStart hook, as eight settings files that name it might at once."""
    raw = json.dumps(payload("SessionStart", session_id, source="startup")).encode()
    return forked.Resident().fire(forked.ACTIONS["SessionStart"], raw).status


def test_concurrent_starts_of_a_session_create_it_once(store, size, figure):
    rounds, beginners, missing = size(15, 200), 8, 0
    for number in range(rounds):
        session_id = f"session-{number}"
        assert not any(forked.together(begin, [(session_id,)] * beginners))
        found = types(store / f"{session_id}.jsonl")
        assert found[0] == "session_metadata"
        assert set(found[1:]) <= {"session_resume"}
        missing += beginners - len(found)
        (store / f"{session_id}.jsonl").unlink()  # a full folder is another test's
    assert missing <= given_up(store)
    figure(
        f"{beginners} SessionStart hooks of one session at once, {rounds} times: one "
        f"metadata entry each, {rounds * beginners - missing} entries stored"
    )


def create_many(writer, count):
    for number in range(count):
        sessions.create_session(session_id=f"session-{writer}-{number}")
    return []


def read_until(total):
    """Look until there are *total* sessions; return those seen without metadata."""
    bare, looks = [], 0
    while True:
        found = sessions.discover_sessions()
        looks += 1
        bare += [info.id for info in found if info.metadata is None]
        if len(found) == total:
            return [bare, looks]


def test_reader_never_sees_a_session_without_its_metadata(
    store, size, figure, monkeypatch
):
    monkeypatch.setattr(sessions, "auto_cleanup", lambda *_: None)
    writers, count = 4, size(50, 250)
    results = forked.together(
        lambda work, *given: work(*given),
        [(create_many, writer, count) for writer in range(writers)]
        + [(read_until, writers * count)] * 2,
    )
    seen = results[-2:]
    assert [bare for bare, _ in seen] == [[], []]
    figure(
        f"{writers * count} sessions begun under {sum(looks for _, looks in seen)} "
        "looks at them all: none seen without its metadata"
    )
