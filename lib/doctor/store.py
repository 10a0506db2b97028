"""The store: owner, permissions, contents, and whether its files can be locked."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import stat

from .. import file_lock, sessions
from ..errors import HeadcountError, StoreError
from ..record import entries, verdict
from ..store import error_log, journal, paths, repair, snapshot
from ..system import private
from ..system.folder import make_private, open_own
from ..system.shell import command_or_reason
from ..text import count
from .finding import (
    ELSEWHERE,
    OK,
    PROBLEM,
    WARN,
    Context,
    Finding,
    Repair,
    is_ours,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..model import SessionInfo

_MAX_NAMED = 5
_LOCK_SECONDS = 0.5
_OTHERS_MAY = 0o077
_FULL_ACCESS = os.R_OK | os.W_OK | os.X_OK
# What is wrong with a session file, as the findings say it.
_NOT_YOURS, _NOT_YOURS_LINKED = "not yours", "not yours, and a link"
_NOT_PRIVATE, _NOT_PROVEN = "not of mode 0600", "not of mode 0600, nor Headcount's"
_DESTROYED, _DAMAGED = "without line 1", "without valid metadata"
_FAULTS = (
    *(_NOT_YOURS, _NOT_YOURS_LINKED, _NOT_PRIVATE, _NOT_PROVEN),
    *(_DESTROYED, _DAMAGED),
)


def check_store(_: Context) -> Iterator[Finding]:
    """Check the folder itself."""
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
        message = f"{folder}: {count(live, 'session')}, {archived} archived"
        yield Finding(OK, "store", message)


def check_files(_: Context) -> Iterator[Finding]:
    """Check owner, mode and content of each session file."""
    if not is_usable():
        return
    yield from _misnamed()
    files = all_files()
    faults: dict[str, list[str]] = {fault: [] for fault in _FAULTS}
    for path, status in files.items():
        if fault := _fault(path, status):
            faults[fault].append(path)
    for path in _damaged({path for group in faults.values() for path in group}):
        faults[_DESTROYED if repair.is_possible(path) else _DAMAGED].append(path)
    yield from _file_faults(faults, _NOT_YOURS, _chown_command)
    yield from _file_faults(faults, _NOT_YOURS_LINKED, _move_command)
    yield from _file_faults(faults, _NOT_PRIVATE, _chmod_command, _make_private)
    yield from _file_faults(faults, _NOT_PROVEN, _chmod_command)
    yield from _destroyed(faults[_DESTROYED])
    yield from _file_faults(faults, _DAMAGED, _move_command)
    if files and not any(faults.values()):
        yield Finding(OK, "files", "every session file is yours, private and readable")


def check_archive(_: Context) -> Iterator[Finding]:
    """Check the archive's folder, and those of its days."""
    archive = paths.ARCHIVE_DIR
    if not is_usable() or not os.path.lexists(archive):
        return
    yield from _part_faults(archive)
    if private.is_own_folder(archive) and os.access(archive, _FULL_ACCESS):
        for name in sorted(os.listdir(archive)):
            if name[:1].isdigit():
                yield from _part_faults(os.path.join(archive, name))


def check_lock(_: Context) -> Iterator[Finding]:
    """Lock a temporary file in the store, to see that locks work there."""
    if not is_usable():
        return
    path = paths.temporary_path("doctor")
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # the finding says so
            file_lock.with_lock(path, lambda: None, timeout=_LOCK_SECONDS)
    except HeadcountError as error:
        yield Finding(PROBLEM, "lock", str(error), ELSEWHERE)
    else:
        yield Finding(OK, "lock", "files in the store can be locked")
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def check_environment(_: Context) -> Iterator[Finding]:
    """Check the variable that says when a session is stale."""
    if problem := verdict.ttl_problem():
        yield Finding(PROBLEM, "variables", problem, "export HEADCOUNT_TTL_HOURS=24")


def is_usable() -> bool:
    """Whether the store exists, and we have full access to it."""
    return os.path.isdir(paths.SESSIONS_DIR) and os.access(
        paths.SESSIONS_DIR, _FULL_ACCESS
    )


def all_sessions() -> list[SessionInfo]:
    """Return every session, first the live ones, then the archived ones."""
    return [*sessions.discover_sessions(), *sessions.discover_sessions(archived=True)]


