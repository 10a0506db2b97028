"""The store: whose it is, who may read it, what it holds, and whether it has locks."""

from __future__ import annotations

import os
import re
import shlex
import stat

from ..errors import HeadcountError
from ..system import private
from ..text import count
from .finding import ELSEWHERE, OK, PROBLEM, Context, Finding, Repair, is_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OTHERS = ("archive", ".gitignore", ".install.lock")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MAX_NAMED = 5
_LOCK_SECONDS = 0.5
_OTHERS_MAY = 0o077
_FULL_ACCESS = os.R_OK | os.W_OK | os.X_OK


def check_store(_: Context) -> Iterator[Finding]:
    """Check the folder itself."""
    from ..store import paths

    folder = paths.SESSIONS_DIR
    if not os.path.lexists(folder):
        yield _missing(folder)
        return
    faults = list(_folder_faults(folder, "store"))
    yield from faults
    if not faults:
        live = sum(1 for _ in paths.session_files(folder))
        archived = sum(
            1 for day in paths.archive_folders() for _ in paths.session_files(day)
        )
        told = f"{folder}: {count(live, 'session')}, {archived} archived"
        yield Finding(OK, "store", told)


def check_files(_: Context) -> Iterator[Finding]:
    """Check the session files: whose they are, who may read them, what they hold."""
    from .. import sessions

    if not is_usable():
        return
    found = all_files()
    theirs = [path for path, status in found.items() if not is_ours(status)]
    opened = [
        path
        for path, status in found.items()
        if _is_not_private(status) and path not in theirs
    ]
    faulty = {*theirs, *opened}
    damaged = [
        os.fspath(info)
        for archived in (False, True)
        for info in sessions.discover_sessions(archived=archived)
        if info.metadata is None and os.fspath(info) not in faulty
        if os.path.lexists(info)  # else it was archived meanwhile
    ]
    yield from _on_files(theirs, "not yours", _take_over)
    yield from _on_files(opened, "not of mode 0600", _make_private)
    yield from _on_files(damaged, "without valid metadata", _move_away)
    if found and not (faulty or damaged):
        yield Finding(OK, "files", "every session file is yours, private and readable")


def check_archive(_: Context) -> Iterator[Finding]:
    """Check the archive's folder."""
    from ..store import paths

    folder = paths.ARCHIVE_DIR
    if not is_usable():
        return
    if os.path.islink(folder):
        message = f"{folder} is a symbolic link; nothing is archived through it"
        yield Finding(PROBLEM, "archive", message, shlex.join(["rm", folder]))
    elif os.path.lexists(folder):
        yield from _folder_faults(folder, "archive")


def check_lock(_: Context) -> Iterator[Finding]:
    """Take a lock on a file of our own in the store, which is there but for that."""
    import contextlib
    import io

    from .. import file_lock
    from ..store import paths

    if not is_usable():
        return
    path = paths.temporary_path("doctor")
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # the finding says it
            file_lock.with_lock(path, lambda: None, timeout=_LOCK_SECONDS)
    except HeadcountError as error:
        yield Finding(PROBLEM, "lock", str(error), ELSEWHERE)
    else:
        yield Finding(OK, "lock", "files in the store can be locked")
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def is_usable() -> bool:
    """Whether the store is there and we may do with it what we like."""
    from ..store import paths

    return os.path.isdir(paths.SESSIONS_DIR) and os.access(
        paths.SESSIONS_DIR, _FULL_ACCESS
    )


def all_files() -> dict[str, os.stat_result]:
    """Return every file of the record and what it is: live, archived, and the log."""
    from ..store import paths

    found: dict[str, os.stat_result] = {}
    for folder in (paths.SESSIONS_DIR, *paths.archive_folders()):
        file_paths = sorted(entry.path for entry in paths.session_files(folder))
        for path in (*file_paths, os.path.join(folder, paths.ERROR_LOG)):
            try:
                found[path] = os.lstat(path)
            except FileNotFoundError:
                continue  # archived meanwhile, or no such log
    return found


def _missing(folder: str) -> Finding:
    above = os.path.dirname(folder)
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    if os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK):
        return Finding(OK, "store", f"{folder} is made when the first session begins")
    message = f"{folder} cannot be made: {above} is no folder that you may write to"
    return Finding(PROBLEM, "store", message, ELSEWHERE)


