"""Folding entries to metadata: which process, state, label and times count."""

from __future__ import annotations

import json
import os
import time

import pytest
from folding import add_raw, fold, write
from support import DEAD_PID, ID, Client

from lib import sessions
from lib.record import timestamps
from lib.system import process


@pytest.fixture
def path(store):
    sessions.create_session(session_id=ID)
    return store / f"{ID}.jsonl"


FIRST = {"pid": 100, "process": "linux:b:1:100:5", "host": "here"}
REUSED = {"pid": 100, "process": "linux:b:1:100:9", "host": "here"}
SECOND = {"pid": 200, "process": "linux:b:1:200:7", "host": "here"}
BARE = {"pid": 200, "host": "here"}
AWAY = {**FIRST, "host": "away"}


@pytest.mark.parametrize(
    ("first", "beats", "current", "others"),
    [
        pytest.param(FIRST, [FIRST], FIRST, [], id="same"),
        pytest.param(FIRST, [SECOND], SECOND, [FIRST], id="another"),
        pytest.param(FIRST, [REUSED], REUSED, [FIRST], id="reused-pid"),
        pytest.param(FIRST, [SECOND, FIRST], FIRST, [SECOND], id="back-to-the-first"),
        pytest.param(FIRST, [AWAY], AWAY, [], id="another-host"),
        pytest.param(FIRST, [{}], FIRST, [], id="no-process"),
        pytest.param(BARE, [SECOND], SECOND, [], id="pid-then-fingerprint"),
        pytest.param(
            {"pid": 100, "host": "here"},
            [BARE],
            BARE,
            [{"pid": 100, "host": "here"}],
            id="two-bare-pids",
        ),
        pytest.param({"host": "here"}, [FIRST], FIRST, [], id="none-then-a-process"),
        pytest.param(
            FIRST, [FIRST | {"others": [SECOND]}], FIRST, [SECOND], id="others-carried"
        ),
        pytest.param(
            {"host": "here"}, [{"others": [SECOND]}], {}, [SECOND], id="only-others"
        ),
    ],
)
def test_heartbeats_decide_the_current_and_the_other_processes(
    path, first, beats, current, others
):
    line = json.loads(path.read_text())
    for key in ("pid", "process", "host"):
        del line[key]
    named = [{"type": "heartbeat", "state": "busy", **beat} for beat in beats]
    write(path, line | first, *named)
    metadata = fold(path)
    assert {key: metadata[key] for key in FIRST if key in metadata} == current
    found = [dict(other) for other in metadata.get("others", [])]
    assert [{k: o[k] for k in FIRST if k in o} for o in found] == others


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (["busy", None], "busy"),
        (["busy", "no state"], "busy"),
        (["closed"], "closed"),
        (["closed", None], "idle"),
        ([None], "idle"),
    ],
    ids=["none", "invalid", "closed", "none-after-closed", "none-at-first"],
)
def test_heartbeat_without_a_valid_state_keeps_the_state(path, states, state):
    first = json.loads(path.read_text())
    beats = [{"type": "heartbeat", "state": said, "pid": 7} for said in states]
    write(path, {k: v for k, v in first.items() if k != "process"} | {"pid": 7}, *beats)
    assert fold(path)["state"] == state


def test_last_heartbeat_is_the_newest_timestamp_in_any_order(path):
    now = time.time()
    stamps = [timestamps.from_epoch(now - ago) for ago in (50, 10, 30)]
    first = json.loads(path.read_text()) | {
        "start_time": timestamps.from_epoch(now - 99),
        "last_heartbeat": timestamps.from_epoch(now - 99),
    }
    beats = [{"type": "heartbeat", "timestamp": stamp} for stamp in stamps]
    write(path, first, *beats)
    assert fold(path)["last_heartbeat"] == stamps[1]


HOUR = 3600.0
NO_TIMES = [None, "soon", 1.7e9, "9" * 99, ["2026-01-01T00:00:00.000Z"]]


def ago(hours):
    return timestamps.from_epoch(time.time() - hours * HOUR)


