"""The functions for other programs say what the commands say, and follow changes."""

from __future__ import annotations

import json
import os
import shlex
import sys
import threading

import pytest
from support import DEAD_PID, ID, ROOT, Client

import lib
from lib import api, sessions
from lib.errors import AmbiguousIdError, SessionNotFoundError

OTHER = "1d0c3f7e-0000-4000-8000-000000000002"
WHOSE = "import lib; s = lib.current(); print(s and s['session_id'])"


@pytest.fixture
def three(store):
    """A session that waits, one that is idle, and one that is dead."""
    sessions.create_session("deploy", session_id="waiting-1")
    sessions.update_heartbeat("waiting-1", state="waiting", waiting_for="question")
    sessions.create_session(session_id="idle-1")
    sessions.update_heartbeat("idle-1", state="idle")
    sessions.create_session(session_id="dead-1", pid=DEAD_PID)


def ids(found):
    return {session["session_id"] for session in found}


def test_package_has_the_functions_and_costs_nothing_until_one_is_used():
    assert {name: getattr(lib, name) for name in lib.__all__} == {
        name: getattr(api, name) for name in lib.__all__
    }
    with pytest.raises(AttributeError):
        _ = lib.nothing


def test_live_waiting_and_get_say_what_list_says(three, headcount):
    listed = json.loads(headcount("list", "--json")[1])["sessions"]
    by_id = {session["session_id"]: session for session in listed}
    assert ids(api.live()) == {"waiting-1", "idle-1"}
    assert ids(api.waiting()) == {"waiting-1"}
    for session in api.live():
        shown = by_id[session["session_id"]]
        assert session.keys() == shown.keys()
        assert session["state"] == shown["state"]
        assert session["waiting_for"] == shown["waiting_for"]


def test_get_finds_a_session_by_id_prefix_or_label(three):
    assert ids([api.get("waiting-1"), api.get("wait"), api.get("deploy")]) == {
        "waiting-1"
    }
    with pytest.raises(SessionNotFoundError):
        api.get("nobody")
    sessions.create_session("deploy", session_id="second")
    with pytest.raises(AmbiguousIdError):
        api.get("deploy")


def ask(client, code):
    """Run Python *code* below the client, as its Bash tool or an MCP server does."""
    words = [sys.executable, "-c", code]
    done = client.run(shlex.join(words), env={"PYTHONPATH": str(ROOT)}, cwd="/")
    assert done["status"] == 0, done
    return str(done["stdout"]).strip()


def test_current_is_the_session_of_the_client_above_also_after_a_clear(client):
    assert ask(client, WHOSE) == "None"
    client.fire("SessionStart", source="startup")
    with Client() as other:
        other.fire("SessionStart", OTHER, source="startup")
        assert ask(other, WHOSE) == OTHER
        assert ask(client, WHOSE) == ID
    client.fire("SessionEnd", reason="clear")
    client.fire("SessionStart", "next-one", source="clear")
    assert ask(client, WHOSE) == "next-one"


def test_current_outside_of_a_client_is_none(three, monkeypatch):
    monkeypatch.setattr(api.client_process, "find_client", lambda _: None)
    assert api.current() is None


def test_entries_are_those_of_a_live_or_archived_session_by_type(three):
    api.append("idle-1", {"type": "build.done", "ok": True})
    sessions.close_session("idle-1")
    sessions.archive_session(sessions.get_session_path("idle-1"))
    assert [e["type"] for e in api.entries("idle-1")] == [
        *("session_metadata", "heartbeat", "build.done", "session_close")
    ]
    assert [e["ok"] for e in api.entries("idle-1", types=["build.done"])] == [True]


@pytest.fixture(params=["watchfiles", "polling"])
def interval(request, monkeypatch):
    """How often to look: with watchfiles so rarely that only an event is seen."""
    if request.param == "watchfiles":
        return 3600.0
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    return 0.05


def test_watch_yields_each_change_once_until_it_is_closed(three, interval):
    news = api.watch(interval=interval)
    first = [next(news), next(news)]
    assert {change.event for change in first} == {"started"}
    assert ids(change.session for change in first) == {"waiting-1", "idle-1"}
    sessions.update_heartbeat("idle-1", state="busy")
    change = next(news)
    assert (change.event, change.session["session_id"]) == ("changed", "idle-1")
    assert change.before["state"] == "idle"
    news.close()


def test_watch_sees_a_killed_process_within_its_interval(store, client):
    client.fire("SessionStart", source="startup")
    news = api.watch(interval=0.05)
    assert next(news).event == "started"
    client.kill()
    change = next(news)
    assert (change.event, change.session["verdict"]) == ("ended", "dead")


def test_wait_for_returns_the_first_session_in_the_state_or_none(three, interval):
    assert api.wait_for("waiting", interval=interval)["session_id"] == "waiting-1"
    assert api.wait_for("busy", timeout=0) is None
    assert api.wait_for("waiting", "idle-1", timeout=0) is None
    closing = threading.Thread(target=sessions.close_session, args=["idle-1"])
    closing.start()
    assert api.wait_for("closed", "idle-1", interval=interval)


def test_examples_of_the_document_run(three, capsys):
    """They are run in order, as one program."""
    text = (ROOT / "docs/api.md").read_text()
    blocks = [block.split("```")[0] for block in text.split("```python\n")[1:]]
    assert len(blocks) > 3
    sys.modules["headcount"] = lib
    try:
        exec(compile("\n".join(blocks), "docs/api.md", "exec"), {})
    finally:
        del sys.modules["headcount"]
    printed = capsys.readouterr().out
    assert "waiting-1 question" in printed
    assert "staging" in printed
    assert f"started {api.live()[0]['session_id']}" in printed
    assert os.environ["HEADCOUNT_DIR"]