def all_files() -> dict[str, os.stat_result]:
    """Return the status of every session file, live or archived, and of errors.log."""
    files: dict[str, os.stat_result] = {}
    for folder in (paths.SESSIONS_DIR, *paths.archive_folders()):
        file_paths = sorted(entry.path for entry in paths.session_files(folder))
        for path in (*file_paths, os.path.join(folder, paths.ERROR_LOG)):
            try:
                files[path] = os.lstat(path)
            except FileNotFoundError:
                continue  # archived in the meantime, or there is no log
    return files


def _missing(folder: str) -> Finding:
    parent = os.path.dirname(folder)
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    if os.path.isdir(parent) and os.access(parent, os.W_OK | os.X_OK):
        return Finding(OK, "store", f"{folder} is created by the first session")
    message = f"{folder} cannot be created: {parent} is not a folder you may write to"
    return Finding(PROBLEM, "store", message, ELSEWHERE)


# ---- Folders --------------------------------------------------------------------


def _folder_faults(folder: str, check: str) -> Iterator[Finding]:
    if not os.path.isdir(folder):
        link = ", but a symbolic link to nothing" * os.path.islink(folder)
        fault = f"{folder} is not a folder{link}"
        yield Finding(PROBLEM, check, fault, _move_command(folder))
        return
    status = os.stat(folder)
    mode = stat.S_IMODE(status.st_mode)
    if not is_ours(status):
        message = f"{folder} belongs to user {status.st_uid}, not to you"
        fix = ELSEWHERE if os.path.islink(folder) else _chown_command(folder)
        yield Finding(PROBLEM, check, message, fix)
    elif mode & _OTHERS_MAY:
        message = f"{folder} is open to others (mode {mode:04o})"
        yield _wrong_mode(folder, check, message)
    elif mode & stat.S_IRWXU != stat.S_IRWXU or not os.access(folder, _FULL_ACCESS):
        message = f"{folder} does not give you full access (mode {mode:04o})"
        yield _wrong_mode(folder, check, message)


def _part_faults(folder: str) -> Iterator[Finding]:
    """Yield what is wrong with the archive, or with a day in it."""
    if os.path.islink(folder):
        message = f"{folder} is a symbolic link, so it counts as empty: nothing is "
        message += "archived, restored or deleted through it"
        yield Finding(PROBLEM, "archive", message, command_or_reason("rm", folder))
    else:
        yield from _folder_faults(folder, "archive")


def _wrong_mode(folder: str, check: str, message: str) -> Finding:
    fix = command_or_reason("chmod", "700", folder)
    repair = Repair(fix, lambda: _make_folder_private(folder))
    safe = not os.path.islink(folder) and _has_only_ours(folder)
    return Finding(PROBLEM, check, message, fix, repair if safe else None)


def _make_folder_private(folder: str) -> None:
    if not _has_only_ours(folder):
        return
    parent, name = os.path.split(folder)
    if folder == paths.SESSIONS_DIR:
        make_private(folder)
        return
    with open_own(parent, follow=parent == paths.SESSIONS_DIR) as opened:
        make_private(name, dir_fd=opened.descriptor)


def _has_only_ours(folder: str) -> bool:
    """Whether *folder* has only files of ours: HEADCOUNT_DIR may name a shared one."""
    try:
        return paths.first_of_others(folder) is None
    except OSError:  # we have no access to it: judge by its path
        return paths.ARCHIVE_DIR in (folder, os.path.dirname(folder)) or (
            folder == paths.SESSIONS_DIR
        )


# ---- Files ----------------------------------------------------------------------


def _fault(path: str, status: os.stat_result) -> str | None:
    """Return what is wrong with owner or mode of the file at *path*, if anything."""
    if not is_ours(status):
        return _NOT_YOURS_LINKED if _is_link(status) else _NOT_YOURS
    if _is_not_private(status):
        return _NOT_PRIVATE if _is_provably_ours(path) else _NOT_PROVEN
    return None


def _damaged(faulty: set[str]) -> list[str]:
    """Return the session files without valid metadata, except those that are *faulty*.

    One that is not there any more was archived in the meantime.
    """
    return [
        os.fspath(info)
        for info in all_sessions()
        if info.metadata is None
        and os.fspath(info) not in faulty
        and os.path.lexists(info)
    ]