@pytest.mark.parametrize("value", NO_TIMES, ids=lambda value: ascii(value)[:9])
def test_last_heartbeat_falls_back_to_the_start_and_then_to_the_mtime(path, value):
    first = json.loads(path.read_text())
    first |= {"start_time": ago(3), "last_heartbeat": value}
    beat = {"type": "heartbeat", "timestamp": value, "state": "busy"}
    write(path, first, beat)
    os.utime(path, (time.time() - 5 * HOUR,) * 2)
    assert fold(path)["last_heartbeat"] == first["start_time"]
    for nothing in ("soon", None):
        write(path, first | {"start_time": nothing}, beat)
        os.utime(path, (time.time() - 5 * HOUR,) * 2)
        assert fold(path)["last_heartbeat"] == timestamps.from_epoch(
            path.stat().st_mtime
        )
    good = ago(2)
    write(path, first, {"type": "heartbeat", "timestamp": good}, beat)
    assert fold(path)["last_heartbeat"] == good


def test_future_heartbeat_falls_back_to_the_mtime_and_never_exceeds_now(path):
    first = json.loads(path.read_text())
    first |= {"start_time": ago(30), "last_heartbeat": ago(29)}
    write(path, first, {"type": "heartbeat", "timestamp": ago(-0.02)})
    assert fold(path)["last_heartbeat"] > ago(0)  # 72 s: a clock that disagrees a bit
    for ahead in (1, 24, 87_600):
        write(path, first, {"type": "heartbeat", "timestamp": ago(-ahead)})
        os.utime(path, (time.time() - 5 * HOUR,) * 2)
        assert fold(path)["last_heartbeat"] == timestamps.from_epoch(
            path.stat().st_mtime
        )
        os.utime(path, (time.time() - 40 * HOUR,) * 2)
        assert fold(path)["last_heartbeat"] == first["last_heartbeat"]
        os.utime(path, (time.time() + 87_600 * HOUR,) * 2)
        assert fold(path)["last_heartbeat"] <= ago(0)


def test_timestamps_in_other_iso_forms_are_understood(path):
    first = json.loads(path.read_text())
    first["start_time"] = first["last_heartbeat"] = "2026-01-01T02:00:00+02:00"
    write(path, first, {"type": "heartbeat", "timestamp": "20260103T000000Z"})
    assert fold(path)["last_heartbeat"] == "2026-01-03T00:00:00.000Z"


def test_heartbeat_with_pid_0_keeps_the_recorded_process(path):
    pid = fold(path)["pid"]
    sessions.update_heartbeat(ID, state="busy", pid=0)
    assert fold(path)["pid"] == pid


def test_values_of_the_wrong_type_are_ignored(path):
    write(
        path,
        {
            "type": "session_metadata",
            "session_id": ID,
            "pid": True,
            "process": 7,
            "host": [],
            "cwd": {},
            "label": 1,
            "tasks": "x",
            "start_time": 5,
            "last_heartbeat": None,
            "others": "x",
            "unheard_of": 1,
        },
        {"type": "heartbeat", "state": "dancing", "pid": "x", "others": [1, {}, None]},
        {"type": "session_close", "reason": 7, "others": {"pid": DEAD_PID}},
        {"type": ["heartbeat"]},
        {"type": None},
    )
    metadata = fold(path)
    assert set(metadata) == {
        "session_id",
        "state",
        "state_since",
        "close_reason",
        "last_heartbeat",
    }
    assert metadata["state"] == "closed"


def test_session_is_closed_when_two_processes_close_at_once(path):
    """Each saw the other still running, and says so in its close."""
    with Client() as second:
        sessions.resume_session(ID, source="resume", pid=second.pid)
        resumed = json.loads(path.read_bytes().splitlines()[-1])
        assert resumed["others"][0]["pid"] == os.getpid()
        for pid, other in ((os.getpid(), second.pid), (second.pid, os.getpid())):
            both = {
                "type": "session_close",
                "pid": pid,
                "process": process.fingerprint(pid),
                "reason": "other",
                "others": [{"pid": other, "process": process.fingerprint(other)}],
            }
            with path.open("a") as file:
                file.write(json.dumps(both) + "\n")
        assert fold(path)["state"] == "closed"


def test_carried_values_never_override_an_earlier_update(path):
    add_raw(path, type="session_update", label="new", tasks=[1])
    add_raw(path, type="heartbeat", state="busy", label="old", tasks=[])
    metadata = fold(path)
    assert (metadata["label"], metadata["tasks"]) == ("new", [1])


