"""Copies of this checkout to install from, with an environment made without network.

A pytest plugin: `tests/conftest.py` names it.
"""

from __future__ import annotations

import importlib.util
import shutil
import venv
from pathlib import Path

import pytest
from support import ROOT

PARTS = ["install.sh", "settings.example.json", "requirements.txt", "hooks", "lib"]
PACKAGES = ["filelock", "psutil", "dateutil", "six", "tzdata"]


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


def copy_of_checkout(folder, environment=None):
    folder.mkdir(parents=True)
    for name in PARTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    if environment:
        shutil.copytree(environment, folder / ".venv", symlinks=True)
    return folder
