"""The guard of the suite itself."""

from __future__ import annotations

import pathlib

import pytest

from lib import sessions
from lib.store import paths


def test_no_test_can_reach_the_real_store():
    assert "choose-a-store" in paths.SESSIONS_DIR
    with pytest.raises(sessions.StoreError, match="choose-a-store"):
        sessions.create_session()
    assert "choose-a-store" in str(pathlib.Path.home())