def at(minute):
    return timestamps.from_epoch(time.time() - 3600 + minute * 60)


WAITS = {"state": "waiting", "waiting_for": "plan"}


@pytest.mark.parametrize(
    ("beats", "since", "waiting_for"),
    [
        pytest.param([], 0, None, id="idle-since-it-began"),
        pytest.param([{"state": "idle"}], 0, None, id="still-idle"),
        pytest.param([{"state": "busy"}] * 3, 1, None, id="a-run-of-an-old-record"),
        pytest.param([{"state": "busy"}, {}], 1, None, id="no-state-changes-nothing"),
        pytest.param([{"state": "busy"}, {"state": "idle"}], 2, None, id="idle-again"),
        pytest.param([WAITS, WAITS], 1, "plan", id="waits"),
        pytest.param([WAITS, {}], 1, "plan", id="waits-still"),
        pytest.param([WAITS, {"state": "waiting"}], 2, None, id="waits-for-something"),
        pytest.param(
            [WAITS, {**WAITS, "waiting_for": "question"}], 2, "question", id="for-more"
        ),
        pytest.param([WAITS, {"state": "busy"}], 2, None, id="wait-ends"),
        pytest.param(
            [{"state": "busy", "waiting_for": "plan"}], 1, None, id="busy-waits-not"
        ),
        pytest.param(
            [{"state": "waiting", "waiting_for": "Godot"}], 1, None, id="unknown-wait"
        ),
        pytest.param(
            [{"state": "waiting", "waiting_for": [1]}], 1, None, id="wait-of-a-list"
        ),
        pytest.param(
            [{"state": "busy"}, {"state": "busy", "state_since": -30}],
            -30,
            None,
            id="carried",
        ),
        pytest.param(
            [{"state": "busy"}, {"state": "busy", "state_since": None}],
            1,
            None,
            id="null",
        ),
    ],
)
@pytest.mark.parametrize("more", [{}, {"host": "here"}], ids=["short-cut", "in-full"])
@pytest.mark.parametrize("lacking", [[], ["process"]], ids=["fingerprint", "pid-alone"])
def test_state_since_is_the_beginning_of_the_state(
    path, beats, since, waiting_for, more, lacking
):
    """A host in an entry keeps the fold from its short cut."""
    who = {key: value for key, value in FIRST.items() if key not in lacking}
    line = {**json.loads(path.read_text()), **FIRST, "start_time": at(0)}
    entries = []
    for minute, beat in enumerate(beats, 1):
        entry = {"type": "heartbeat", "timestamp": at(minute), **who, **beat, **more}
        if not more:
            del entry["host"]
        if entry.get("state_since"):
            entry["state_since"] = at(entry["state_since"])
        entries.append(entry)
    line = {key: value for key, value in line.items() if key not in lacking}
    write(path, {**line, "last_heartbeat": at(0)}, *entries)
    metadata = fold(path)
    expected = timestamps.parse(at(since))
    assert abs(timestamps.parse(metadata["state_since"]) - expected) < 5
    assert metadata.get("waiting_for") == waiting_for


@pytest.mark.parametrize(
    "value",
    [None, 7, [], "soon", "1999-01-01T00:00:00.000Z", "9999-01-01T00:00:00.000Z"],
    ids=["none", "number", "list", "word", "too-early", "too-late"],
)
def test_state_since_is_the_last_heartbeat_where_it_cannot_be_believed(path, value):
    others = [{**SECOND, "state": "busy", "state_since": value}]
    add_raw(path, type="heartbeat", state="busy", state_since=value, others=others)
    metadata = fold(path)
    assert metadata["state_since"] == metadata["last_heartbeat"]
    assert metadata["others"][0]["state_since"] == metadata["last_heartbeat"]


def test_an_empty_name_removes_that_of_line_1(path):
    line = json.loads(path.read_text())
    write(path, {**line, "name": "Payments"})
    assert fold(path)["name"] == "Payments"
    add_raw(path, type="heartbeat", state="busy", name="")
    assert "name" not in fold(path)
    sessions.append_to_session(ID, {"type": "bulk", "text": "x" * 9000})
    sessions.update_heartbeat(ID, state="idle")
    assert "name" not in fold(path)
