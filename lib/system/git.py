"""Which working tree a folder belongs to, and which branch is checked out there.

Read straight from the files of git: no process is started, and nothing is written.
"""

from __future__ import annotations

import os

_LONGEST_HEAD = 4096
_SHORT_HASH = 7
_HASHES = (40, 64)
_REFERENCE, _BRANCHES = "ref: ", "refs/heads/"
_NO_BRANCH = "refs/heads/.invalid"  # where branches are kept elsewhere (reftable)


class Trees:
    """The working trees of folders; what lies above several is looked at once."""

    def __init__(self) -> None:
        self._real: dict[str, str] = {}
        self._tops: dict[str, str] = {}

    def root_of(self, folder: str) -> str:
        """Return what `root_of` below does."""
        try:
            here = self._real_path(folder)
            return self._top_of(here) or here
        except ValueError:  # a NUL or a lone surrogate: no folder of any file system
            return folder

    def is_git(self, root: str) -> bool:
        """Whether *root*, as `root_of` gave it, is a working tree of git."""
        return bool(self._tops.get(root))

    def _top_of(self, folder: str) -> str:
        """Return the folder with `.git` at or above the real path *folder*, or ""."""
        below = []
        here, above = "", folder
        while above != here and above not in self._tops:
            here, above = above, os.path.dirname(above)
            below.append(here)
            if os.path.lexists(os.path.join(here, ".git")):
                self._tops[here] = above = here
        top = self._tops.get(above, "")
        self._tops.update(dict.fromkeys(below, top))
        return top

    def _real_path(self, folder: str) -> str:
        parent, name = os.path.split(folder)
        if name in ("", ".", "..") or os.path.islink(folder):
            return os.path.realpath(folder)
        if parent not in self._real:
            self._real[parent] = os.path.realpath(parent)
        return os.path.join(self._real[parent], name)


def root_of(folder: str) -> str:
    """Return the real path of the git working tree around *folder*, else of *folder*.

    Looks for `.git`, a folder or, in a linked worktree or submodule, a file; runs
    nothing. Two worktrees of one repository are two trees.
    """
    return Trees().root_of(folder)


def branch_of(root: str) -> str | None:
    """Return the branch of the working tree at *root*, or the short hash of its commit.

    None if it is no working tree of git, or does not say. Never raises.
    """
    place = os.path.join(root, ".git")
    head = _first_line(os.path.join(place, "HEAD"))
    if head is None:
        link = _first_line(place) or ""
        if link.startswith("gitdir: "):
            linked = os.path.join(root, link.removeprefix("gitdir: "), "HEAD")
            head = _first_line(linked)
    return _checked_out(head or "")


def _checked_out(head: str) -> str | None:
    if head.startswith(_REFERENCE):
        name = head.removeprefix(_REFERENCE).strip()
        return None if name == _NO_BRANCH else name.removeprefix(_BRANCHES)
    return head[:_SHORT_HASH] if len(head) in _HASHES and head.isalnum() else None


def _first_line(path: str) -> str | None:
    """Return the first line of the file at *path*; None if it cannot be read."""
    try:
        # O_NONBLOCK: a FIFO would otherwise wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError):
        return None
    try:
        content = os.read(descriptor, _LONGEST_HEAD)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return content.decode("utf-8", "replace").partition("\n")[0].rstrip()
