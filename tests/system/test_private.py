"""Opening and reading private files."""

from __future__ import annotations

import os

import pytest

from lib.errors import StoreError
from lib.system import private


def test_read_regular_returns_at_most_the_limit(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100_000)
    assert private.read_regular(str(path), 200_000) == b"x" * 100_000
    assert private.read_regular(str(path), 70_000) == b"x" * 70_000


def test_read_regular_refuses_a_fifo_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(StoreError, match="not a regular file"):
        private.read_regular(str(tmp_path / "fifo"), 10)
