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
    "value",
    ['"x"', "[]", "1", '{"command": 5}', '{"command": "/hooks/statusline.py"}'],
    ids=["text", "list", "number", "command-is-a-number", "no-mark"],
)
def test_foreign_status_line_is_not_reported(examine, home, value, installed):
    content = json.loads(installed.read_text())
    content["statusLine"] = json.loads(value)
    installed.write_text(json.dumps(content))
    findings, code = examine()
    assert code == 0
    assert not any(finding["check"] == "statusline" for finding in findings)
