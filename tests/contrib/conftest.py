"""Sessions of every kind, for the queries of `contrib` to find."""

from __future__ import annotations

import json
import os

import pytest
from support import DEAD_PID

from lib import sessions


@pytest.fixture
def kinds(store, tmp_path, monkeypatch):
    """A session in each state, opened twice, closed, archived, and with a torn line."""
    monkeypatch.chdir(tmp_path)  # which is not in a worktree
    for name, state, wait in (
        ("asks", "waiting", "question"),
        ("waits", "waiting", None),
        ("works", "busy", None),
        ("rests", "idle", None),
    ):
        sessions.create_session("before", session_id=name, cwd=f"/srv/{name}")
        sessions.update_heartbeat(name, state=state, waiting_for=wait)
    # The state goes on: the entry says since when.
    sessions.update_heartbeat("asks", state="waiting", waiting_for="question")
    sessions.append_to_session("asks", {"type": "session_update", "label": "日本"})
    sessions.append_to_session(
        "asks", {"type": "deploy.done", "state": "failed", "label": "not this"}
    )
    sessions.append_to_session("works", {"type": "session_update", "label": ""})
    sessions.create_session(session_id="only-line-1")
    sessions.create_session(session_id="killed", pid=DEAD_PID)
    for name in ("closed", "archived", "opened-twice", "again"):
        sessions.create_session(session_id=name)
        sessions.update_heartbeat(name, state="waiting", waiting_for="plan")
    sessions.update_heartbeat("opened-twice", state="busy", pid=os.getppid())
    sessions.close_session("opened-twice", pid=os.getppid())
    sessions.update_heartbeat(
        "closed", state=lambda _: {"state": "busy", "branch": "main", "name": "shop"}
    )
    sessions.close_session("closed")
    sessions.close_session("again")
    sessions.update_heartbeat("again", state="busy")
    sessions.archive_session(sessions.get_session_path("archived"))
    with (store / "works.jsonl").open("ab") as file:
        file.write(b'{"type":"heartbeat","state":"waiting","na\n\n\xff\n')
    return store


@pytest.fixture
def listed(kinds, headcount):
    """What `headcount list` says of them, by id, in the words of the record alone."""
    _, output, _ = headcount("list", "--all", "--json")
    return {
        session["session_id"]: session for session in json.loads(output)["sessions"]
    }


@pytest.fixture
def longest_waiting(listed):
    """The live sessions that wait, and for what, in the order of their waits."""
    waiting = [
        session
        for session in listed.values()
        if session["state"] == "waiting" and not session["archived"]
    ]
    assert len(waiting) > 2  # else the order says nothing
    waiting.sort(key=lambda session: (session["state_since"], session["session_id"]))
    return [(session["session_id"], session["waiting_for"]) for session in waiting]
