"""The worktree and the branch of a folder, read without running git."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from support import only_with_proc

from lib.system import proc
from lib.system.git import Worktrees, main_root


def test_worktree_root_is_the_git_root_around_a_folder(tmp_path):
    (tmp_path / "repo/.git").mkdir(parents=True)
    (tmp_path / "repo/a/b").mkdir(parents=True)
    (tmp_path / "repo/worktree").mkdir()
    (tmp_path / "repo/worktree/.git").write_text("gitdir: elsewhere")
    (tmp_path / "plain").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "repo/a")
    assert Worktrees().root(tmp_path / "repo/a/b") == str(tmp_path / "repo")
    assert Worktrees().root(tmp_path / "link/b") == str(tmp_path / "repo")
    assert Worktrees().root(tmp_path / "repo/worktree") == str(
        tmp_path / "repo/worktree"
    )
    assert Worktrees().root(tmp_path / "plain") == str(tmp_path / "plain")
    assert Worktrees().root(tmp_path / "gone/x") == str(tmp_path / "gone/x")


@pytest.mark.parametrize(
    ("folder", "is_root"),
    [
        pytest.param("repo", True, id="itself"),
        pytest.param("repo/a/b", True, id="below"),
        pytest.param("repo/worktree/x", False, id="in-a-linked-worktree"),
        pytest.param("repo2/a", False, id="name-begins-alike"),
        pytest.param("plain", False, id="elsewhere"),
        pytest.param(
            "repo/a disk/x",
            False,
            id="on-a-disk-mounted-below",
            marks=only_with_proc("without /proc mounts are not known"),
        ),
    ],
)
def test_root_of_a_folder_is_recognized(tmp_path, monkeypatch, folder, is_root):
    for name in ("repo/.git", "repo/worktree", "repo/a disk", "plain"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "repo/worktree/.git").write_text("gitdir: elsewhere")
    point = str(tmp_path / "repo/a disk").replace(" ", "\\040")
    table = tmp_path / "mountinfo"
    table.write_text(
        f"22 1 8:1 / / rw - ext4 d rw\n23 22 0:9 / {point} rw - nfs d rw\n"
    )
    monkeypatch.setattr(proc, "_MOUNTS", str(table))
    root, path = str(tmp_path / "repo"), str(tmp_path / folder)
    assert Worktrees().is_root_of(root, path) is is_root


HASH = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("head", "branch"),
    [
        pytest.param("ref: refs/heads/main\n", "main", id="branch"),
        pytest.param("ref: refs/heads/fix/日本\n", "fix/日本", id="with-slash"),
        pytest.param(HASH + "\n", "0123456", id="detached"),
        pytest.param("f" * 64 + "\n", "fffffff", id="detached-sha256"),
        pytest.param("ref: refs/heads/.invalid\n", None, id="reftable"),
        pytest.param("root:x:0:0\n", None, id="something-else"),
        pytest.param("", None, id="empty"),
    ],
)
def test_branch_is_read_from_head(tmp_path, head, branch):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text(head)
    assert Worktrees().branch(str(tmp_path)) == branch


def test_branch_is_none_without_a_readable_head(tmp_path):
    assert Worktrees().branch(str(tmp_path)) is None
    assert Worktrees().branch("/nul\0byte") is None
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".git/HEAD")
    assert Worktrees().branch(str(tmp_path)) is None  # and does not wait for a writer


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_branch_and_root_match_worktrees_made_by_git(tmp_path):
    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        run = ["git", *who, *words]
        subprocess.run(run, cwd=tmp_path, check=True, capture_output=True)

    git("init", "-b", "main", "repo")
    git("-C", "repo", "commit", "--allow-empty", "-m", "one")
    git("-C", "repo", "worktree", "add", "-b", "side", "../linked")
    git("-C", "repo", "worktree", "add", "--detach", "../loose")
    commit = subprocess.run(
        ["git", "-C", tmp_path / "repo", "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert Worktrees().branch(str(tmp_path / "repo")) == "main"
    assert Worktrees().branch(str(tmp_path / "linked")) == "side"
    assert Worktrees().branch(str(tmp_path / "loose")) == commit[:7]
    assert Worktrees().root(str(tmp_path / "linked")) == str(tmp_path / "linked")


def test_subfolder_is_that_of_the_folder_within_its_worktree(tmp_path):
    (tmp_path / "shop/.git").mkdir(parents=True)
    (tmp_path / "shop/a/b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "shop/a")
    (tmp_path / "dangling").symlink_to(tmp_path / "shop/gone")
    shop, worktrees = str(tmp_path / "shop"), Worktrees()
    assert worktrees.place(f"{shop}/a/b") == (shop, "a/b")
    assert worktrees.place(str(tmp_path / "link")) == (shop, "a")
    assert worktrees.place(str(tmp_path / "dangling")) == (shop, "gone")
    assert worktrees.place(f"{shop}/gone/too") == (shop, "gone/too")
    assert worktrees.place(shop) == (shop, None)
    assert worktrees.place(str(tmp_path)) == (str(tmp_path), None)
    assert worktrees.place("/not\0a path") == ("/not\0a path", None)


def test_place_of_a_folder_that_is_gone_has_no_branch_but_that_of_its_worktree(
    tmp_path,
):
    (tmp_path / "shop/.git").mkdir(parents=True)
    (tmp_path / "shop/.git/HEAD").write_text("ref: refs/heads/main\n")
    worktrees = Worktrees()
    inside, outside = (str(tmp_path / name) for name in ("shop/gone", "gone"))
    roots = [worktrees.root(folder) for folder in (inside, outside, "/x" * 2000)]
    assert roots == [str(tmp_path / "shop"), outside, "/x" * 2000]
    assert [worktrees.branch(root) for root in roots] == ["main", None, None]


def run_git(*words):
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    allow = ["-c", "protocol.file.allow=always"]
    subprocess.run(["git", *author, *allow, *map(str, words)], check=True)


@pytest.fixture
def repository(tmp_path):
    """Return a repository with a commit and the linked worktree `linked`."""
    repository = tmp_path / "repository"
    run_git("init", "--quiet", repository)
    run_git("-C", repository, "commit", "--quiet", "--allow-empty", "--message=one")
    run_git("-C", repository, "worktree", "add", "--quiet", tmp_path / "linked")
    return repository


def test_main_worktree_of_a_linked_one_is_found(repository, tmp_path):
    assert main_root(str(repository)) == str(repository)
    assert main_root(str(tmp_path / "linked")) == str(repository)


def test_worktree_that_its_repository_does_not_name_is_its_own_main_one(
    repository, tmp_path
):
    linked, forged = tmp_path / "linked", tmp_path / "forged"
    forged.mkdir()
    shutil.copy(linked / ".git", forged)
    moved = linked.rename(tmp_path / "moved")
    module = tmp_path / "outer/module"
    run_git("init", "--quiet", module.parent)
    add = ("submodule", "--quiet", "add")
    run_git("-C", module.parent, *add, repository, module.name)

    for root in (forged, moved, module, tmp_path):
        assert main_root(str(root)) == str(root)


@pytest.mark.parametrize("name", [".git", "bare.git"])
def test_bare_repository_has_a_main_worktree_only_if_it_is_named_git(
    repository, tmp_path, name
):
    bare, linked = tmp_path / "project" / name, tmp_path / "project/linked"
    run_git("clone", "--quiet", "--bare", repository, bare)
    run_git("-C", bare, "worktree", "add", "--quiet", linked)

    found = main_root(str(linked))
    assert found == (str(bare.parent) if name == ".git" else None)
