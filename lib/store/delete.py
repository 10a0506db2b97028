"""Deleting sessions, only ever because a person asked for it.

Promises
    * Only a file that is proven to be a session's is deleted.
    * A session that is alive, or may be (`unknown`), is never deleted: the verdict is
      reached again while holding the session's lock.
    * An entry that was not there when the person decided is never deleted.
"""

from __future__ import annotations

import os

from ..errors import HeadcountError, StoreError
from ..record import timestamps
from ..record.verdict import FINISHED, judge
from ..system import folder, private
from . import error_log, journal, links, paths, snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from ..model import VerdictName
    from ..system.folder import Folder

_LOCK_SECONDS = 2.0
_DAY_SECONDS = 86_400


def files_of(session_id: str) -> dict[str, int]:
    """Return the session's files with their sizes in bytes, in the order to delete.

    The live one first, since its verdict may forbid it all; then the archived ones,
    newest first, so that no file is left without the older ones. Raises OSError.
    """
    live = paths.session_path(session_id)
    files = [live] if os.path.lexists(live) else []
    files += paths.archived_paths(session_id)
    proven = [path for path in files if snapshot.classify(path) == snapshot.OURS]
    return {path: os.lstat(path).st_size for path in proven}


def remove(path: str, size: int, now: float) -> None:
    """Delete the session's file at *path*, live or archived, under its lock.

    *size* is its size in bytes when that was decided: a file that has grown since is
    kept. Raises StoreError for what must not be deleted, FileNotFoundError,
    LockError, OSError.
    """
    with journal.locked(path, _LOCK_SECONDS) as descriptor:
        _check_proven(path, descriptor)
        _check_finished(path, descriptor, now)
        if os.fstat(descriptor).st_size != size:
            raise StoreError(f"{path} was written to just now; it was not deleted")
        links.unlink(path, descriptor)


def check_deletable(session_id: str, verdict: VerdictName | None, why: str) -> None:
    """Raise StoreError unless a session with this *verdict* may be deleted."""
    if verdict is None:
        raise StoreError(
            f"the file of {session_id} does not hold its metadata; what is not proven "
            "to be a session is not deleted"
        )
    if verdict not in FINISHED:
        raise StoreError(
            f"{session_id} is {verdict} ({why}); only a session that is "
            f"{' or '.join(FINISHED)} is deleted. End it first"
        )


def expired(keep_days: int, now: float) -> dict[str, int]:
    """Return the archived files of days more than *keep_days* before today (UTC).

    With their sizes in bytes, in the order to delete them. Raises StoreError if a day's
    folder cannot be read.
    """
    first_kept = timestamps.from_epoch(now - keep_days * _DAY_SECONDS)[:10]
    return {
        path: size
        for folder in reversed(paths.archive_folders())
        if _is_day(os.path.basename(folder)) and os.path.basename(folder) < first_kept
        for path, size in _files(folder)
    }


def remove_all(
    files: dict[str, int],
    now: float,
    *,
    on_problem: Callable[[str], None],
    on_progress: Callable[[], None] = lambda: None,
) -> list[str]:
    """Delete archived *files* (as `expired` returns them), then the empty day folders.

    Returns the deleted paths. *on_problem* gets a message for each file that was not
    deleted; the session's older files of that day are then kept too.
    """
    removed: list[str] = []
    kept: set[tuple[str, str]] = set()
    for path, size in files.items():
        on_progress()
        session = (os.path.dirname(path), paths.id_of(path))
        if session in kept:
            continue
        try:
            remove(path, size, now)
        except FileNotFoundError:
            continue  # restored, or deleted by somebody else
        except (HeadcountError, OSError) as error:
            kept.add(session)
            on_problem(f"{path} was not deleted: {error}")
        else:
            removed.append(path)
    if removed:
        _remove_empty_days({os.path.dirname(path) for path in removed})
    return removed


