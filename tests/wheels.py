"""The wheel of this checkout, built once, and what it takes to install it offline.

A pytest plugin: `tests/conftest.py` names it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from importlib import metadata

import pytest
from support import ROOT


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    """Return a function that builds sdist and wheel, and returns their folder."""

    def build(source=ROOT):
        folder = tmp_path_factory.mktemp("dist")
        command = [sys.executable, "-m", "build", "--no-isolation", f"-o{folder}"]
        done = subprocess.run(
            [*command, source],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return folder

    return build


@pytest.fixture(scope="session")
def dist(build):
    """Return the folder with the sdist and the wheel."""
    return build()


@pytest.fixture(scope="session")
def wheel(dist):
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """Return a folder of empty wheels for what Headcount needs: nothing is fetched."""
    folder = tmp_path_factory.mktemp("packages")
    project = (ROOT / "pyproject.toml").read_text()
    for name in set(re.findall(r'^  "([\w-]+)>=', project, re.MULTILINE)):
        version = metadata.version(name)
        stem = f"{name.replace('-', '_')}-{version}"
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        files = {
            "METADATA": about,
            "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "",
        }
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as empty:
            for file, text in files.items():
                empty.writestr(f"{stem}.dist-info/{file}", text)
    return folder
