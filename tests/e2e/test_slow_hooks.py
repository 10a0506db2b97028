"""The hook of Stop, held back: who waits for it, and what is recorded then."""

from __future__ import annotations

import json
import subprocess

import pytest

from .client import wait_until
from .situations import Stage


@pytest.fixture
def stage(program, installed):
    """Return a box in which the installer has found the client."""
    with Stage(program, *installed) as stage:
        yield stage


@pytest.fixture
def box(stage):
    """Return that box."""
    return stage.box


@pytest.fixture
def started(box):
    """Return the file that the hook of Stop makes when it begins to wait."""
    return box.root / "started"


@pytest.fixture
def gate(box, started):
    """Return the file for which the hook of Stop waits before it records."""
    path = box.home / ".claude/settings.json"
    settings = json.loads(path.read_text())
    (hook,) = settings["hooks"]["Stop"][0]["hooks"]
    answer, separator, rest = hook["command"].partition("; ")
    gate = box.root / "gate"
    wait = f": >{started}; until [ -e {gate} ]; do sleep 0.05; done; "
    hook["command"] = answer + separator + wait + rest
    path.write_text(json.dumps(settings))
    return gate


def test_terminal_does_not_wait_for_the_hook_of_stop(box, records, gate):
    terminal = box.terminal()
    session_id = records.new_id()
    terminal.ask("hello")  # to the end of the turn, by the client's own file
    assert "turn_close" not in records.types(session_id)
    gate.touch()
    assert records.wait_for(session_id, type="turn_close")["state"] == "idle"
    terminal.ask("hello again")
    terminal.exit()
    assert "headcount" not in terminal.screen().lower()
    for request in box.requests_path.read_text().splitlines():
        assert "async" not in json.dumps(json.loads(request).get("messages")).lower()


@pytest.mark.parametrize("entrypoint", [None, "cli", "claude-vscode"])
def test_print_mode_waits_for_the_hook_of_stop(box, records, started, gate, entrypoint):
    """If it did not, it would kill the hook 1.4 s later."""
    if entrypoint:
        box.environment["CLAUDE_CODE_ENTRYPOINT"] = entrypoint
    running = box.start_prompt("hello")
    session_id = records.new_id()
    wait_until(started.exists, "the hook of Stop")
    with pytest.raises(subprocess.TimeoutExpired):
        running.process.wait(3)
    gate.touch()
    assert running.finish().output == "done.\n"
    *_, end, close = records.types(session_id)
    assert (end, close) == ("turn_close", "session_close")
