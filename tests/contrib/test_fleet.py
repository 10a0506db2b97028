"""The units of `contrib/fleet`, run as systemd and launchd would run them."""

from __future__ import annotations

import configparser
import os
import plistlib
import re
import shutil
import subprocess
import sys
import textwrap

import pytest
from command_line import create, environment
from support import ROOT

UNIT = ROOT / "contrib/fleet/headcount-share.service"
FLEET = ROOT / "docs/fleet.md"
AGENT = ROOT / "contrib/fleet/headcount-share.plist"


def service():
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read_string(UNIT.read_text())
    return unit["Service"]


def of_systemd(home):
    return service()["ExecStart"].replace("%h", str(home)).split()


def of_launchd(_):
    return plistlib.loads(AGENT.read_bytes())["ProgramArguments"]


def put(home, name, script):
    """A program of that name in the home, and where it is."""
    program = home / ".local/bin" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.fixture
def home(store, redis_server):
    """A home with the command, and the server in its configuration."""
    home = store.parent / "home"
    for folder in ("Library/Logs", ".config/headcount"):
        (home / folder).mkdir(parents=True)
    put(home, "headcount", f'exec {sys.executable} -m lib "$@"')
    configured = f"HEADCOUNT_REDIS_URL={redis_server.url}\n"
    (home / ".config/headcount/redis.env").write_text(configured)
    return home


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(of_systemd, id="systemd"),
        pytest.param(of_launchd, id="launchd"),
    ],
)
def test_unit_shares_the_store(home, redis_server, shared, store, command):
    create()
    running = subprocess.Popen(command(home), env=environment(store), cwd="/")
    try:
        there = shared(redis_server)
        there.until(there.now)
        running.terminate()
        assert running.wait(60) == 0
        assert there.now().ended
    finally:
        running.kill()
        running.wait()


@pytest.mark.parametrize(
    ("shell", "language"),
    [
        pytest.param(["sh"], "sh", id="container"),
        pytest.param(["bash", "-e"], "yaml", id="github-actions"),
    ],
)
def test_recipe_shares_the_work_to_its_end_and_keeps_its_exit_code(
    home, redis_server, shared, store, shell, language
):
    blocks = re.findall(rf"```{language}\n(.*?)```", FLEET.read_text(), re.DOTALL)
    (recipe,) = [block for block in blocks if "headcount share &" in block]
    recipe = textwrap.dedent(recipe.rpartition("- run: |\n")[2])
    put(home, "claude", "until headcount share --status; do :; done\nexit 3")
    path = f"{home}/.local/bin:{os.environ['PATH']}"
    done = subprocess.run(
        [*shell, "-c", recipe], env=environment(store, PATH=path), cwd="/", check=False
    )
    assert done.returncode == 3
    assert shared(redis_server).now().ended


def test_units_start_again_after_a_failure_only():
    assert service()["Restart"] == "on-failure"
    agent = plistlib.loads(AGENT.read_bytes())
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert int(service()["RestartSec"]) == agent["ThrottleInterval"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
def test_unit_is_valid_to_systemd(tmp_path):
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("%h/.local/bin/headcount", "/bin/true"))
    subprocess.run(
        ["systemd-analyze", "verify", "--user", unit],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        check=True,
    )