# ---- Folders --------------------------------------------------------------------


def _folder_faults(folder: str, check: str) -> Iterator[Finding]:
    if not os.path.isdir(folder):
        link = " but a symbolic link to nothing" * os.path.islink(folder)
        fault = f"{folder} is no folder{link}"
        yield Finding(PROBLEM, check, fault, _move_away(folder))
        return
    status = os.stat(folder)
    mode = stat.S_IMODE(status.st_mode)
    if not is_ours(status):
        message = f"{folder} belongs to user {status.st_uid}, not to you"
        yield Finding(PROBLEM, check, message, _take_over(folder))
    elif mode & _OTHERS_MAY:
        message = f"{folder} is open to others (mode {mode:04o})"
        yield _to_be_closed(folder, check, message)
    elif mode & stat.S_IRWXU != stat.S_IRWXU or not os.access(folder, _FULL_ACCESS):
        message = f"{folder} is closed to yourself (mode {mode:04o})"
        yield _to_be_closed(folder, check, message)


def _to_be_closed(folder: str, check: str, message: str) -> Finding:
    fix = shlex.join(["chmod", "700", folder])
    repair = Repair(fix, lambda: _close_folder(folder))
    proven = _holds_ours_alone(folder)
    return Finding(PROBLEM, check, message, fix, repair if proven else None)


def _close_folder(folder: str) -> None:
    if not os.path.islink(folder) and _holds_ours_alone(folder):
        os.chmod(folder, 0o700)


def _holds_ours_alone(folder: str) -> bool:
    """Whether nothing else lies in *folder*: HEADCOUNT_DIR may name a shared one."""
    from ..store import paths

    try:
        names = os.listdir(folder)
    except OSError:  # closed to ourselves: by its place, then
        return folder in (paths.SESSIONS_DIR, paths.ARCHIVE_DIR)
    return all(_is_name_of_ours(name) for name in names)


def _is_name_of_ours(name: str) -> bool:
    from ..store import paths

    if name.endswith(paths.SUFFIX):
        return paths.is_session_id(name.removesuffix(paths.SUFFIX))
    if paths.is_temporary(name) or _DAY.fullmatch(name):
        return True
    return name in (*_OTHERS, paths.ERROR_LOG, f"{paths.ERROR_LOG}.1")


# ---- Files ----------------------------------------------------------------------


def _is_not_private(status: os.stat_result) -> bool:

    mode = status.st_mode
    return stat.S_ISREG(mode) and stat.S_IMODE(mode) != private.FILE_MODE


def _on_files(
    file_paths: list[str], fault: str, fix: Callable[..., str]
) -> Iterator[Finding]:
    """Yield one finding for all the files; its command is for as many as it names."""
    if not file_paths:
        return
    named = file_paths[:_MAX_NAMED]
    more = len(file_paths) - len(named)
    message = f"{len(file_paths)} {fault}: {', '.join(named)}"
    message += f" and {more} more; fix these and look again" if more else ""
    repair = None
    if fix is _make_private and any(map(_may_be_closed, file_paths)):
        description = (
            f"chmod 600: {len(file_paths)} files in the store that others may read"
        )
        repair = Repair(description, lambda: _close_files(file_paths))
    yield Finding(PROBLEM, "files", message, fix(*named), repair)


def _close_files(file_paths: list[str]) -> None:

    for path in file_paths:
        if _may_be_closed(path):
            os.chmod(path, private.FILE_MODE)


def _may_be_closed(path: str) -> bool:
    """Whether *path* is proven ours: by its content, and under this name alone."""
    from ..store import paths, snapshot

    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode) or not is_ours(status) or status.st_nlink > 1:
        return False
    if os.path.basename(path) == paths.ERROR_LOG:
        return True
    try:
        return snapshot.classify(path) == snapshot.OURS
    except (HeadcountError, PermissionError):
        return False  # closed to ourselves: what it holds cannot be told


def _take_over(*file_paths: str) -> str:
    return shlex.join(["sudo", "chown", str(os.geteuid()), *file_paths])


def _make_private(*file_paths: str) -> str:
    return shlex.join(["chmod", "600", *file_paths])


def _move_away(*file_paths: str) -> str:
    return "; ".join(shlex.join(["mv", path, f"{path}.aside"]) for path in file_paths)
