"""The life of a session in few lines: spells, events, and what is left out."""

from __future__ import annotations

import pytest

from lib.cli.commands import show
from lib.cli.terminal.width import width
from lib.record import timestamps
from lib.record.transitions import transitions
from lib.views import timeline

NOW = 1_790_000_000.0
HOSTILE = "\x1b[31mred\nnext\u202elanif"


def entry(kind, ago, **fields):
    timestamp = timestamps.from_epoch(NOW - ago)
    return {"type": kind, "timestamp": timestamp, "process": "p1", **fields}


def beat(ago, state=None):
    return entry("heartbeat", ago, **({"state": state} if state else {}))


STARTED = {
    "type": "session_metadata",
    "start_time": timestamps.from_epoch(NOW - 7200),
    "source": "startup",
    "process": "p1",
}


def life_of(*entries, most=None):
    life = timeline.Timeline(most)
    for transition in transitions(entries, NOW):
        life.add(transition)
    return life


def told(*entries, alive=True, most=None, columns=None):
    life = life_of(*entries, most=most)
    return show.timeline_lines(life, NOW, alive=alive, columns=columns)


def test_heartbeats_of_the_same_state_are_one_line():
    lines = told(
        STARTED,
        beat(7000, "busy"),
        beat(6940, "busy"),
        beat(6900),
        entry("turn_close", 6400, state="idle"),
        beat(30, "waiting"),
    )
    assert [line[16:] for line in lines] == [
        "started    startup",
        "busy       10 min, 3 heartbeats",
        "idle       1 h",
        "waiting    30 s so far",
    ]


def test_last_state_of_a_dead_session_ends_with_its_last_heartbeat():
    lines = told(STARTED, beat(7000, "busy"), beat(6940, "busy"), alive=False)
    assert lines[-1].endswith("busy       1 min, 2 heartbeats, then nothing more")


def test_resumes_compactions_and_closes_have_their_own_lines():
    lines = told(
        STARTED,
        beat(600, "busy"),
        entry("session_resume", 540, source="compact"),
        beat(500, "busy"),
        entry("session_close", 440, reason="logout"),
        entry("session_resume", 300, source="resume"),
    )
    assert [line[16:] for line in lines[1:]] == [
        "busy       1 min",
        "compacted",
        "busy       1 min",
        "closed     logout",
        "resumed    resume",
    ]


def test_stretch_of_a_lost_process_ends_with_its_last_heartbeat():
    lines = told(
        STARTED,
        beat(6000, "busy"),
        beat(5940, "busy"),
        entry("session_resume", 300, source="resume", process="p2"),
    )
    assert [line[16:] for line in lines[1:]] == [
        "busy       1 min, 2 heartbeats",
        "resumed    resume",
    ]


def test_label_change_does_not_split_a_state():
    lines = told(
        STARTED,
        entry("session_update", 650, label="early", tasks=[1, 2]),
        beat(600, "busy"),
        entry("session_update", 550, label="nightly"),
        beat(500, "busy"),
        entry("session_update", 450, label=""),
        beat(300, "idle"),
    )
    assert [line[16:] for line in lines[1:]] == [
        "label      early",
        "tasks      2",
        "busy       5 min, 2 heartbeats",
        "label      nightly",
        "label      removed",
        "idle       5 min so far",
    ]


def test_custom_entries_are_counted_by_type():
    many = [entry(f"kind.{number}", 5) for number in range(12)]
    notes = [entry("note.a", 5)] * 3
    assert told(STARTED, *notes, many[0])[-1] == "        others  3 note.a, 1 kind.0"
    assert told(STARTED, *many)[-1].endswith("1 kind.7, and 4 more types")
    assert life_of(*notes).others == {"note.a": 3}


@pytest.mark.parametrize("number", [1, 19, 20, 100])
def test_long_timeline_keeps_its_beginning_and_end(number):
    beats = [beat(5000 - n, ["busy", "idle"][n % 2]) for n in range(number)]
    lines = told(STARTED, *beats, most=20)
    whole = told(STARTED, *beats)
    if number <= 20:
        assert lines == whole
    else:
        assert lines[:4] == whole[:4]
        assert lines[5:] == whole[-17:]
        assert lines[4] == f"           ...  {len(whole) - 21} more between"


def test_timeline_of_endless_labels_is_bounded():
    labels = [entry("session_update", 5, label=str(n)) for n in range(1000)]
    for before in ([STARTED], [STARTED, beat(9, "busy")]):
        lines = told(*before, *labels, most=20)
        assert len(lines) <= 40
        assert lines[-1].endswith("label      999")


def test_timeline_of_malformed_entries_prints_and_fits():
    odd = [
        {},
        {"type": "heartbeat"},
        {"type": "heartbeat", "state": [1], "timestamp": 7},
        {"type": "session_close", "reason": {"a": 1}},
        {"type": "session_close", "reason": HOSTILE, "timestamp": HOSTILE},
        {"type": "session_update", "label": HOSTILE * 500, "tasks": [HOSTILE]},
        {"type": ["x"]},
        {"type": HOSTILE},
        {"type": "session_metadata", "source": HOSTILE, "start_time": "2020-01-01"},
    ]
    for alive in (True, False):
        lines = told(*odd, alive=alive, columns=60)
        assert [line for line in lines if not line.isprintable()] == []
        assert all(width(line) <= 60 for line in lines)