def _is_link(status: os.stat_result) -> bool:
    """Whether it is a symbolic link, or has another name, perhaps elsewhere."""
    return stat.S_ISLNK(status.st_mode) or status.st_nlink > 1


def _is_not_private(status: os.stat_result) -> bool:
    mode = status.st_mode
    return stat.S_ISREG(mode) and stat.S_IMODE(mode) != private.FILE_MODE


def _file_faults(
    faults: dict[str, list[str]],
    fault: str,
    fix_command: Callable[..., str],
    fix: Callable[[list[str]], None] | None = None,
) -> Iterator[Finding]:
    """Yield one finding for all files with this *fault*; its fix is for those named."""
    file_paths = faults[fault]
    if not file_paths:
        return
    named = file_paths[:_MAX_NAMED]
    more = len(file_paths) - len(named)
    message = f"{len(file_paths)} {fault}: {', '.join(named)}"
    message += f" and {more} more; fix these and check again" if more else ""
    repair = None
    if fix is not None:
        description = f"chmod 600: {count(len(file_paths), 'file')}"
        repair = Repair(description, lambda: fix(file_paths))
    yield Finding(PROBLEM, "files", message, fix_command(*named), repair)


def _misnamed() -> Iterator[Finding]:
    """Yield a finding for the files that would be sessions, but for their names."""
    folders = (paths.SESSIONS_DIR, *paths.archive_folders())
    files = sorted(path for folder in folders for path in paths.misnamed_files(folder))
    if files:
        named = ", ".join(files[:_MAX_NAMED]) + ", ..." * (len(files) > _MAX_NAMED)
        message = (
            f"{count(len(files), 'file')} not named like a session, so no command "
        )
        message += f"reads them: {named}"
        yield Finding(WARN, "files", message, "move them to another folder")


def _destroyed(file_paths: list[str]) -> Iterator[Finding]:
    """Yield a finding for each file whose entries are good but for line 1."""
    for path in file_paths:
        message = f"line 1 of {path} is destroyed, and what it said is lost"
        description = f"write new metadata to line 1 of {path}"
        fix = Repair(description, functools.partial(_write_metadata, path))
        yield Finding(PROBLEM, "files", message, "headcount doctor --fix", fix)


def _write_metadata(path: str) -> None:
    first = entries.metadata_entry(paths.id_of(path), entries.NO_PROCESS, {})
    if not repair.put_metadata(path, first, _LOCK_SECONDS):
        raise StoreError(f"line 1 of {path} is too short for it")


def _make_private(file_paths: list[str]) -> None:
    for path in file_paths:
        if not _is_provably_ours(path, private.make_private):
            raise StoreError(f"{path} was replaced just now; it was left alone")


def _is_provably_ours(path: str, if_so: Callable[[int], None] = lambda _: None) -> bool:
    """Whether the content of *path* proves it ours, and the file has no other name.

    *if_so* is then called with a descriptor of the file.
    """
    try:
        descriptor, status = journal.open_ours(path)
    except OSError:
        return False  # it is not ours, or we cannot read it
    try:
        if status.st_nlink > 1:
            return False
        if os.path.basename(path) == paths.ERROR_LOG:
            with open_own(os.path.dirname(path)) as folder:
                error_log.check_ours(folder, paths.ERROR_LOG, descriptor)
        elif snapshot.classify_open(descriptor, path) != snapshot.OURS:
            return False
        if_so(descriptor)
    except StoreError:
        return False
    finally:
        os.close(descriptor)
    return True


def _chown_command(*file_paths: str) -> str:
    """Return how to take over *file_paths*, none of which is a link.

    `-h`: one of them may be replaced by a symbolic link before it runs.
    """
    return command_or_reason("sudo", "chown", "-h", str(os.geteuid()), *file_paths)


def _chmod_command(*file_paths: str) -> str:
    return command_or_reason("chmod", "600", *file_paths)


def _move_command(*file_paths: str) -> str:
    moves = (command_or_reason("mv", path, f"{path}.aside") for path in file_paths)
    return "; ".join(moves)
