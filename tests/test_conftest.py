"""The guard of the suite itself."""

from __future__ import annotations

import pathlib

import pytest

from lib import sessions
from lib.store import paths


def test_real_store_and_home_are_unreachable_from_tests():
    assert "choose-a-store" in paths.SESSIONS_DIR
    with pytest.raises(sessions.StoreError, match="choose-a-store"):
        sessions.create_session()
    assert "choose-a-store" in str(pathlib.Path.home())
