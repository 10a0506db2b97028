"""Fetches pinned versions of the real client with npm, once for each version.

They stay in tests/.client/<version>/, which git ignores. Install scripts do not run:
the client works without them when its program is started directly.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

CURRENT = "2.1.332"
PACKAGE = "@anthropic-ai/claude-code"
CLIENTS = Path(__file__).parents[1] / ".client"
ATTEMPTS = 2


class FetchError(RuntimeError):
    """A client could not be fetched, or is not whole."""


def client(version: str) -> Path:
    """Return the program of the client *version*, fetched if it is not here yet."""
    home = CLIENTS / version
    if not home.exists():
        _install(version, home)
    # Newer packages bring a native program; what npm links to is a stub that an
    # install script would replace.
    native = sorted(home.glob(f"node_modules/{PACKAGE}-*/claude"))
    (program, *_) = [*native, home / "node_modules" / PACKAGE / "cli.js"]
    if not program.exists():
        raise FetchError(f"there is no client in {home}; remove it and run again")
    return program


def _install(version: str, home: Path) -> None:
    CLIENTS.mkdir(exist_ok=True)
    # Under another name until it is whole: an interrupted npm leaves no half client.
    partial = Path(tempfile.mkdtemp(prefix=f".{version}-", dir=CLIENTS))
    try:
        _npm_install(version, partial)
        _move(partial, home)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _move(partial: Path, home: Path) -> None:
    try:
        partial.rename(home)
    except OSError:
        if not home.exists():  # else another worker has fetched it meanwhile
            raise


def _npm_install(version: str, prefix: Path) -> None:
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
    command += ["--prefix", os.fspath(prefix), f"{PACKAGE}@{version}"]
    # Not the HOME of the tests: that is none, and npm's settings are in the real one.
    environment = {**os.environ, "HOME": pwd.getpwuid(os.getuid()).pw_dir}
    for _ in range(ATTEMPTS):
        npm = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        if npm.returncode == 0:
            return
    errors = [line for line in npm.stderr.splitlines() if "error" in line]
    raise FetchError(f"{' '.join(command)} failed: {'; '.join(errors[:2])}")
