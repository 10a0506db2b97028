"""Which working tree a folder belongs to."""

from __future__ import annotations

import os


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
