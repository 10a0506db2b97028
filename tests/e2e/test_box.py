"""What the other tests rely on: a box lets nothing out, and shows what happens in it.

Most of them say what must not be seen. Here it is seen.
"""

from __future__ import annotations

import json
import subprocess

from .client import HOOK_FAILED, Box


def test_a_box_reaches_no_network(box):
    connect = "import socket; socket.create_connection(('192.0.2.1', 443), timeout=5)"

    done = box.run("python3", "-c", connect)

    assert "Network is unreachable" in done.stderr


def test_box_leaves_no_process_and_no_folder_behind(program):
    with Box(program) as box:
        terminal = box.terminal()
        run = box.start_prompt("RUN: tail -f /dev/null")
        assert run.pid
        assert str(box.root) in _command_lines()
        assert terminal.is_running()

    assert str(box.root) not in _command_lines()
    assert not box.root.exists()


def test_box_reports_a_failing_hook(box):
    _replace_hooks(box, "echo broken >&2; exit 1")

    run = box.prompt("RUN: echo hello")
    terminal = box.terminal()
    terminal.ask("RUN: echo hello")
    shown = terminal.screen() + terminal.exit()

    assert HOOK_FAILED.findall(run.output) == ["SessionEnd"]
    events = {"SessionStart", "UserPromptSubmit", "Stop", "SessionEnd"}
    assert events <= set(HOOK_FAILED.findall(shown))


def test_box_records_what_a_hook_prints_to_the_model(box):
    _replace_hooks(box, "echo spoken to the model")

    box.prompt("hello")

    assert "spoken to the model" in box.requests_path.read_text(encoding="utf-8")


def _replace_hooks(box, command):
    path = box.home / ".claude/settings.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    for groups in settings["hooks"].values():
        groups[0]["hooks"][0]["command"] = command
    path.write_text(json.dumps(settings), encoding="utf-8")


def _command_lines():
    ps = subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True)
    return ps.stdout.decode()
