"""A UTF-8 file that belongs to the user: read it whole, replace it whole.

Readers see the old bytes or the new ones, never a part (assuming that the file system
renames atomically), also after a crash. What the user had stays: symbolic links, mode,
owner, extended attributes. What cannot be read or written raises OSError, what is not
UTF-8 UnicodeDecodeError. No newline is translated.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable
from typing import NamedTuple

from ..system import private

BACKUP_SUFFIX = ".headcount-backup"
# Given a file and its backup, says what they should hold; None stands for no file.
Edit = Callable[
    ["str | None", "str | None"],
    "tuple[str | None, str | None]",
]

_LOSSLESS = "surrogateescape"  # a broken backup, or a write in progress
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.05  # for a writer that truncates first and writes then


class Change(NamedTuple):
    """What became, or would become, of a file and its backup."""

    path: str  # without symbolic links
    before: str | None
    after: str | None
    backup: str | None

    @property
    def changed(self) -> bool:
        """Whether anything was written to the file, or would be."""
        return self.before != self.after


def read(path: str, *, errors: str = "strict") -> str | None:
    """Return the text of the regular file at *path*; None if there is nothing."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", path)
        with open(path, "rb") as file:
            return file.read().decode("utf-8", errors)
    except FileNotFoundError:
        return None


def plan(path: str, edit: Edit) -> Change:
    """Return what *edit* makes of the file at *path* and its backup; write nothing."""
    path = os.path.realpath(path)
    before = read(path)
    return Change(path, before, *edit(before, _backup_of(path)))


def change(path: str, edit: Edit) -> Change:
    """Make of the file at *path*, and of its backup, what *edit* says.

    Tried again if somebody else writes to it meanwhile. *edit* raises ValueError for
    content that it refuses.
    """
    for attempt in range(_ATTEMPTS):
        time.sleep(attempt * _PAUSE_SECONDS)
        before = _raw(path)
        try:
            planned = plan(path, edit)
        except ValueError:
            time.sleep(_PAUSE_SECONDS)
            if _raw(path) == before:
                raise
            continue
        if not planned.changed or (_apply(planned) and _verify(planned)):
            return planned
    raise OSError(errno.EBUSY, "Another program keeps writing to it", path)


def _raw(path: str) -> str | None:
    return read(path, errors=_LOSSLESS)


def _backup_of(path: str) -> str | None:
    return _raw(path + BACKUP_SUFFIX)


def _verify(planned: Change) -> bool:
    return _raw(planned.path) == planned.after


def _apply(planned: Change) -> bool:
    """Write the backup, then the file; False if another program wrote to it first."""
    path, backup = planned.path, planned.path + BACKUP_SUFFIX
    os.makedirs(os.path.dirname(path), private.FOLDER_MODE, exist_ok=True)
    if planned.after is not None:
        _check_writable(path)
    if planned.backup not in {None, _backup_of(path)}:
        private.write(backup, _encoded(planned.backup or ""), like=path)
    if not _replace(planned):
        return False
    if planned.backup is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(backup)
    with contextlib.suppress(OSError):  # not every system syncs a folder
        private.sync_folder(os.path.dirname(path))
    return True


def _check_writable(path: str) -> None:
    """Raise PermissionError if the file is read-only; a rename would not care."""
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "It is read-only", path)


def _replace(planned: Change) -> bool:
    # Between the comparison and the rename lie microseconds in which a writer without
    # a lock can be overwritten. No system call does both.
    path, temporary = planned.path, None
    if planned.after is not None:
        content = _encoded(planned.after)
        temporary = private.write_temporary(path, content, like=path)
    try:
        if _raw(path) != planned.before:
            return False
        if temporary is None:
            os.unlink(path)
        else:
            os.replace(temporary, path)
    finally:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
    return True


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", _LOSSLESS)
