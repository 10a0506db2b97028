"""Writing a file that a person named: for their eyes only, and never half of it."""

from __future__ import annotations

import errno
import os
import stat

from ..store import paths

_RANDOM_BYTES = 8


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
    descriptor = paths.open_private(hidden, os.O_WRONLY | os.O_EXCL)
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
