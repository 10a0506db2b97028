"""`headcount doctor` run on a home, a store and a checkout that are thrown away.

A pytest plugin: `tests/conftest.py` names it. Home and checkout are `installing`'s.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from installing import of_version, put_claude
from support import ASYNCHRONOUS

from lib.claude import settings
from lib.claude.settings_text import hook_merge


@pytest.fixture
def installed(home, checkout):
    """The user's settings with every hook of *checkout* in them: nothing is wrong."""
    return install_hooks(home / ".claude/settings.json", checkout)


@pytest.fixture
def doctor(store, home, checkout, tmp_path):
    """Run `headcount doctor` of *checkout*; return what became of it."""

    def run(*words, cwd=tmp_path, **more):
        done = subprocess.run(
            [sys.executable, "-m", "lib", "doctor", *words],
            env=variables(store, home, PYTHONPATH=str(checkout), **more),
            cwd=cwd,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def examine(doctor):
    """Run `headcount doctor --quick --json`; return its findings and its exit code."""

    def run(*words, cwd=None, quick=True, **more):
        words = ("--json", *(["--quick"] if quick else []), *words)
        done = doctor(*words, **({"cwd": cwd} if cwd else {}), **more)
        return Findings(json.loads(done.stdout)["findings"]), done.returncode

    return run


@pytest.fixture
def run_fix(store, home):
    """Run the command of a finding, as a person would paste it."""

    def run(command):
        done = subprocess.run(
            ["sh", "-c", command],
            env=variables(store, home),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


class Findings(list):
    def of(self, level, check=None):
        return [
            finding
            for finding in self
            if finding["level"] == level and check in (None, finding["check"])
        ]

    @property
    def problem(self):
        """The only problem there is."""
        (problem,) = self.of("problem")
        return problem["check"], problem["message"], problem["fix"]

    @property
    def fixed(self):
        """What was done."""
        return [finding for finding in self if finding["fixed"]]


def variables(store, home, **more):
    """The environment, with a `claude` on PATH that knows every event."""
    client = put_claude(home.parent / "a client", of_version("2.1.332"))
    return {
        "PATH": f"{client}:{os.environ['PATH']}",
        "HOME": str(home),
        "HEADCOUNT_DIR": str(store),
        **more,
    }


def install_hooks(path, checkout, text=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(hook_merge.merge(text, settings.desired_hooks(str(checkout))))
    return path


def make_asynchronous(path, events=ASYNCHRONOUS):
    """Let the client not wait for the hooks of *events*."""
    content = json.loads(path.read_text())
    for event in events:
        hook_merge.make_asynchronous(event, content["hooks"][event][0]["hooks"][0])
    path.write_text(json.dumps(content))


def strip(path, *events):
    """Take the hooks of *events* out, as another program that rewrites settings may."""
    content = json.loads(path.read_text())
    for event in events or [*content["hooks"]]:
        del content["hooks"][event]
    path.write_text(json.dumps(content))
