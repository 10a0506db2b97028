"""Renaming a file so that nothing is replaced."""

from __future__ import annotations

import errno
import os
import sys

# The call, the descriptor that stands for the current folder, and the flag that says
# not to replace: renameat2(2) on Linux, renameatx_np(2) on macOS.
_CALLS = {"linux": ("renameat2", -100, 1), "darwin": ("renameatx_np", -2, 4)}
# What a kernel or a file system says that does not know the call or the flag.
_UNKNOWN = frozenset([errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])


def rename(path: str, target: str) -> None:
    """Rename *path* to *target*, which must not exist.

    In one step where system and file system have one. Else in two, a second name and
    then the first removed: a crash in between leaves both names on one file.
    Raises FileExistsError, FileNotFoundError, and OSError, as where *target* is on
    another file system.
    """
    if not _in_one_step(path, target):
        os.link(path, target, follow_symlinks=False)
        os.unlink(path)


def _in_one_step(path: str, target: str) -> bool:
    """Return whether it could be done so; raise OSError if it must not be."""
    try:
        import ctypes  # 4 ms, for the few that move a file

        name, here, flag = _CALLS[sys.platform]
        call = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (ImportError, KeyError, AttributeError, OSError):
        return False  # a Python without it, another system, or an older one
    if call(here, os.fsencode(path), here, os.fsencode(target), flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        return False
    raise OSError(number, os.strerror(number), path, None, target)
