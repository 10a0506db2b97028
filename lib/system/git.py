"""Finds the worktree of a folder, and the branch checked out there.

The files of git are read directly, and nothing is written. Only `is_modified` runs git.
"""

from __future__ import annotations

import os
import stat

from . import private, proc

_MAX_HEAD_BYTES = 4096
# A repository can carry a link to any file, and git itself writes none.
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_SHORT_HASH = 7
_STATUS_SECONDS = 0.5
_HASHES = (40, 64)
_REFERENCE, _BRANCHES = "ref: ", "refs/heads/"
_NO_BRANCH = "refs/heads/.invalid"  # HEAD where branches are elsewhere (reftable)


class Worktrees:
    """Finds worktrees and their branches, and looks at each place only once."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[str, str | None]] = {}
        self._parents: dict[str, tuple[str, str, bool]] = {}
        self._tops: dict[str, str] = {}
        self._branches: dict[str, str | None] = {}

    def root(self, folder: str) -> str:
        """Return the root of the worktree around *folder*, else *folder* itself.

        Either is a real path. A root has a `.git`: a folder or, in a linked worktree
        or a submodule, a file. Each worktree of a repository has a root of its own.
        Never raises: a text that cannot be a path comes back as it is.
        """
        return self.place(folder)[0]

    def is_root_of(self, root: str, folder: str) -> bool:
        """Whether *root*, the real path of a worktree, is that of *folder*.

        A *folder* that is not below it by name is not looked at, nor is one across a
        mount point, where git stops too: on a dead network mount a look may never end.
        """
        folder = os.path.normpath(folder)
        if folder == root:
            return True
        if not folder.startswith(root.rstrip("/") + "/"):
            return False
        if not os.path.lexists(os.path.join(root, ".git")):
            return False
        return not _is_mounted_below(root, folder) and self.root(folder) == root

    def place(self, folder: str) -> tuple[str, str | None]:
        """Return the root of *folder*, and *folder* relative to it, None if it is it.

        Never raises.
        """
        place = self._places.get(folder)
        if place is None:
            place = self._places[folder] = self._place(folder)
        return place

    def branch(self, root: str) -> str | None:
        """Return the branch checked out at *root*, or the short hash of its commit.

        *root* is what `root` returned. None if it is not a worktree of git, or if
        its files do not say. Never raises.
        """
        if self._tops.get(root) == "":
            return None  # no `.git` was found there or above
        if root not in self._branches:
            self._branches[root] = _branch(root)
        return self._branches[root]

    def _place(self, folder: str) -> tuple[str, str | None]:
        parent, name = os.path.split(folder)
        try:
            real, prefix, is_there = self._real_parent(parent)
            mode = _mode(folder) if is_there else 0
            if name in ("", ".", "..") or stat.S_ISLNK(mode):
                path = os.path.realpath(folder)
            else:
                path = prefix + name
                if not mode:  # what is not there has no `.git`
                    self._tops[path] = self._top(real)
        except (OSError, ValueError):  # such as a NUL or a lone surrogate
            return folder, None
        root = self._top(path) or path
        return root, path.removeprefix(root).strip("/") or None

    def _real_parent(self, parent: str) -> tuple[str, str, bool]:
        """Return the real path of *parent*, how paths in it begin, and if it exists."""
        if parent not in self._parents:
            real = os.path.realpath(parent)
            prefix = os.path.join(real, "")
            self._parents[parent] = real, prefix, os.path.lexists(real)
        return self._parents[parent]

    def _top(self, folder: str) -> str:
        """Return the folder with `.git` at or above the real path *folder*, or ""."""
        if folder in self._tops:
            return self._tops[folder]
        passed = []
        current, parent = "", folder
        while parent != current and parent not in self._tops:
            current, parent = parent, os.path.dirname(parent)
            passed.append(current)
            if os.path.lexists(os.path.join(current, ".git")):
                self._tops[current] = parent = current
        top = self._tops.get(parent, "")
        self._tops.update(dict.fromkeys(passed, top))
        return top


def main_root(root: str) -> str | None:
    """Return the root of the main worktree of the repository with the worktree *root*.

    That is *root* itself, a real path, unless it is a linked worktree: then its `.git`
    names a folder of that repository, which names it in turn. None if the repository is
    bare, and so has no main worktree. Never raises.
    """
    link = _first_line(os.path.join(root, ".git")) or ""
    own = os.path.realpath(os.path.join(root, link.removeprefix("gitdir: ")))
    linked = _first_line(os.path.join(own, "gitdir"))
    if linked is None or os.path.realpath(linked) != os.path.join(root, ".git"):
        return root
    repository, name = os.path.split(os.path.dirname(os.path.dirname(own)))
    return repository if name == ".git" else None


def is_modified(root: str) -> bool | None:
    """Whether tracked files of the worktree at *root* differ from its last commit.

    Runs git, for at most _STATUS_SECONDS. None if it does not say. Without fsmonitor:
    that may be a program that the repository names.
    """
    import subprocess  # 10 ms that only `show` needs

    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", root]
    command += ["status", "--porcelain", "--untracked-files=no", "--ignore-submodules"]
    try:
        status = subprocess.run(  # noqa: S603  # the folder is an argument of git
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_STATUS_SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return bool(status.stdout) if status.returncode == 0 else None


def _mode(path: str) -> int:
    """Return the mode of *path*, following no link; 0 if there is nothing."""
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0


def _is_mounted_below(root: str, folder: str) -> bool:
    """Whether *folder* is on, or in, a file system that is mounted below *root*."""
    return any(
        f"{folder}/".startswith(f"{point}/") and point.startswith(f"{root}/")
        for point in proc.mount_points()
    )


def _branch(root: str) -> str | None:
    git_folder = os.path.join(root, ".git")
    head = _first_line(os.path.join(git_folder, "HEAD"))
    if head is None:
        link = _first_line(git_folder) or ""  # a file that points to the folder
        if link.startswith("gitdir: "):
            linked = os.path.join(root, link.removeprefix("gitdir: "), "HEAD")
            head = _first_line(linked)
    return _ref_name(head or "")


def _ref_name(head: str) -> str | None:
    if head.startswith(_REFERENCE):
        name = head.removeprefix(_REFERENCE).strip()
        return None if name == _NO_BRANCH else name.removeprefix(_BRANCHES)
    return head[:_SHORT_HASH] if len(head) in _HASHES and head.isalnum() else None


def _first_line(path: str) -> str | None:
    """Return the first line of the file at *path*, or None if it cannot be read."""
    try:
        content = private.read_regular(path, _MAX_HEAD_BYTES, _NO_FOLLOW)
    except (OSError, ValueError):
        return None
    return content.decode("utf-8", "replace").partition("\n")[0].rstrip()
