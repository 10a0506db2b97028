"""The wheel: what is in it, and that it works wherever it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile

import pytest
from support import ROOT

from lib import __version__


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    """Return a function that builds sdist and wheel, and returns their folder."""

    def build():
        folder = tmp_path_factory.mktemp("dist")
        command = [sys.executable, "-m", "build", "--no-isolation", f"-o{folder}"]
        done = subprocess.run(
            [*command, ROOT],
            env={**os.environ, "SOURCE_DATE_EPOCH": "1790000000"},
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


def test_wheel_has_every_file_of_the_package(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    files = (path for path in (ROOT / "lib").rglob("*") if path.is_file())
    expected = {
        f"headcount/{path.relative_to(ROOT / 'lib')}"
        for path in files
        if path.suffix != ".pyc"
    }
    assert {name for name in names if name.startswith("headcount/")} == expected


def test_distributions_pass_the_strict_check_of_twine(dist):
    command = [sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_distributions_are_built_twice_with_the_same_bytes(dist, build):
    again = build()
    names = sorted(path.name for path in dist.iterdir())
    assert names == [
        f"headcount-{__version__}-py3-none-any.whl",
        f"headcount-{__version__}.tar.gz",
    ]
    for name in names:
        assert (dist / name).read_bytes() == (again / name).read_bytes()
