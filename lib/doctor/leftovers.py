"""What a crash left: an interrupted move, and temporary files of new sessions."""

from __future__ import annotations

import os
import stat
import time

from ..store import journal, paths
from ..system import folder
from ..system.shell import command_or_reason
from ..text import count
from .finding import PROBLEM, WARN, Context, Finding, Repair, is_ours
from .store import all_files, is_usable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_OLD_SECONDS = 3600
_MOVE_SECONDS = 0.05
_LOCK_SECONDS = 0.5
_MAX_NAMED = 5


def check_moves(_: Context) -> Iterator[Finding]:
    """Find files with two names: an interrupted move leaves both."""
    if not is_usable():
        return
    linked = _with_two_names()
    if linked:
        time.sleep(_MOVE_SECONDS)  # a move in progress is finished by then
        linked = [path for path in _with_two_names() if path in linked]
    inside = [path for path in linked if _count_names(path) == os.stat(path).st_nlink]
    if inside:
        message = f"a move was interrupted, both names exist: {_listed(inside)}"
        description = f"finish the move of {_listed(inside)}"
        repair = Repair(description, lambda: _finish(inside))
        yield Finding(WARN, "moves", message, "headcount doctor --fix", repair)
    for path in (path for path in linked if path not in inside):
        message = f"{path} has a second name (hard link) outside the store, so nothing "
        message += "is written to it; find the other name and remove it"
        fix = command_or_reason("find", "/", "-xdev", "-samefile", path)
        yield Finding(PROBLEM, "moves", message, fix)


def check_leftovers(context: Context) -> Iterator[Finding]:
    """Find temporary files that are too old to be of a session that just starts."""
    if not is_usable():
        return
    old = [path for path in _hidden_files() if _is_old(path, context.now)]
    if old:
        message = f"{count(len(old), 'hidden file')} left by a crash: {_listed(old)}"
        repair = Repair(f"rm {_listed(old)}", lambda: _remove(old, context.now))
        fix = command_or_reason("rm", "-f", *old)
        yield Finding(WARN, "moves", message, fix, repair)


def _with_two_names() -> list[str]:
    return [
        path
        for path, status in all_files().items()
        if stat.S_ISREG(status.st_mode) and is_ours(status) and status.st_nlink > 1
    ]


def _count_names(path: str) -> int:
    """Return how many names the file at *path* has in the store, with hidden ones."""
    status = os.lstat(path)
    names = [*all_files(), *_hidden_files()]
    return sum(os.path.samestat(os.lstat(name), status) for name in names)


def _finish(files: list[str]) -> None:
    for path in files:
        try:
            with journal.locked(path, _LOCK_SECONDS):
                pass  # taking the lock finishes the move
        except FileNotFoundError:
            continue  # this was the name to be removed


def _hidden_files() -> list[str]:
    folder = paths.SESSIONS_DIR
    names = sorted(filter(paths.is_temporary, os.listdir(folder)))
    return [os.path.join(folder, name) for name in names]


def _is_old(path: str, now: float) -> bool:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return False
    only_name = status.st_nlink == 1  # else it is the second name of a session
    ours = stat.S_ISREG(status.st_mode) and is_ours(status)
    return ours and only_name and status.st_mtime < now - _OLD_SECONDS


def _remove(files: list[str], now: float) -> None:
    with folder.open_own(paths.SESSIONS_DIR) as store:
        for path in files:
            if _is_old(path, now):
                store.unlink(os.path.basename(path))


def _listed(files: list[str]) -> str:
    more = ", ..." if len(files) > _MAX_NAMED else ""
    return ", ".join(files[:_MAX_NAMED]) + more
