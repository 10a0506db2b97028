"""Copies of the checkout to install from, and homes to install into.

A pytest plugin: `tests/conftest.py` names it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from support import ROOT, UNFINISHED

PARTS = ["install.sh", "settings.example.json", "requirements.txt", "hooks", "lib"]
PACKAGES = ["filelock", "psutil", "dateutil", "six", "tzdata"]
PACKAGES += ["wcwidth", "jinja2", "markupsafe", "textual", "rich", "platformdirs"]
PACKAGES += ["pygments", "markdown_it", "mdurl", "typing_extensions"]
# Once each: /bin/sh is often one of the others.
SHELLS = list(
    {
        os.path.realpath(shutil.which(shell)): shell
        for shell in ("bash", "dash", "sh")
        if shutil.which(shell)
    }.values()
)
# Names of a checkout that a shell may misread.
FOLDERS = [
    "plain",
    "a b",
    "it's",
    'say "x"',
    "$HOME",
    "a\\b",
    "`id`",
    "ü ñ",
    "a\nb",
    "# headcount",
    "a;exit 2",
    "-x (1) & * ?",
]


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """Return a finished .venv of the packages that this Python has: no network."""
    folder = tmp_path_factory.mktemp("environment") / ".venv"
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in PACKAGES:
        found = importlib.util.find_spec(name)
        if found and found.origin:
            origin = Path(found.origin)
            source = origin.parent if origin.name == "__init__.py" else origin
            (packages / source.name).symlink_to(source)
    shutil.copy(ROOT / "requirements.txt", folder)
    return folder


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def checkout(tmp_path, environment):
    """Return a copy of the checkout whose environment is made already."""
    return copy_of_checkout(tmp_path / "check out", environment)


def copy_of_checkout(folder, environment=None):
    folder.mkdir(parents=True)
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=UNFINISHED)
        else:
            shutil.copy(ROOT / name, folder / name)
    if environment:
        shutil.copytree(environment, folder / ".venv", symlinks=True)
    return folder


@pytest.fixture
def tools(tmp_path):
    """Return a PATH with what every Unix has, and this Python as python3; no uv.

    And with a `claude` that knows every event.
    """
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in (
        "sh",
        "cat",
        "cmp",
        "cp",
        "mv",
        "rm",
        "readlink",
        "mkdir",
        "sed",
        "tr",
    ):
        (folder / name).symlink_to(shutil.which(name))
    base = getattr(sys, "_base_executable", sys.executable)
    (folder / "python3").symlink_to(base)
    return put_claude(folder, of_version("2.1.332"))


def put_claude(folder, script):
    """Put a `claude` that runs *script* into *folder*; return the folder."""
    folder.mkdir(exist_ok=True)
    program = folder / "claude"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return folder


def of_version(version):
    """Return the script of a `claude` of *version*, which can do nothing else."""
    return f"[ \"$*\" = --version ] && echo '{version} (Claude Code)'"


@pytest.fixture
def run(home, tools):
    """Return a function that runs a command with the throw-away home."""

    def run(*words, cwd=None, **variables):
        environment = {"HOME": str(home), "PATH": str(tools), **variables}
        for name in os.environ:  # how this machine reaches the package index
            if name.startswith(("PIP_", "UV_", "SSL_")) or name.endswith("_PROXY"):
                environment.setdefault(name, os.environ[name])
        return subprocess.run(
            [str(word) for word in words],
            cwd=cwd or home,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