def removable(files: dict[str, int], now: float) -> Iterator[str]:
    """Yield those of *files* that `remove_all` would delete now."""
    for path in files:
        try:
            descriptor, _ = journal.open_ours(path)
        except OSError:
            continue
        try:
            _check_proven(path, descriptor)
            _check_finished(path, descriptor, now)
        except StoreError:
            continue
        finally:
            os.close(descriptor)
        yield path


def _check_proven(path: str, descriptor: int) -> None:
    if snapshot.classify_open(descriptor, path) != snapshot.OURS:
        raise StoreError(
            f"{path} does not begin with the metadata of {paths.id_of(path)}; "
            "what is not proven to be a session is not deleted"
        )


def _check_finished(path: str, descriptor: int, now: float) -> None:
    session = snapshot.read_open(descriptor, path, now)
    verdict, reasons = judge(session.metadata, now) if session else (None, ("",))
    check_deletable(paths.id_of(path), verdict, reasons[0])


def _is_day(name: str) -> bool:
    """Whether *name* is YYYY-MM-DD."""
    return timestamps.is_timestamp(f"{name}T00:00:00.000Z")


def _files(folder: str) -> Iterator[tuple[str, int]]:
    """Yield a day's session files with their sizes, of each session newest first."""
    files: list[tuple[str, int, str, int]] = []
    for file, status in paths.regular_files(folder):
        session_id, _, number = file.name.removesuffix(paths.SUFFIX).partition(".")
        files.append((session_id, -int(number or 0), file.path, status.st_size))
    for _, _, path, size in sorted(files):
        yield path, size


def _remove_empty_days(days: Collection[str]) -> None:
    with folder.open_own(paths.ARCHIVE_DIR, follow=False) as archive:
        for day in days:
            try:
                archive.rmdir(os.path.basename(day))
            except OSError:
                pass  # something else is in it, and stays


# ---- Uninstalling ---------------------------------------------------------------


def purge() -> int:
    """Delete every session, alive or not, and what else is ours in the store.

    Returns how many files of sessions were deleted. What is not provably ours stays,
    and so do folders that have something left in them. Raises StoreError, OSError.
    """
    with folder.open_own(paths.SESSIONS_DIR) as store:
        days = paths.archive_folders()
        files = [f.path for d in (*days, store.path) for f in paths.session_files(d)]
        count = sum(map(_purge_session, files))
        for name in store.names():
            _purge_by_product(store, name)
        if days:
            _remove_empty_days(days)
        try:
            store.rmdir(os.path.basename(paths.ARCHIVE_DIR))
        except OSError:
            pass  # it has files that are not ours, or does not exist
    try:
        os.rmdir(paths.SESSIONS_DIR)
    except OSError:
        pass
    return count


def _purge_session(path: str) -> bool:
    try:
        descriptor, _ = journal.open_ours(path)
    except OSError:
        return False
    try:
        is_ours = snapshot.classify_open(descriptor, path) == snapshot.OURS
        if is_ours:
            links.unlink(path, descriptor)
        return is_ours
    except FileNotFoundError:
        return False  # a hook has moved it
    finally:
        os.close(descriptor)


def _purge_by_product(store: Folder, name: str) -> None:
    """Delete *name* if it is a file of ours that belongs to no session."""
    if name != paths.GITIGNORE and not paths.is_by_product(name):
        return
    path = os.path.join(store.path, name)
    try:
        descriptor = store.open(name)
    except OSError:
        return
    try:
        private.check_ours(path, os.fstat(descriptor))
        if name.startswith(paths.ERROR_LOG):
            error_log.check_ours(store, name, descriptor)
        content = os.read(descriptor, len(paths.IGNORE_ALL) + 1)
        expected = {paths.GITIGNORE: paths.IGNORE_ALL, paths.INSTALL_LOCK: b""}
        if content == expected.get(name, content):
            store.unlink_same(name, descriptor)
    except (StoreError, FileNotFoundError):
        pass  # it is not ours, or no longer there
    finally:
        os.close(descriptor)
