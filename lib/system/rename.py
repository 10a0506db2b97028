"""Renames a file without replacing another one."""

from __future__ import annotations

import errno
import os

# The system call, AT_FDCWD (the current folder), and the flag that forbids replacing:
# renameat2(2) of Linux, renameatx_np(2) of macOS. A C library has one of them, or none.
_CALLS = (("renameat2", -100, 1), ("renameatx_np", -2, 4))
# The errors of a kernel or a file system without this call or this flag.
_UNSUPPORTED = frozenset([errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])


def rename(path: str, target: str) -> None:
    """Rename *path* to *target*, which must not exist.

    Atomic if the system and the file system support it. Otherwise the file gets its
    second name and then loses the first: a crash in between leaves it with both.
    Raises FileExistsError, FileNotFoundError, or another OSError, such as when
    *target* is on another file system.
    """
    if not _rename_atomically(path, target):
        os.link(path, target, follow_symlinks=False)
        os.unlink(path)


def _rename_atomically(path: str, target: str) -> bool:
    """Return False if that is not supported here; raise OSError if it fails."""
    try:
        import ctypes  # takes 4 ms, which few callers need

        library = ctypes.CDLL(None, use_errno=True)
        name, folder, flag = next(c for c in _CALLS if hasattr(library, c[0]))
    except (ImportError, StopIteration, OSError):
        return False  # a Python without ctypes, another system, or an old one
    call = getattr(library, name)
    if call(folder, os.fsencode(path), folder, os.fsencode(target), flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), path, None, target)
