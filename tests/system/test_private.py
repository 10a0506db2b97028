"""Opening, reading and replacing private files."""

from __future__ import annotations

import os
import stat

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


@pytest.mark.parametrize("character", ["x", "\U0001f600"], ids=["ascii", "four-bytes"])
def test_write_replaces_a_file_of_the_longest_name(tmp_path, character):
    name = character * (255 // len(character.encode()))
    path = tmp_path / name
    path.write_text("old")
    private.write(str(path), b"new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == [name]


def test_write_with_like_takes_the_mode_of_that_file(tmp_path):
    model, path = tmp_path / "model", tmp_path / "new"
    model.touch(0o640)
    private.write(str(path), b"new", like=str(model))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    private.write(str(path), b"newer", like=str(tmp_path / "missing"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_write_that_fails_names_the_path_and_leaves_no_temporary_file(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        private.write(str(tmp_path / "folder"), b"new")
    assert caught.value.filename == str(tmp_path / "folder")
    assert os.listdir(tmp_path) == ["folder"]
