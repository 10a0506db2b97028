"""The client's own session file as evidence of what a session does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from support import ROOT

from lib.claude import session_status
from lib.record import timestamps
from lib.system import process

ID = "6c6df4ed-7983-4416-9b2c-8e80de7b0f12"
NOW_MS = 1_795_395_355_245
NOW = NOW_MS / 1000


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / "config"
    (folder / "sessions").mkdir(parents=True)
    return folder


@pytest.fixture
def session(config):
    """A session on record as busy, of this very process."""
    return {
        "session_id": ID,
        "pid": os.getpid(),
        "process": process.fingerprint(os.getpid()),
        "transcript_path": str(config / f"projects/-home-user-project/{ID}.jsonl"),
        "state": "busy",
        "last_heartbeat": timestamps.from_epoch(NOW - 60),
    }


@pytest.fixture
def entry(payloads, session):
    """The file of the client 2.1.330, as if this process had written it."""
    recorded = json.loads((payloads / "_claude_own_session_file.json").read_text())
    _, _, namespace, pid, start = session["process"].split(":")
    return {
        **recorded["claude_sessions_PID_json"],
        "pid": int(pid),
        "procStart": start,
        "pidDomain": f"linux:3d1219c7c4c5404aaa1f6d2a48adfda4:pid:[{namespace}]",
    }


@pytest.fixture
def path(config, session):
    return config / f"sessions/{session['pid']}.json"


@pytest.fixture
def ask(path, session, entry):
    """Write the file with *changes*, and return what it says of the session."""

    def run(recorded=None, **changes):
        path.write_text(json.dumps({**entry, **changes}))
        return session_status.of_session({**session, **(recorded or {})})

    return run


def says(status):
    return (status.state, status.waiting_for)


WAITS_FOR_ELICITATION = {"state": "waiting", "waiting_for": "elicitation"}


@pytest.mark.parametrize(
    ("changes", "recorded", "expected"),
    [
        pytest.param({"status": "idle"}, {}, ("idle", None), id="idle"),
        pytest.param({"status": "busy"}, {"state": "idle"}, ("busy", None), id="busy"),
        pytest.param({"status": "shell"}, {}, ("busy", None), id="background-shell"),
        pytest.param(
            {"status": "waiting", "waitingFor": "permission prompt"},
            {},
            ("waiting", "permission"),
            id="permission",
        ),
        pytest.param(
            {"status": "waiting", "waitingFor": "permission prompt"},
            {"state": "waiting", "waiting_for": "question"},
            ("waiting", "question"),
            id="question-of-2.1.200",
        ),
        pytest.param(
            {"status": "waiting", "waitingFor": "permission prompt"},
            {"state": "waiting", "waiting_for": "dialog"},
            ("waiting", "permission"),
            id="permission-after-a-dialog",
        ),
        pytest.param(
            {"status": "waiting", "waitingFor": "permission prompt"},
            {"state": "busy", "waiting_for": "plan"},
            ("waiting", "permission"),
            id="an-earlier-wait",
        ),
        pytest.param(
            {"status": "waiting", "waitingFor": "approve Bash"},
            {},
            ("waiting", "permission"),
            id="permission-of-2.1.119",
        ),
        pytest.param(
            {"status": "waiting", "waitingFor": "approve AskUserQuestion"},
            {},
            ("waiting", "question"),
            id="question-of-2.1.119",
        ),
        pytest.param(
            {"status": "waiting", "waitingFor": "input needed"},
            {},
            ("waiting", "question"),
            id="question",
        ),
        pytest.param(
            {"status": "waiting", "waitingFor": "input needed"},
            WAITS_FOR_ELICITATION,
            ("waiting", "elicitation"),
            id="elicitation",
        ),
        pytest.param(
            {"status": "waiting", "waitingFor": "dialog open"},
            {"state": "busy"},
            ("waiting", "dialog"),
            id="dialog-in-a-turn",
        ),
        pytest.param(
            {"status": "waiting", "waitingFor": "dialog open"},
            {"state": "idle"},
            ("idle", None),
            id="dialog-between-turns",
        ),
        pytest.param(
            {"status": "waiting", "waitingFor": "goal proposal"},
            {},
            ("waiting", "other"),
            id="other",
        ),
        pytest.param(
            {"status": "waiting", "waitingFor": None},
            {},
            ("waiting", "other"),
            id="waiting-for-nothing-known",
        ),
        pytest.param(
            {"status": "busy"},
            {
                **WAITS_FOR_ELICITATION,
                "last_heartbeat": timestamps.from_epoch(NOW + 1),
            },
            ("waiting", "elicitation"),
            id="newer-elicitation-on-record",
        ),
        pytest.param(
            {"status": "busy"},
            WAITS_FOR_ELICITATION,
            ("busy", None),
            id="older-elicitation-on-record",
        ),
        pytest.param(
            {"status": "busy"},
            {
                "state": "waiting",
                "waiting_for": "permission",
                "last_heartbeat": timestamps.from_epoch(NOW + 1),
            },
            ("busy", None),
            id="permission-repeated-by-a-later-entry",
        ),
        pytest.param(
            {"status": "idle"},
            {
                **WAITS_FOR_ELICITATION,
                "last_heartbeat": timestamps.from_epoch(NOW + 1),
            },
            ("idle", None),
            id="idle-beats-elicitation",
        ),
    ],
)
def test_of_session_maps_the_status(ask, changes, recorded, expected):
    assert says(ask(recorded, **changes)) == expected


def test_of_session_gives_since_name_and_evidence(ask):
    status = ask(
        status="waiting", waitingFor="input needed", name="Payments", nameSource="user"
    )
    assert status.since == NOW
    assert (status.name, status.name_is_user_given) == ("Payments", True)
    assert status.evidence == (
        "Claude Code's own session file says waiting: input needed"
    )


def test_of_session_tells_a_derived_name(ask):
    status = ask()
    assert (status.name, status.name_is_user_given) == ("proj-39", False)
    assert ask(name=None).name is None


@pytest.mark.parametrize(
    ("changes", "since"),
    [
        pytest.param({"statusUpdatedAt": None}, NOW + 1, id="2.1.119-to-2.1.199"),
        pytest.param({"statusUpdatedAt": 0, "updatedAt": -1}, None, id="not-times"),
        pytest.param({"statusUpdatedAt": "x", "updatedAt": []}, None, id="not-numbers"),
        pytest.param({"statusUpdatedAt": 10**400}, NOW + 1, id="absurd"),
    ],
)
def test_of_session_since(ask, changes, since):
    assert ask(**{"updatedAt": NOW_MS + 1000, **changes}).since == since


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"pid": 1}, id="pid"),
        pytest.param({"sessionId": "another"}, id="session"),
        pytest.param({"procStart": "1"}, id="start-time"),
        pytest.param({"procStart": None}, id="no-start-time"),
        pytest.param({"pidDomain": "linux:x:pid:[1]"}, id="pid-namespace"),
        pytest.param({"status": None}, id="no-status"),
        pytest.param({"status": "sleeping"}, id="unknown-status"),
        pytest.param({"status": ["idle"]}, id="status-of-another-type"),
    ],
)
def test_of_session_is_none_for(ask, changes):
    assert ask(**changes) is None


@pytest.mark.parametrize(
    "recorded",
    [
        pytest.param({"pid": None}, id="no-pid"),
        pytest.param({"pid": "../../x"}, id="pid-that-is-a-path"),
        pytest.param({"process": None}, id="no-fingerprint"),
        pytest.param({"process": "linux:x"}, id="broken-fingerprint"),
        pytest.param({"process": "psutil:1"}, id="broken-psutil-fingerprint"),
        pytest.param({"process": "psutil:1:1:x"}, id="psutil-without-a-time"),
        pytest.param({"session_id": None}, id="no-session-id"),
        pytest.param({"transcript_path": "projects/x/y.jsonl"}, id="another-folder"),
        pytest.param({"transcript_path": "/\0/projects/x/y"}, id="not-a-path"),
    ],
)
def test_of_session_is_none_for_a_record_with(ask, recorded):
    assert ask(recorded) is None


def test_of_session_takes_a_domain_without_a_namespace(ask):
    assert ask(pidDomain="darwin:x") is not None


@pytest.mark.parametrize(
    ("begun", "found"),
    [pytest.param(5, True, id="since"), pytest.param(-5, False, id="before")],
)
def test_of_session_compares_wall_clocks_where_there_is_no_proc(ask, begun, found):
    """Without /proc the file counts if it was begun since the process was."""
    start = NOW - 100
    recorded = {"process": f"psutil:1:{os.getpid()}:{start:.2f}"}
    status = ask(recorded, startedAt=(start + begun) * 1000)
    assert (status is not None) is found


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"status":', id="torn"),
        pytest.param(b"[]", id="not-an-object"),
        pytest.param(b"\xff\xfe", id="not-utf-8"),
        pytest.param(b"[" * 60_000, id="deep"),
        pytest.param(b'{"status": NaN}', id="nan"),
        pytest.param(b" " * (1 << 20), id="huge"),
    ],
)
def test_of_session_survives_content(path, session, content):
    path.write_bytes(content)
    assert session_status.of_session(session) is None


def test_of_session_survives_values_of_any_type(ask, entry):
    values = (None, True, -1, 10**30, 0.5, "x", [], {}, [[]], "\ud800")
    for key in entry:
        for value in values:
            ask(**{key: value})


def test_of_session_ignores_what_is_not_a_regular_file(path, session):
    assert session_status.of_session(session) is None  # nothing there
    path.mkdir()
    assert session_status.of_session(session) is None
    path.rmdir()
    os.mkfifo(path)
    assert session_status.of_session(session) is None
    path.unlink()
    path.symlink_to(path.name)
    assert session_status.of_session(session) is None


@pytest.mark.parametrize(
    ("status", "idle_after_seconds", "observed"),
    [
        pytest.param("busy", 0.3, None, id="idle-on-record-later"),
        pytest.param("busy", -0.3, "busy", id="busy-in-the-file-later"),
        pytest.param("shell", 0.3, "busy", id="a-shell-runs-on"),
    ],
)
def test_observe_takes_busy_only_from_a_file_written_after_the_session_became_idle(
    ask, session, status, idle_after_seconds, observed
):
    since = timestamps.from_epoch(NOW + idle_after_seconds)
    recorded = {"state": "idle", "state_since": since}
    ask(recorded, status=status, statusUpdatedAt=NOW_MS)
    observation = session_status.observe({**session, **recorded})
    assert observation.get("state") == observed


def test_observe_gives_a_hook_what_to_record(ask, session):
    assert session_status.observe(session) == {}
    ask(status="waiting", waitingFor="permission prompt", nameSource="user")
    assert session_status.observe({**session, "waiting_for": "plan"}) == {
        "state": "waiting",
        "waiting_for": "permission",
        "state_since": NOW,
        "name": "proj-39",
    }
    known = {**session, "state": "waiting", "waiting_for": "permission"}
    assert session_status.observe(known)["state_since"] is None


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        pytest.param({"nameSource": "user"}, "proj-39", id="given"),
        pytest.param({"nameSource": "derived"}, "", id="derived"),
        pytest.param({"nameSource": None}, None, id="not-told"),
        pytest.param({"name": None, "nameSource": "user"}, None, id="none"),
        pytest.param({"name": "x" * 300, "nameSource": "user"}, "x" * 256, id="long"),
    ],
)
def test_given_name_is_one_that_a_person_chose(ask, session, changes, name):
    ask(status=None, **changes)
    assert session_status.given_name(session) == name
    assert session_status.given_name({**session, "session_id": "another"}) is None


def test_config_folder_is_that_of_the_transcript(monkeypatch, tmp_path):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "/configured")
    folder = session_status.config_folder
    assert folder("/home/u/.claude-work/projects/-p/x.jsonl") == "/home/u/.claude-work"
    assert folder("/home/u/elsewhere/-p/x.jsonl") == "/configured"
    assert folder(None) == "/configured"
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder() == f"{tmp_path}/.claude"


def test_of_session_reads_twenty_files_in_a_millisecond(ask, session):
    ask()
    best = min(_seconds_for(20, session) for _ in range(20))
    assert best < 0.001


def _seconds_for(files, session):
    began = time.perf_counter()
    for _ in range(files):
        session_status.of_session(session)
    return time.perf_counter() - began


def test_of_session_imports_nothing_that_would_slow_a_hook(ask, session):
    ask()
    code = (
        f"import sys; before = set(sys.modules); sys.path.insert(0, {str(ROOT)!r})\n"
        "from lib.claude import session_status\n"
        f"assert session_status.of_session({session!r}).state == 'idle'\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    slow = {"json", "re", "typing", "pathlib", "enum", "datetime", "dataclasses"}
    assert slow.isdisjoint(done.stdout.split())
