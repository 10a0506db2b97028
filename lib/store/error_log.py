"""errors.log: what went wrong in hooks, a line each, bounded in size.

A hook must not disturb the user, so what goes wrong is written here, and
`headcount doctor` shows it. A log that cannot be written is silent.
"""

from __future__ import annotations

import os
import time

from .. import __version__
from ..errors import HeadcountError
from ..record import timestamps
from ..system import private
from ..text import printable
from . import paths

_MAX_BYTES = 256 * 1024
_MAX_LINE = 1000


def log_error(what: str, problem: BaseException | str) -> None:
    """Add one line: the time, our version, *what* was going on, and the *problem*."""
    if isinstance(problem, BaseException):
        problem = f"{type(problem).__name__}: {problem}"
    text = printable(f"{what}: {problem}", _MAX_LINE)
    line = f"{timestamps.from_epoch(time.time())} {__version__} {text}\n"
    try:
        _append(line.encode("ascii", "backslashreplace"))
    except (OSError, HeadcountError):
        pass


def recent(since: float) -> list[str]:
    """Return the lines logged at or after *since* (epoch seconds), oldest first."""
    first = timestamps.from_epoch(since)
    lines: list[str] = []
    for path in (_path() + ".1", _path()):
        try:
            descriptor = private.open_regular(path, private.SAFE_FLAGS)
        except OSError:
            continue
        with open(descriptor, encoding="ascii", errors="replace") as log:
            lines += [line.rstrip("\n") for line in log if line >= first]
    return lines


def _path() -> str:
    return os.path.join(paths.SESSIONS_DIR, paths.ERROR_LOG)


def _append(line: bytes) -> None:
    path = _path()
    paths.ensure_folder(paths.SESSIONS_DIR)
    descriptor = private.open_private(path, os.O_WRONLY | os.O_APPEND)
    try:
        status = os.fstat(descriptor)
        private.check_ours(path, status)
        os.write(descriptor, line)
        # If two writers find it full, the second must not replace the rotated log.
        if status.st_size > _MAX_BYTES and os.path.samestat(os.stat(path), status):
            os.replace(path, path + ".1")
    finally:
        os.close(descriptor)
