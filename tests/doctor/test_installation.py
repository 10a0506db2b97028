"""`headcount doctor` about Python, the packages and the `headcount` command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from examination import Findings, variables

from lib.doctor import installation
from lib.doctor.finding import Context

NOW = Context(0.0, quick=True)


def test_python_and_package_versions_are_reported(examine, installed):
    findings, _ = examine()
    told = {finding["check"]: finding["message"] for finding in findings}
    assert told["python"].startswith(".".join(map(str, sys.version_info[:3])))
    for name in ("filelock", "psutil", "python-dateutil"):
        assert name in told["packages"]


def test_missing_packages_are_named_with_the_install_command(
    store, home, tmp_path, installed, checkout
):
    bare = tmp_path / "bare"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True
    )
    done = subprocess.run(
        [bare / "bin/python", "-m", "lib", "doctor", "--json", "--quick"],
        env=variables(store, home, PYTHONPATH=str(checkout)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    check, message, fix = Findings(json.loads(done.stdout)["findings"]).problem
    assert check == "packages"
    assert message.endswith("lacks " + ", ".join(installation._PACKAGES))
    assert fix.startswith(f"{bare}/bin/python -m pip install filelock")


def test_too_old_python_is_a_problem(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    (finding,) = installation.check_python(NOW)
    assert finding.level == "problem"
    assert "3.9.18" in finding.message
    assert "3.10" in finding.message


def test_broken_command_link_is_reported_and_fixed(examine, installed, home, run_fix):
    link = home / ".local/bin/headcount"
    link.parent.mkdir(parents=True)
    link.symlink_to("/nowhere/headcount")
    findings, code = examine()
    assert code == 1
    assert findings.problem[0] == "command"
    assert "/nowhere/headcount" in findings.problem[1]
    run_fix(findings.problem[2])
    assert examine()[1] == 0
    link.symlink_to(sys.executable)
    assert examine()[1] == 0


def test_fix_links_the_command_of_a_moved_checkout_again(
    examine, installed, home, checkout
):
    command = checkout / ".venv/bin/headcount"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    link = home / ".local/bin/headcount"
    link.parent.mkdir(parents=True)
    link.symlink_to("/before/it/was/moved/.venv/bin/headcount")
    findings, code = examine()
    assert (code, findings.problem[0]) == (1, "command")
    assert findings.problem[2] == f"ln -sf '{command}' {link}"
    findings, code = examine("--fix")
    assert (code, [finding["check"] for finding in findings.fixed]) == (0, ["command"])
    assert link.readlink() == command
    link.unlink()
    link.symlink_to("/usr/bin/of-somebody-else")
    assert examine("--fix")[1] == 1
    assert link.readlink() == Path("/usr/bin/of-somebody-else")


def test_command_that_cannot_be_executed_is_a_warning(
    examine, installed, home, checkout
):
    command = checkout / ".venv/bin/headcount"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o644)
    link = home / ".local/bin/headcount"
    link.parent.mkdir(parents=True)
    link.symlink_to(command)
    (finding,) = examine()[0].of("warn", "command")
    assert finding["message"].startswith(f"{command} cannot run")
    assert finding["fix"] == f"sh '{command}'"
    command.chmod(0o755)
    assert examine()[0].of("warn", "command") == []
