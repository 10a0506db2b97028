"""The client versions in use: `claude` on PATH, and the live sessions on record."""

from __future__ import annotations

import os
import time

import pytest
from installing import of_version, put_claude
from support import DEAD_PID

from lib import sessions
from lib.claude import events, versions
from lib.claude.versions import ClientInUse
from lib.system import process

ON_PATH = "`claude` on PATH"
NOW = time.time()


@pytest.fixture
def claude(tmp_path, monkeypatch):
    """Put a `claude` on PATH that runs a script."""

    def put(script):
        folder = put_claude(tmp_path / "client", script)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return put


def record(name, version, *, pid=None, by_hook=True):
    sessions.create_session(
        session_id=name,
        pid=pid or os.getpid(),
        transcript_path="/t.jsonl" if by_hook else None,
        client_version=version,
    )


@pytest.mark.parametrize(
    ("script", "version"),
    [
        pytest.param(of_version("2.1.332"), "2.1.332", id="current"),
        pytest.param(of_version("2.0.45"), "2.0.45", id="old"),
        pytest.param("echo using node; echo 2.1.74", "2.1.74", id="wrapper"),
        pytest.param("echo 2.1.74 >&2", "", id="stderr-only"),
        pytest.param("echo claude", "", id="garbage"),
        pytest.param("printf '\\377\\000\\n'", "", id="binary"),
        pytest.param("exit 1", "", id="failing"),
        pytest.param("kill -9 $$", "", id="killed"),
    ],
)
def test_in_use_has_the_version_of_the_client_on_path(claude, script, version):
    claude(script)
    assert versions.in_use(NOW) == [ClientInUse(ON_PATH, version)]


def test_in_use_without_a_client_is_empty(claude):
    assert versions.in_use(NOW) == []


def test_in_use_has_open_sessions_that_hooks_recorded_and_no_others(claude):
    claude(of_version("2.1.332"))
    record("open", "2.1.74")
    record("of-a-tool", "2.0.45", by_hook=False)
    record("ended", "2.0.45", pid=DEAD_PID)
    record("closed", "2.0.45")
    sessions.close_session("closed")
    record("odd", "\x1b[31mnightly")
    in_use = versions.in_use(time.time())
    assert in_use[0] == ClientInUse(ON_PATH, "2.1.332")
    assert set(in_use[1:]) == {
        ClientInUse("session open", "2.1.74"),
        ClientInUse("session odd", ""),
    }


def test_in_use_survives_a_store_that_cannot_be_read(claude, tmp_path):
    (tmp_path / "store").write_text("a file")
    assert versions.in_use(NOW) == []


def test_output_of_a_client_that_hangs_is_empty_and_nothing_keeps_running(
    claude, tmp_path, monkeypatch
):
    monkeypatch.setattr(versions, "_MAX_SECONDS", 0.3)
    claude(f"sleep 600 & echo $! > {tmp_path}/pid; wait")
    began = time.monotonic()
    assert versions.output_of("--version") == b""
    assert time.monotonic() - began < 60  # not the 600 s of the client
    pid = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 60
    while process.probe(pid, process.fingerprint(pid), None)[0] == process.RUNNING:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_output_of_a_client_comes_from_an_environment_that_starts_nothing(
    claude, tmp_path, monkeypatch
):
    claude("env")
    for name in ("CLAUDECODE", "CLAUDE_CODE_SSE_PORT", "NODE_OPTIONS"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    lines = versions.output_of().decode().splitlines()
    names = {line.partition("=")[0] for line in lines}
    assert {"PATH", "HOME", "CLAUDE_CONFIG_DIR", "DISABLE_AUTOUPDATER"} <= names
    assert names.isdisjoint({"CLAUDECODE", "CLAUDE_CODE_SSE_PORT", "NODE_OPTIONS"})


@pytest.mark.parametrize(
    ("clients", "expected"),
    [
        pytest.param([("a", "2.1.83")], "", id="all-known"),
        pytest.param([("a", "2.1.332"), ("b", "2.1.100")], "", id="all-known-to-two"),
        pytest.param(
            [("a", "2.1.78")],
            "FileChanged: they need Claude Code 2.1.83, and a has version 2.1.78",
            id="one-left-out",
        ),
        pytest.param(
            [("a", "2.1.332"), ("b", "2.1.76"), ("c", "2.1.80")],
            "FileChanged, StopFailure: they need Claude Code 2.1.83, and b has "
            "version 2.1.76",
            id="the-oldest-is-named",
        ),
        pytest.param(
            [("a", "2.1.76"), ("b", "")],
            "PermissionRequest, Elicitation, ElicitationResult, FileChanged, "
            "StopFailure: they need Claude Code 2.1.83, and b has an unknown version",
            id="an-unknown-version-may-be-the-oldest",
        ),
        pytest.param(
            [],
            "PermissionRequest, Elicitation, ElicitationResult, FileChanged, "
            "StopFailure: they need Claude Code 2.1.83, and no `claude` is on PATH",
            id="no-client",
        ),
    ],
)
def test_left_out_names_the_events_and_the_oldest_client(clients, expected):
    assert versions.left_out([ClientInUse(*client) for client in clients]) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        pytest.param("2.1.332", [], id="current"),
        pytest.param("2.1.101", [], id="first-that-ignores-unknown-events"),
        pytest.param("2.1.100", [], id="last-that-drops-the-file"),
        pytest.param("2.1.82", ["FileChanged"], id="one-unknown"),
        pytest.param("", [], id="unknown-version"),
    ],
)
def test_voided_by_has_what_an_old_client_does_not_know(version, expected):
    installed = [*events.events_known_to(["2.1.332"]), "PreToolUse"]
    client = ClientInUse("a", version)
    assert versions.voided_by(installed, [client]) == (
        (client, expected) if expected else None
    )


def test_voided_by_names_the_oldest_client_of_known_version():
    clients = [ClientInUse(*c) for c in (("a", "2.1.80"), ("b", "2.1.74"), ("c", ""))]
    voided = versions.voided_by(["Stop", "StopFailure"], clients)
    assert voided == (clients[1], ["StopFailure"])
