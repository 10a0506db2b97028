"""What a new entry carries from those before it, also while others write."""

from __future__ import annotations

import json
import multiprocessing
import os

import pytest
from folding import add_raw, fold
from support import ID, Client, has_open, lines

from lib import sessions
from lib.store import journal
from lib.system import machine, process

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def path(store):
    sessions.create_session(session_id=ID)
    return store / f"{ID}.jsonl"


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


def test_label_set_while_a_heartbeat_waits_is_kept(path):
    sessions.append_to_session(ID, {"type": "session_update", "label": "old"})
    meanwhile(
        path,
        lambda: sessions.update_heartbeat(ID, state="busy"),
        type="session_update",
        label="new",
    )
    assert fold(path)["label"] == "new"
    assert json.loads(path.read_bytes().splitlines()[-1])["label"] == "new"


def test_process_that_resumes_while_another_closes_is_kept(path):
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


def test_resume_entry_records_only_changed_metadata(path):
    known = {"client_version": "2.1.200", "entrypoint": "cli", "project_dir": "/a"}
    sessions.resume_session("b", source="startup", **known)
    news = {"client_version": "2.1.330", "entrypoint": "cli", "project_dir": "/b"}
    sessions.resume_session("b", source="resume", **news)
    entry = json.loads((path.parent / "b.jsonl").read_bytes().splitlines()[-1])
    assert "entrypoint" not in entry
    metadata = fold(path.parent / "b.jsonl")
    assert {key: metadata[key] for key in news} == news
    assert metadata["source"] == "startup"


def test_heartbeat_carries_at_most_16_other_processes(path):
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


def test_close_without_a_pid_closes_only_the_calling_process(path):
    with Client() as second:
        sessions.resume_session(ID, source="resume", pid=second.pid)
        sessions.close_session(ID)
        metadata = fold(path)
        assert (metadata["pid"], metadata["state"]) == (second.pid, "idle")


def test_heartbeat_does_not_carry_dead_processes(path):
    with Client() as second:
        sessions.resume_session(ID, source="resume", pid=second.pid)
    sessions.update_heartbeat(ID, state="busy", pid=os.getpid())
    entry = json.loads(path.read_bytes().splitlines()[-1])
    assert "others" not in entry


@pytest.fixture
def machine_id(monkeypatch):
    """Let this machine be another from now on, each time that it is called."""

    def become(value):
        monkeypatch.setattr(machine, "_IDS", [value])

    become("a" * 32)
    return become


def test_machine_is_recorded_when_a_session_begins_and_not_with_each_heartbeat(
    store, machine_id
):
    sessions.create_session(session_id=ID)
    sessions.update_heartbeat(ID, state="busy")
    first, beat = lines(store / f"{ID}.jsonl")
    assert first["machine"] == "a" * 32
    assert "machine" not in beat
    assert "host" not in beat
    assert sessions.discover_sessions()[0].metadata["machine"] == "a" * 32


@pytest.mark.parametrize("second", ["b" * 32, None], ids=["other", "none"])
def test_machine_that_differs_from_line_1_is_carried_with_the_host(
    store, machine_id, second
):
    path = store / f"{ID}.jsonl"
    sessions.create_session(session_id=ID, pid=0)
    machine_id(second)
    sessions.resume_session(ID, source="resume")
    machine_id("c" * 32)  # a heartbeat does not ask
    sessions.update_heartbeat(ID, state="busy")
    _, resume, beat = lines(path)
    assert resume.get("machine") == beat.get("machine") == second
    assert resume["host"] == beat["host"] == process.host_name()
    assert sessions.discover_sessions()[0].metadata.get("machine") == second


def test_processes_on_two_machines_of_one_name_are_two(store, machine_id):
    other = {"pid": 7, "process": "linux:their-boot:1:7:7"}
    sessions.create_session(session_id=ID, pid=0)
    path = store / f"{ID}.jsonl"
    first = {**json.loads(path.read_text()), **other, "machine": "b" * 32}
    path.write_text(json.dumps(first) + "\n")
    sessions.update_heartbeat(ID, pid=os.getpid(), state="busy")
    metadata = sessions.discover_sessions()[0].metadata
    (attached,) = metadata["others"]
    assert (attached["pid"], attached["machine"]) == (7, "b" * 32)
    reasons = sessions.verdict(metadata).reasons
    assert f"pid 7 is on another machine, {process.host_name()}" in reasons
