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
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from typing import NamedTuple

BACKUP_SUFFIX = ".headcount-backup"
# Given a file and its backup, says what they should hold; None stands for no file.
Edit = Callable[
    ["str | None", "str | None"],
    "tuple[str | None, str | None]",
]

_LOSSLESS = "surrogateescape"  # a broken backup, or a write in progress
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.05  # for a writer that truncates first and writes then
_NEW_FILE_MODE = 0o600  # settings may hold secrets
_NEW_FOLDER_MODE = 0o700


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
    """Write the backup, then the file; False if somebody else was quicker."""
    path, backup = planned.path, planned.path + BACKUP_SUFFIX
    os.makedirs(os.path.dirname(path), _NEW_FOLDER_MODE, exist_ok=True)
    if planned.backup not in {None, _backup_of(path)}:
        os.replace(_write_temporary(backup, planned.backup or "", like=path), backup)
    if not _replace(planned):
        return False
    if planned.backup is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(backup)
    _sync_folder(os.path.dirname(path))
    return True


def _replace(planned: Change) -> bool:
    # Between the comparison and the rename lie microseconds in which a writer without
    # a lock can be overwritten. No system call does both.
    path, after = planned.path, planned.after
    temporary = None if after is None else _write_temporary(path, after, like=path)
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


def _write_temporary(path: str, content: str, like: str) -> str:
    """Write *content* to a new file in the folder of *path*; return its name."""
    folder, name = os.path.split(path)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode("utf-8", _LOSSLESS))
            file.flush()
            os.fchmod(descriptor, _NEW_FILE_MODE)
            _copy_ownership(temporary, like)
            os.fsync(descriptor)
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _copy_ownership(temporary: str, like: str) -> None:
    """Give *temporary* the owner, mode and attributes of *like*, if that is there."""
    try:
        status = os.stat(like)
    except FileNotFoundError:
        return
    # A rename does not ask whether the file may be written. Its owner may have.
    if not os.access(like, os.W_OK):
        raise PermissionError(errno.EACCES, "It is read-only", like)
    ours = os.stat(temporary)
    if (ours.st_uid, ours.st_gid) != (status.st_uid, status.st_gid):
        os.chown(temporary, status.st_uid, status.st_gid)
    shutil.copystat(like, temporary)
    os.utime(temporary)


def _sync_folder(folder: str) -> None:
    # Not every system opens or syncs a folder; the rename has happened all the same.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
