"""What a new entry carries from those before it, also while others write."""

from __future__ import annotations

import json
import multiprocessing
import os

import pytest
from folding import add_raw, fold
from support import ID, Client, has_open

from lib import sessions
from lib.store import journal
from lib.system import process

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
