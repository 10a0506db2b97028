"""A box with Headcount installed in it, for each test; see client.py."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from schemas import check_store

from . import fetch
from .client import Box, missing
from .records import Records

PROJECT = Path(__file__).parents[2]
NOT_COPIED = (".git", ".venv", ".client", ".*_cache", "__pycache__", "*.egg-info")
# What the installer may take from the caller: how to reach Python and packages.
INSTALLER_MAY_SEE = ("PATH", "LANG", "PIP_", "PYENV_ROOT", "SSL_", "http", "HTTP")


def pytest_collection_modifyitems(items):
    """Give the tests here more time: the first one fetches and installs."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture
def version():
    """Return the client's version; a test of older ones brings its own."""
    return fetch.CURRENT


@pytest.fixture(scope="session")
def _machine():
    if reason := missing():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def fetched(_machine):
    """Return what gives the program of any version, fetched at its first use."""

    def program_of(version):
        try:
            return fetch.client(version)
        except fetch.FetchError as error:
            pytest.skip(str(error))

    return program_of


@pytest.fixture
def program(fetched, version):
    """Return the program of the client."""
    return fetched(version)


@pytest.fixture(scope="session")
def installed(_machine, tmp_path_factory):
    """Install a copy of this checkout, once; return it and the HOME it is in."""
    copy = tmp_path_factory.mktemp("installed") / "checkout"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
    home = tmp_path_factory.mktemp("home")
    seen = {k: v for k, v in os.environ.items() if k.startswith(INSTALLER_MAY_SEE)}
    install = subprocess.run(
        [copy / "install.sh"],
        env={**seen, "HOME": os.fspath(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert install.returncode == 0, install.stdout + install.stderr
    return copy, home


@pytest.fixture
def checkout(installed):
    """Return the checkout that the hooks run from; a test that breaks it repairs it."""
    return installed[0]


@pytest.fixture
def empty_box(program):
    """Return a machine of its own, on which nothing of Headcount is installed."""
    with Box(program) as box:
        yield box


@pytest.fixture
def box(empty_box, installed):
    """Return a machine of its own, and see that no hook spoke to the model."""
    shutil.copytree(installed[1], empty_box.home, dirs_exist_ok=True, symlinks=True)
    yield empty_box
    assert "headcount" not in empty_box.requests_path.read_text().lower()


@pytest.fixture
def records(box):
    """Return the records in the box, and see that each was written, as documented."""
    records = Records(box)
    yield records
    assert records.errors() == ""
    check_store(records.folder)
