"""Files for the eyes of this user only: opened without following links, or replaced."""

from __future__ import annotations

import errno
import os
import stat

from ..errors import StoreError

FILE_MODE = 0o600
FOLDER_MODE = 0o700
# Follow no link, and do not wait on a FIFO that is where a session should be.
SAFE_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_RANDOM_BYTES = 8
_HAS_USERS = hasattr(os, "geteuid")  # not on Windows


def open_private(path: str, flags: int) -> int:
    """Open the file at *path*, made if need be (with O_EXCL: only so), mode 0600."""
    descriptor = os.open(path, flags | os.O_CREAT | SAFE_FLAGS, FILE_MODE)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, FILE_MODE)  # whatever the umask
    return descriptor


def check_ours(path: str, status: os.stat_result) -> None:
    """Raise StoreError unless *status*, of *path*, is a regular file of this user."""
    if not stat.S_ISREG(status.st_mode):
        raise StoreError(f"{path} is not a regular file; it was left alone")
    if _HAS_USERS and status.st_uid != os.geteuid():
        raise StoreError(
            f"{path} belongs to user {status.st_uid}, not you; it was left alone. "
            f"If it is yours: sudo chown {os.geteuid()} {path}"
        )


def write(path: str, text: str) -> None:
    """Write *text* to the file at *path*, mode 0600, all or nothing.

    What was there is replaced, what a symbolic link leads to likewise. A device or a
    pipe is written to. Raises OSError that names the path.
    """
    content = text.encode("utf-8", "replace")
    if _is_stream(path):
        with open(path, "wb") as stream:
            stream.write(content)
        return
    try:
        _replace(os.path.realpath(path), content)
    except OSError as error:
        error.filename, error.filename2 = path, None  # not our name for it
        raise


def _replace(path: str, content: bytes) -> None:
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    folder, name = os.path.split(path)
    hidden = os.path.join(folder, f".{name[:64]}.{os.urandom(_RANDOM_BYTES).hex()}.tmp")
    descriptor = open_private(hidden, os.O_WRONLY | os.O_EXCL)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(hidden, path)
    except BaseException:
        os.unlink(hidden)
        raise


def _is_stream(path: str) -> bool:
    """Whether *path* is something that is written to, not replaced."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
