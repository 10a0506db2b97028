"""A home of its own for each test of the settings."""

from __future__ import annotations

import pytest
from support import ROOT

from lib.claude import settings
from lib.store import paths


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Let nothing reach the real home or the real store."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.setattr(paths, "SESSIONS_DIR", str(tmp_path / "store"))
    return home


@pytest.fixture
def ours():
    return settings.desired_hooks(str(ROOT))


@pytest.fixture
def line():
    return settings.desired_status_line(str(ROOT))


@pytest.fixture
def path(home):
    (home / ".claude").mkdir()
    return home / ".claude" / "settings.json"
