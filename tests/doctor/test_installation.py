"""`headcount doctor` about Python, the packages and the `headcount` command."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from examination import variables
from support import ROOT

from lib.doctor import installation
from lib.doctor.finding import Context

NOW = Context(0.0, quick=True)


def test_python_and_package_versions_are_reported(examine, installed):
    findings, _ = examine()
    told = {finding["check"]: finding["message"] for finding in findings}
    assert told["python"].startswith(".".join(map(str, sys.version_info[:3])))
    for name in ("filelock", "psutil", "python-dateutil"):
        assert name in told["packages"]


LACKING = "/bin/python lacks " + ", ".join(installation._PACKAGES)


@pytest.fixture
def examine_packages(store, home, tmp_path, checkout):
    """Return a function that runs doctor in a new *environment* without packages."""

    def examine(environment):
        command = [sys.executable, "-m", "venv", "--without-pip", environment]
        subprocess.run(command, check=True)
        done = subprocess.run(
            [environment / "bin/python", "-m", "lib", "doctor", "--json", "--quick"],
            env=variables(store, home, PYTHONPATH=str(checkout)),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        findings = json.loads(done.stdout)["findings"]
        (finding,) = (each for each in findings if each["check"] == "packages")
        return finding["level"], finding["message"], finding["fix"]

    return examine


def test_packages_that_the_environment_lacks_are_to_be_installed_in_it(
    examine_packages, checkout
):
    shutil.rmtree(checkout / ".venv")
    environment = checkout / ".venv"
    level, message, fix = examine_packages(environment)
    assert (level, message) == ("problem", f"{environment}{LACKING}")
    python = shlex.quote(f"{environment}/bin/python")
    assert fix.startswith(f"{python} -m pip install filelock")


def test_packages_that_another_python_lacks_need_the_installer(
    examine_packages, checkout, tmp_path
):
    level, message, fix = examine_packages(tmp_path / "bare")
    assert message.startswith(f"{tmp_path}/bare{LACKING}, and is not the Python of ")
    assert (level, fix) == ("problem", shlex.quote(f"{checkout}/install.sh"))


def test_packages_are_no_problem_of_the_plugin(examine_packages, checkout, tmp_path):
    shutil.rmtree(checkout / ".venv")
    level, message, fix = examine_packages(tmp_path / "bare")
    assert message.startswith(f"{tmp_path}/bare{LACKING}; hooks of the plugin need")
    assert (level, fix) == ("warn", None)


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


def test_command_of_a_plugin_that_was_moved_is_named(
    examine, installed, home, checkout, run_fix
):
    command = checkout / "bin/headcount"
    command.parent.mkdir()
    shutil.copy(ROOT / "bin/headcount", command)
    link = home / ".local/bin/headcount"
    link.parent.mkdir(parents=True)
    link.symlink_to("/before/it/was/moved/bin/headcount")
    assert examine("--fix")[1] == 1  # it may be that of another program
    findings, _ = examine()
    assert findings.problem[2] == f"ln -sf '{command}' {link}"
    run_fix(findings.problem[2])
    assert (link.readlink(), examine()[1]) == (command, 0)


@pytest.mark.parametrize("name", [".venv/bin/headcount", "bin/headcount"])
def test_command_that_cannot_be_executed_is_a_warning(
    examine, installed, home, checkout, name
):
    command = checkout / name
    command.parent.mkdir(exist_ok=True)
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
