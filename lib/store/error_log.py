"""errors.log: what went wrong in hooks, a line each, bounded in size.

A hook must not disturb the user, so what goes wrong is written here, and
`headcount doctor` shows it. A log that cannot be written is silent.

Where HEADCOUNT_DIR names the folder of another program, a file of this name may be that
program's. A log is ours if it is a regular file of this user without a second name, and
empty or begins with a line of ours. Any other is neither written to nor renamed.
"""

from __future__ import annotations

import os
import time

from .. import __version__
from ..errors import HeadcountError, StoreError
from ..record import timestamps
from ..system import folder, private
from ..text import printable
from . import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..system.folder import Folder

_OLDER = f"{paths.ERROR_LOG}.1"
_MAX_BYTES = 256 * 1024
_MAX_LINE = 1000
_APPEND = os.O_RDWR | os.O_APPEND
_BEGINNING_BYTES = 64  # a timestamp and a version, and more


def log_error(what: str, problem: BaseException | str) -> None:
    """Add one line: the time, our version, *what* was going on, and the *problem*."""
    if isinstance(problem, BaseException):
        problem = f"{type(problem).__name__}: {problem}"
    text = printable(f"{what}: {problem}", _MAX_LINE)
    line = f"{timestamps.from_epoch(time.time())} {__version__} {text}\n"
    try:
        paths.ensure_folder(paths.SESSIONS_DIR)
        with folder.open_own(paths.SESSIONS_DIR) as store:
            _append(store, line.encode("ascii", "backslashreplace"))
    except (OSError, HeadcountError):
        pass


def recent(since: float) -> list[str]:
    """Return the lines logged at or after *since* (epoch seconds), oldest first."""
    first = timestamps.from_epoch(since)
    lines: list[str] = []
    for name in (_OLDER, paths.ERROR_LOG):
        try:
            descriptor = _open(name)
        except OSError:
            continue
        with open(descriptor, "rb") as log:
            text = log.read(2 * _MAX_BYTES).decode("ascii", "replace")
        lines += [line for line in text.split("\n") if line >= first]
    return lines


def foreign() -> dict[str, str]:
    """Return the paths of logs that are there but not ours, each with the reason.

    Empty if the store is not ours, or does not exist.
    """
    reasons: dict[str, str] = {}
    has_store = os.path.isdir(paths.SESSIONS_DIR)
    if not has_store or not private.is_user(os.stat(paths.SESSIONS_DIR).st_uid):
        return reasons
    for name in (_OLDER, paths.ERROR_LOG):
        try:
            os.close(_open(name))
        except FileNotFoundError:
            continue
        except OSError as error:
            reasons[os.path.join(paths.SESSIONS_DIR, name)] = str(error)
    return reasons


def check_ours(store: Folder, name: str, descriptor: int) -> None:
    """Raise StoreError unless *name* in *store*, open as *descriptor*, is our log.

    Its names are counted by a look at this one: it is there now, so if it is the only
    one, the file has no other elsewhere.
    """
    path, status = os.path.join(store.path, name), store.status(name)
    private.check_ours(path, status)
    if not os.path.samestat(status, os.fstat(descriptor)):
        raise StoreError(f"{path} was replaced just now; it was left alone")
    if status.st_nlink > 1:
        raise StoreError(f"{path} has a second name (hard link); it was left alone")
    beginning = os.read(descriptor, _BEGINNING_BYTES)
    os.lseek(descriptor, 0, os.SEEK_SET)
    if beginning and not _is_line(beginning.decode("ascii", "replace")):
        raise StoreError(f"{path} is not a log of Headcount; it was left alone")


def _is_line(text: str) -> bool:
    timestamp, _, rest = text.partition(" ")
    version = rest.partition(" ")[0]
    is_version = version[:1].isdigit() and "." in version
    return timestamps.is_timestamp(timestamp) and is_version


def _open(name: str) -> int:
    """Open the log *name* to read it; StoreError unless it is ours."""
    with folder.open_own(paths.SESSIONS_DIR) as store:
        return _checked(store, name, store.open(name))


def _checked(store: Folder, name: str, descriptor: int) -> int:
    try:
        check_ours(store, name, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _append(store: Folder, line: bytes) -> None:
    name = store.name(paths.ERROR_LOG)
    log = private.open_or_create(name, _APPEND, dir_fd=store.descriptor)
    descriptor = _checked(store, paths.ERROR_LOG, log)
    try:
        size = os.fstat(descriptor).st_size
        if size > _MAX_BYTES:
            if _rotate(store, descriptor):
                return _append(store, line)
            os.ftruncate(descriptor, 0)  # it must not grow without end
            size = 0
        private.make_private(descriptor)
        if os.write(descriptor, line) != len(line) and not size:
            os.ftruncate(descriptor, 0)  # a torn first line would not be ours
    finally:
        os.close(descriptor)
    return None


def _rotate(store: Folder, descriptor: int) -> bool:
    """Make the full log *descriptor* the older one; False if that one is not ours."""
    try:
        os.close(_checked(store, _OLDER, store.open(_OLDER)))
    except FileNotFoundError:
        pass
    except OSError:
        return False
    # If two writers find it full, the second must not replace the rotated log.
    if store.is_same(paths.ERROR_LOG, descriptor):
        store.replace(paths.ERROR_LOG, _OLDER)
    return True
