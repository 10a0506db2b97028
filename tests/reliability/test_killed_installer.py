"""`install.sh` as a whole, killed at any moment: the settings file is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import time

from lib.claude import events, settings
from lib.claude.settings_text import hook_merge

THEIRS = b'{\n  "model": "opus",\n  "hooks": {"Stop": []}\n}\n'
LONGEST_LIFE_SECONDS = 0.4


def start(checkout, tools, home, *arguments):
    return subprocess.Popen(
        [checkout / "install.sh", *arguments],
        env={"HOME": str(home), "PATH": str(tools)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill_soon(process, seconds):
    """Kill it and all that it started; return whether that was soon enough."""
    time.sleep(seconds)  # the moment is the test
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return process.wait() == -signal.SIGKILL


def test_installer_killed_at_any_moment_leaves_the_settings_whole(
    checkout, home, tools, run, size, chance, figure
):
    path = home / ".claude/settings.json"
    path.parent.mkdir()
    path.write_bytes(THEIRS)
    known = events.events_known_to(["2.1.332"])  # of the `claude` in `tools`
    ours = settings.desired_hooks(str(checkout), known)
    with_ours = hook_merge.merge(THEIRS.decode(), ours).encode()
    kills, rounds = 0, size(6, 100)
    for number in range(rounds):
        arguments = ["--uninstall"] if number % 2 else []
        killed = start(checkout, tools, home, *arguments)
        kills += kill_soon(killed, chance.uniform(0, LONGEST_LIFE_SECONDS))
        assert path.read_bytes() in (THEIRS, with_ours)
        for words, after in (([], with_ours), (["--uninstall"], THEIRS)):
            done = run(checkout / "install.sh", *words)
            assert done.returncode == 0, done.stderr
            assert path.read_bytes() == after
    assert [hook.event for hook in settings.installed_hooks(str(path))] == []
    figure(
        f"install.sh and its --uninstall killed at random points: {kills} of {rounds} "
        "in time, settings whole, the next run works"
    )
