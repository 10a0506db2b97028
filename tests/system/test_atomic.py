"""Replacing a file whole."""

from __future__ import annotations

import os
import stat

import pytest

from lib.system import atomic


@pytest.mark.parametrize("character", ["x", "\U0001f600"], ids=["ascii", "four-bytes"])
def test_write_replaces_a_file_of_the_longest_name(tmp_path, character):
    name = character * (255 // len(character.encode()))
    path = tmp_path / name
    path.write_text("old")
    atomic.write(str(path), b"new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == [name]


def test_write_gives_a_new_file_the_mode_asked_for_whatever_the_umask(tmp_path):
    path = tmp_path / "new"
    before = os.umask(0o077)
    try:
        atomic.write(str(path), b"new", mode=0o755)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    atomic.write(str(path), b"newer")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_write_that_fails_names_the_path_and_leaves_no_temporary_file(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        atomic.write(str(tmp_path / "folder"), b"new")
    assert caught.value.filename == str(tmp_path / "folder")
    assert os.listdir(tmp_path) == ["folder"]
