"""`headcount doctor` about the status line in the settings."""

from __future__ import annotations

import json
import shlex
import sys

import pytest


@pytest.mark.parametrize("gone", [True, False], ids=["script-gone", "script-there"])
def test_status_line_without_its_script_is_a_problem(
    examine, installed, checkout, gone
):
    script = checkout / "hooks/statusline.py"
    command = shlex.join([sys.executable, "-I", "-S", str(script)]) + " # headcount"
    content = json.loads(installed.read_text())
    content["statusLine"] = {"type": "command", "command": command}
    installed.write_text(json.dumps(content))
    if gone:
        script.unlink()
    findings, code = examine()
    assert code == (1 if gone else 0)
    if gone:
        check, message, fix = findings.problem
        assert check == "statusline"
        assert message == f"user: the status line uses {script}, which is missing"
        assert fix.endswith("install.sh' --statusline")


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        pytest.param('"x"', "statusLine", id="text"),
        pytest.param("[]", "statusLine", id="list"),
        pytest.param("1", "statusLine", id="number"),
        pytest.param('{"command": 5}', "statusLine.type", id="command-is-a-number"),
        pytest.param(
            '{"command": "/hooks/statusline.py"}', "statusLine.type", id="untyped"
        ),
        pytest.param(
            '{"type": "command", "command": "/hooks/statusline.py"}', "", id="no-mark"
        ),
    ],
)
def test_foreign_status_line_is_reported_only_if_the_client_ignores_the_file(
    examine, home, value, cause, installed
):
    content = json.loads(installed.read_text())
    content["statusLine"] = json.loads(value)
    installed.write_text(json.dumps(content))
    findings, code = examine()
    assert code == bool(cause)
    if cause:
        check, message, _ = findings.problem
        assert check == "hooks"
        assert f"`{cause}` must be " in message
    assert not any(finding["check"] == "statusline" for finding in findings)
