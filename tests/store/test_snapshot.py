"""Folding: what head and tail of a file say, and that they are enough."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import time

import pytest
from support import DEAD_PID, ID, Client, has_open

from lib import sessions
from lib.record import timestamps
from lib.store import journal, snapshot
from lib.system import process

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def path(store):
    sessions.create_session(session_id=ID)
    return store / f"{ID}.jsonl"


def fold(path):
    return snapshot.read(str(path), time.time()).metadata


def bulk(count=8):
    for _ in range(count):
        sessions.append_to_session(ID, {"type": "bulk", "x": "y" * 50_000})


def write(path, *entries):
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def test_a_pid_that_changed_in_an_unread_middle_is_the_current_one(path):
    with Client() as second:
        bulk()
        sessions.resume_session(ID, source="resume", pid=second.pid)
        bulk()
        sessions.update_heartbeat(ID, state="busy", pid=second.pid)
        bulk(2)
        metadata = fold(path)
        assert metadata["pid"] == second.pid
        assert metadata["state"] == "busy"
        assert metadata["others"][0]["pid"] == os.getpid()


def test_entries_of_other_tools_do_not_hide_the_last_heartbeat(path):
    sessions.update_heartbeat(ID, state="waiting")
    bulk(40)
    assert fold(path)["state"] == "waiting"


def test_a_process_that_left_in_an_unread_middle_does_not_keep_the_session(path):
    """The first process lives on, but its part in this session ended long ago."""
    sessions.close_session(ID)
    gone = subprocess.Popen(["sleep", "600"])
    sessions.resume_session(ID, source="resume", pid=gone.pid)
    bulk()
    sessions.update_heartbeat(ID, state="busy")
    gone.kill()
    gone.wait()
    assert sessions.verdict(fold(path)).verdict == "dead"


def test_the_host_is_the_one_of_the_process_last_heard_of(path):
    first = json.loads(path.read_text())
    first["host"] = "elsewhere"
    first["process"] = "linux:other-boot:1:7:7"
    write(path, first)
    assert sessions.verdict(fold(path)).verdict == "unknown"
    sessions.resume_session(ID, source="resume")
    bulk()
    sessions.update_heartbeat(ID, state="busy")
    metadata = fold(path)
    assert metadata["host"] == process.host_name()
    assert sessions.is_session_alive(metadata)


FIRST = {"pid": 100, "process": "linux:b:1:100:5", "host": "here"}
REUSED = {"pid": 100, "process": "linux:b:1:100:9", "host": "here"}
SECOND = {"pid": 200, "process": "linux:b:1:200:7", "host": "here"}
BARE = {"pid": 200, "host": "here"}
AWAY = {**FIRST, "host": "away"}


@pytest.mark.parametrize(
    ("first", "beats", "current", "others"),
    [
        (FIRST, [FIRST], FIRST, []),
        (FIRST, [SECOND], SECOND, [FIRST]),
        (FIRST, [REUSED], REUSED, [FIRST]),
        (FIRST, [SECOND, FIRST], FIRST, [SECOND]),
        (FIRST, [AWAY], AWAY, []),
        (FIRST, [{}], FIRST, []),
        (BARE, [SECOND], SECOND, []),
        ({"pid": 100, "host": "here"}, [BARE], BARE, [{"pid": 100, "host": "here"}]),
        ({"host": "here"}, [FIRST], FIRST, []),
        (FIRST, [FIRST | {"others": [SECOND]}], FIRST, [SECOND]),
    ],
)
def test_whom_heartbeats_name_is_at_work(path, first, beats, current, others):
    line = json.loads(path.read_text())
    for key in ("pid", "process", "host"):
        del line[key]
    named = [{"type": "heartbeat", "state": "busy", **beat} for beat in beats]
    write(path, line | first, *named)
    metadata = fold(path)
    assert {key: metadata[key] for key in FIRST if key in metadata} == current
    found = [dict(other) for other in metadata.get("others", [])]
    assert [{k: v for k, v in o.items() if k != "state"} for o in found] == others


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (["busy", None], "busy"),
        (["busy", "no state"], "busy"),
        (["closed"], "closed"),
        (["closed", None], "idle"),
        ([None], "idle"),
    ],
)
def test_a_heartbeat_without_a_state_changes_none(path, states, state):
    first = json.loads(path.read_text())
    beats = [{"type": "heartbeat", "state": said, "pid": 7} for said in states]
    write(path, {k: v for k, v in first.items() if k != "process"} | {"pid": 7}, *beats)
    assert fold(path)["state"] == state


def test_the_newest_of_all_times_counts_whatever_their_order(path):
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
def test_without_a_heartbeat_the_start_counts_and_then_the_file(path, value):
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


def test_a_heartbeat_from_the_future_is_the_files_time_and_never_later_than_now(path):
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


def test_a_time_of_another_form_is_understood(path):
    first = json.loads(path.read_text())
    first["start_time"] = first["last_heartbeat"] = "2026-01-01T02:00:00+02:00"
    write(path, first, {"type": "heartbeat", "timestamp": "20260103T000000Z"})
    assert fold(path)["last_heartbeat"] == "2026-01-03T00:00:00.000Z"


def test_a_heartbeat_of_a_hook_whose_client_died_claims_no_process(path):
    pid = fold(path)["pid"]
    sessions.update_heartbeat(ID, state="busy", pid=0)
    assert fold(path)["pid"] == pid


def test_values_of_the_wrong_kind_are_passed_over(path):
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
        "close_reason",
        "last_heartbeat",
    }
    assert metadata["state"] == "closed"


def test_two_processes_that_close_at_once_leave_it_closed(path):
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


def add_raw(path, **fields):
    entry = {
        "v": 1,
        "session_id": ID,
        "timestamp": timestamps.from_epoch(time.time()),
        **fields,
    }
    with path.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def meanwhile(path, call, **written):
    """Let another process make *call*, and write an entry while it waits its turn."""
    with journal.locked(str(path)):
        caller = FORK.Process(target=call)
        caller.start()
        while not has_open(caller.pid, path):
            os.sched_yield()
        add_raw(path, **written)
    caller.join()
    assert caller.exitcode == 0


def test_a_label_set_while_a_heartbeat_waits_is_not_undone(path):
    sessions.append_to_session(ID, {"type": "session_update", "label": "old"})
    meanwhile(
        path,
        lambda: sessions.update_heartbeat(ID, state="busy"),
        type="session_update",
        label="new",
    )
    assert fold(path)["label"] == "new"
    assert json.loads(path.read_bytes().splitlines()[-1])["label"] == "new"


def test_what_is_carried_never_wins_over_an_update_that_came_before(path):
    add_raw(path, type="session_update", label="new", tasks=[1])
    add_raw(path, type="heartbeat", state="busy", label="old", tasks=[])
    metadata = fold(path)
    assert (metadata["label"], metadata["tasks"]) == ("new", [1])


def test_a_process_that_comes_while_another_closes_is_not_forgotten(path):
    pid = os.getpid()
    with Client() as second:
        meanwhile(
            path,
            lambda: sessions.close_session(ID, pid=pid),
            type="session_resume",
            pid=second.pid,
            process=process.fingerprint(second.pid),
        )
        metadata = fold(path)
        assert metadata["pid"] == second.pid
        assert sessions.is_session_alive(metadata)


def test_a_resume_says_what_is_new_about_the_session(path):
    known = {"client_version": "2.1.200", "entrypoint": "cli", "project_dir": "/a"}
    sessions.resume_session("b", source="startup", **known)
    news = {"client_version": "2.1.330", "entrypoint": "cli", "project_dir": "/b"}
    sessions.resume_session("b", source="resume", **news)
    entry = json.loads((path.parent / "b.jsonl").read_bytes().splitlines()[-1])
    assert "entrypoint" not in entry
    metadata = fold(path.parent / "b.jsonl")
    assert {key: metadata[key] for key in news} == news
    assert metadata["source"] == "startup"


def test_too_many_processes_to_carry_do_not_keep_a_session_from_being_written(path):
    others = [
        {"pid": 7, "process": f"linux:boot-{n}:1:7:7", "host": "elsewhere", "x": "y"}
        for n in range(500)
    ]
    add_raw(path, type="heartbeat", state="busy", others=others)
    add_raw(path, type="session_update", tasks=["x" * 60_000])
    sessions.update_heartbeat(ID, state="idle")
    entry = json.loads(path.read_bytes().splitlines()[-1])
    assert len(entry["others"]) == 16
    assert "tasks" not in entry


def test_who_closes_without_a_pid_closes_his_own_part(path):
    with Client() as second:
        sessions.resume_session(ID, source="resume", pid=second.pid)
        sessions.close_session(ID)
        metadata = fold(path)
        assert (metadata["pid"], metadata["state"]) == (second.pid, "idle")


def test_dead_companions_are_not_carried_along(path):
    with Client() as second:
        sessions.resume_session(ID, source="resume", pid=second.pid)
    sessions.update_heartbeat(ID, state="busy", pid=os.getpid())
    entry = json.loads(path.read_bytes().splitlines()[-1])
    assert "others" not in entry
