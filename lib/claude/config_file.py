"""A UTF-8 file that belongs to the user: read it whole, replace it whole.

Readers see the old bytes or the new ones, never a part, even after a crash (if the file
system renames atomically). Symbolic links, mode, owner and extended attributes are
kept, and newlines are not translated. A file that cannot be read or written raises
OSError; one that is not UTF-8, UnicodeDecodeError.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable
from typing import NamedTuple

from ..system import private

BACKUP_SUFFIX = ".headcount-backup"
MAX_BYTES = 16 * 1024 * 1024  # a thousand times what people write
# From the texts of a file and its backup to their new texts; None stands for no file.
Edit = Callable[["str | None", "str | None"], "tuple[str | None, str | None]"]

_LOSSLESS = "surrogateescape"  # for a damaged backup, or a write in progress
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.05  # for a writer that truncates the file before it writes


class Change(NamedTuple):
    """How a file and its backup were changed, or would be."""

    path: str  # without symbolic links
    before: str | None
    after: str | None
    backup: str | None

    @property
    def changed(self) -> bool:
        """Whether the file was changed, or would be."""
        return self.before != self.after


def read(path: str, *, errors: str = "strict") -> str | None:
    """Return the text of the regular file at *path*; None if there is no file.

    Raises OSError if it is another kind of file, or has more than MAX_BYTES.
    """
    try:
        return private.read_whole(path, MAX_BYTES).decode("utf-8", errors)
    except FileNotFoundError:
        return None


def plan(path: str, edit: Edit) -> Change:
    """Return how *edit* would change the file at *path* and its backup."""
    path = os.path.realpath(path)
    before = read(path)
    return Change(path, before, *edit(before, _raw(path + BACKUP_SUFFIX)))


def change(path: str, edit: Edit) -> Change:
    """Change the file at *path* and its backup as *edit* says.

    If another program writes to the file in the meantime, this starts again; after
    several attempts it raises OSError. *edit* raises ValueError to refuse a content.
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
        if not planned.changed:
            return planned
        if _apply(planned) and _raw(planned.path) == planned.after:
            return planned
    raise OSError(errno.EBUSY, "Another program keeps writing to it", path)


def _raw(path: str) -> str | None:
    return read(path, errors=_LOSSLESS)


def _apply(planned: Change) -> bool:
    """Write the backup, then the file; False if another program wrote to it first."""
    path, backup = planned.path, planned.path + BACKUP_SUFFIX
    os.makedirs(os.path.dirname(path), private.FOLDER_MODE, exist_ok=True)
    replaces = planned.after is not None and os.path.exists(path)
    if replaces and not os.access(path, os.W_OK):  # a rename would not care
        raise PermissionError(errno.EACCES, "It is read-only", path)
    if planned.backup is not None and planned.backup != _raw(backup):
        private.write(backup, _encoded(planned.backup), like=path)
    if not _replace(planned):
        return False
    if planned.backup is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(backup)
    with contextlib.suppress(OSError):  # not every system syncs a folder
        private.sync_folder(os.path.dirname(path))
    return True


def _replace(planned: Change) -> bool:
    # A program that takes no lock can write in the microseconds between the comparison
    # and the rename, and is then overwritten. No system call does both.
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
