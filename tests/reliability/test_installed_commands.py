"""The commands in the settings, whatever became of the checkout: never exit 2."""

from __future__ import annotations

import concurrent.futures
import json
import os
import shutil
import subprocess
import sys

import pytest
from installing import FOLDERS, SHELLS
from support import ROOT, payload

from lib.claude import settings

LONGEST_SECONDS = 20


def whole(_):
    pass


def scripts_gone(checkout):
    shutil.rmtree(checkout / "hooks")


def environment_gone(checkout):
    shutil.rmtree(checkout / ".venv")


def unreadable(checkout):
    """Scripts that are folders: root reads a file of any mode."""
    for script in (checkout / "hooks").glob("*.py"):
        script.unlink()
        script.mkdir()


def broken_syntax(checkout):
    for script in (checkout / "hooks").glob("*.py"):
        script.write_text("def (")


def broken_module(checkout):
    (checkout / "lib" / "hook.py").write_text("raise SystemExit(2)")


def module_gone(checkout):
    (checkout / "lib/store/journal.py").unlink()


def wrong_package(checkout):
    """Another `lib`, as a later or an earlier version might look."""
    shutil.rmtree(checkout / "lib")
    (checkout / "lib").mkdir()
    (checkout / "lib" / "__init__.py").write_text("import argparse\n")
    (checkout / "lib" / "hook.py").write_text(
        "import argparse\nargparse.ArgumentParser().parse_args(['--no-such-option'])\n"
    )


def interpreter_gone(checkout):
    (checkout / ".venv/bin/python").unlink()


def interpreter_no_program(checkout):
    interpreter_gone(checkout)
    (checkout / ".venv/bin/python").write_text("\0\0")
    (checkout / ".venv/bin/python").chmod(0o755)


STATES = [
    *(whole, scripts_gone, environment_gone, shutil.rmtree, unreadable, broken_syntax),
    *(broken_module, module_gone, wrong_package, interpreter_gone),
    interpreter_no_program,
]
# The others lack what no other Python has.
RECORDING = (whole, environment_gone, interpreter_gone, interpreter_no_program)


@pytest.fixture
def checkout_in(tmp_path):
    """Return a function that makes a checkout of a name and state, with its hooks."""

    def make(number, folder, state):
        checkout = tmp_path / str(number) / folder
        (checkout / ".venv/bin").mkdir(parents=True)
        (checkout / ".venv/bin/python").symlink_to(sys.executable)
        ignored = shutil.ignore_patterns("__pycache__")
        for part in ("hooks", "lib"):
            shutil.copytree(ROOT / part, checkout / part, ignore=ignored)
        shutil.copy(ROOT / "settings.example.json", checkout)
        hooks = settings.desired_hooks(str(checkout))
        state(checkout)
        return {event: group["hooks"][0]["command"] for event, group in hooks.items()}

    return make


def run(shell, command, event, store):
    return subprocess.run(
        [shell, "-c", command],
        input=json.dumps(payload(event)).encode(),
        capture_output=True,
        timeout=LONGEST_SECONDS,
        cwd="/",
        env={"PATH": os.environ["PATH"], "HEADCOUNT_DIR": store},
        check=False,
    )


def test_installed_commands_never_block_in_any_state_of_the_checkout(
    store, checkout_in, size, chance, figure
):
    shots = []
    for number, folder in enumerate(FOLDERS):
        for state in STATES:
            hooks = checkout_in(f"{number}-{state.__name__}", folder, state)
            for shell in size([chance.choice(SHELLS)], SHELLS):
                events = size([chance.choice([*hooks])], [*hooks])
                shots += [(state, folder, shell, e, hooks[e]) for e in events]

    def shoot(shot):
        state, _, shell, event, command = shot
        own = f"{store}-{abs(hash(shot))}"
        done = run(shell, command, event, own)
        said = (done.returncode, done.stdout, done.stderr)
        return said == (0, b"", b"") and os.path.exists(own) == (state in RECORDING)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [
            s for s, ok in zip(shots, pool.map(shoot, shots), strict=True) if not ok
        ]
    assert wrong == []
    figure(
        f"installed commands, {len(FOLDERS)} path shapes x {len(STATES)} states of the "
        f"checkout, {len(shots)} runs in {'/'.join(SHELLS)}: exit 0, nothing said, and "
        "recorded where hooks and modules are whole"
    )
