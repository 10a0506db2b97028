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


def root_of(folder: str) -> str:
    """Return the real path of the git working tree around *folder*, else of *folder*.

    Looks for `.git`, a folder or, in a linked worktree or submodule, a file; runs
    nothing. Two worktrees of one repository are two trees.
    """
    try:
        here = real = os.path.realpath(folder)
    except ValueError:  # a NUL or a lone surrogate: no folder of any file system
        return folder
    while not os.path.lexists(os.path.join(here, ".git")):
        parent = os.path.dirname(here)
        if parent == here:
            return real
        here = parent
    return here


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
