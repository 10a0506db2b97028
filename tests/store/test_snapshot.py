"""The snapshot of a session: the head and the tail of its file are enough."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from folding import fold, write
from support import ID, Client

from lib import sessions
from lib.system import process


@pytest.fixture
def path(store):
    sessions.create_session(session_id=ID)
    return store / f"{ID}.jsonl"


def bulk(count=8):
    for _ in range(count):
        sessions.append_to_session(ID, {"type": "bulk", "x": "y" * 50_000})


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
