"""Opened folders: whose they are, and how they are reached."""

from __future__ import annotations

import os
import stat

import pytest
from reliability import forked

from lib.errors import StoreError
from lib.system import folder

OTHER_USER = 65_534


def as_other_user(path, work):
    """Run *work* in *path* as a user that is not root; return what it returns."""

    def run():
        os.chdir(path)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(*[OTHER_USER] * 3)
            os.setresuid(*[OTHER_USER] * 3)
        return work()

    if os.geteuid() == 0:
        os.chown(path, OTHER_USER, OTHER_USER)
    return forked.Child(run).result()


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_folder_is_made_private_whatever_the_umask(tmp_path, umask):
    def work():
        os.umask(umask)
        folder.make("made")
        return mode_of("made")

    assert as_other_user(tmp_path, work) == 0o700


def test_make_private_needs_no_permission_to_read_the_folder(tmp_path):
    def work():
        os.mkdir("closed")
        os.chmod("closed", 0o200)
        folder.make_private("closed")
        return mode_of("closed")

    assert as_other_user(tmp_path, work) == 0o700


def test_make_private_follows_no_link(tmp_path):
    (tmp_path / "target").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to("target")
    with pytest.raises(OSError, match="link"):
        folder.make_private(str(tmp_path / "link"))
    assert mode_of(tmp_path / "target") == 0o755


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b/file", "a/b/file"),
        ("to-a/b/file", "a/b/file"),
        ("a/up/a/b/file", "a/b/file"),
        ("a/b/to-file", "a/b/file"),
        ("a/b/to-nothing", "a/new"),
        ("a/../a/b/missing", "a/b/missing"),
    ],
    ids=["plain", "link", "link-up", "file-link", "dangling", "missing"],
)
def test_open_parent_follows_ones_own_links(tmp_path, path, expected):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").touch()
    (tmp_path / "to-a").symlink_to(tmp_path / "a")
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "a/b/to-file").symlink_to("file")
    (tmp_path / "a/b/to-nothing").symlink_to("../new")
    parent, name = folder.open_parent(str(tmp_path / path))
    with parent:
        assert os.path.join(parent.path, name) == str(tmp_path / expected)
        assert os.path.samestat(
            parent.own_status(), (tmp_path / expected).parent.stat()
        )


def test_open_parent_ends_at_a_loop_of_links(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        folder.open_parent(str(tmp_path / "loop/file"))


def test_open_parent_makes_missing_folders_private(tmp_path):
    parent, _ = folder.open_parent(str(tmp_path / "a/b/file"), create=True)
    parent.__exit__()
    assert mode_of(tmp_path / "a/b") == 0o700


def test_open_own_refuses_a_link_where_none_may_be_and_another_users(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    folder.open_own(str(tmp_path / "link")).__exit__()
    with pytest.raises(StoreError, match="symbolic link"):
        folder.open_own(str(tmp_path / "link"), follow=False)
    if os.geteuid() == 0:
        os.chown(tmp_path / "target", OTHER_USER, -1)
        with pytest.raises(StoreError, match=f"belongs to user {OTHER_USER}"):
            folder.open_own(str(tmp_path / "link"))
