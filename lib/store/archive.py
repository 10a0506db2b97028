"""Filing the dead away, and bringing back who returns.

Promises
    * Only what is proven to be a session's file of ours is moved.
    * The verdict falls under the session's lock, or a session that beats between the
      verdict and the move would be archived alive. A locked session is skipped.
    * No file ever replaces another: a session archived twice a day has two files.
    * Two cleaners: each file is moved once, and neither sees an error.
"""

from __future__ import annotations

import os

from ..errors import HeadcountError, LockError, LockTimeoutError, StoreError
from ..record import timestamps
from ..system import process, rename
from ..text import humanize
from . import journal, links, paths, snapshot
from .paths import Listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from ..model import SessionMetadata
    from .journal import LockPolicy

_LEFTOVER_SECONDS = 3600
_ROTATE_ABOVE = 500


def archive(
    path: str,
    *,
    now: float,
    timeout: float = 0.0,
    confirm: Callable[[], bool] = lambda: True,
) -> str | None:
    """Move the live session at *path* to today's (UTC) archive, under its lock.

    *confirm* is asked under the lock; on its no, nothing moves and None comes
    back, else the new path. So it is if an entry came in meanwhile: a hook that cannot
    have the lock in time writes without. Raises StoreError if the file is not proven to
    be a session's, LockError if it is busy, FileNotFoundError, OSError.
    """
    _check_name(path)
    with journal.locked(path, timeout):
        size = os.stat(path).st_size
        if snapshot.classify(path) != snapshot.OURS:
            raise StoreError(
                f"{path} does not begin with the metadata of {paths.id_of(path)}; "
                "what is not proven to be a session is not moved"
            )
        if not confirm():
            return None
        folder = os.path.join(paths.ARCHIVE_DIR, timestamps.from_epoch(now)[:10])
        _ensure_no_link(paths.ARCHIVE_DIR)
        _ensure_no_link(folder)
        target = _move_to_free_name(path, folder)
        return target if _undo_if_grown(target, size, path) else None


def restore(session_id: str, policy: LockPolicy) -> str:
    """Move the session back from whichever day it is in; return its live path.

    Does nothing if it is live already. With `write_unlocked` in *policy*, moves it even
    if a (stopped) process holds its lock, or the file system has no locks: no entry is
    lost by that, since an entry is written to the file wherever it is.
    Raises SessionNotFoundError, LockError, StoreError, OSError.
    """
    live = paths.session_path(session_id)
    while (archived := paths.locate_session(session_id, _is_ours)) != live:
        try:
            _move_back(archived, live, policy)
        except (FileNotFoundError, FileExistsError):
            continue  # another process restored it, or archived it again
    return live


def cleanup(
    *,
    now: float,
    keep: Collection[str] = (),
    listing: Listing | None = None,
    budget: float | None = None,
    dry_run: bool = False,
    on_problem: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[], None] = lambda: None,
) -> list[tuple[str, SessionMetadata]]:
    """Archive every stale or dead session but those in *keep*.

    Returns the new path (with *dry_run* the present one) and the metadata of each.
    Ends *budget* seconds, if given, after the *listing* was begun. What could not be
    judged or moved goes to *on_problem* in words; it never raises for the sake of one
    session. *on_progress* is called before each session that is looked at.
    """
    listing = listing or Listing()
    moved: list[tuple[str, SessionMetadata]] = []
    for path in _oldest_first(listing):
        on_progress()
        if budget is not None and listing.age() > budget:
            break
        if paths.id_of(path) in keep:
            continue
        try:
            done = _clean_one(path, now, dry_run=dry_run)
        except (FileNotFoundError, LockTimeoutError):
            continue  # another cleaner was quicker, or somebody writes to it just now
        except (HeadcountError, OSError, ImportError) as error:
            on_problem(f"{path} was left where it is: {error}")
            continue
        if done is not None:
            moved.append(done)
    if not dry_run:
        _remove_leftovers(now, on_problem)
    return moved


def is_archived(session_id: str) -> bool:
    """Whether the session lies in the archive."""
    return any(map(_is_ours, paths.archived_paths(session_id)))


def _is_ours(path: str) -> bool:
    try:
        return snapshot.classify(path) == snapshot.OURS
    except OSError:
        return False  # a stranger's, or moved away just now


def _move_back(archived: str, live: str, policy: LockPolicy) -> None:
    try:
        with journal.locked(archived, policy.timeout):
            rename.rename(archived, live)
    except LockError:
        if not policy.write_unlocked:
            raise
        rename.rename(archived, live)


def _clean_one(
    path: str, now: float, *, dry_run: bool
) -> tuple[str, SessionMetadata] | None:
    metadata = _finished(path, now)
    if metadata is None:
        return None
    target: str | None = path
    if not dry_run:
        target = archive(
            path, now=now, confirm=lambda: _finished(path, now) is not None
        )
    return None if target is None else (target, metadata)


def _finished(path: str, now: float) -> SessionMetadata | None:
    """Return the session's metadata if it is dead or stale, else None.

    Raises StoreError if it only looks stale because the clock was set forward.
    """
    from ..record.verdict import FINISHED, judge

    found = snapshot.read(path, now)
    if found is None:
        return None
    name, reasons = judge(found.metadata, now)
    if name == "stale":
        _check_clock(found.metadata, path, now, reasons[-1])
    return found.metadata if name in FINISHED else None


def _check_clock(metadata: SessionMetadata, path: str, now: float, reason: str) -> None:
    """Raise StoreError if the wall clock, not the session, is to blame for *reason*.

    A process cannot have written to the record before it began. If both the last
    heartbeat and the file are older than the process itself, by the clock that nobody
    sets, then the wall clock has moved. Known by its number alone it may be another.
    """
    seen = [metadata.get(key) for key in ("pid", "process", "host")]
    if None in seen[:2] or process.probe(*seen)[0] != process.RUNNING:
        return
    age = process.age(metadata.get("pid"))
    beat = timestamps.parse(metadata.get("last_heartbeat"))
    if age is None or beat is None:
        return
    written = os.stat(path, follow_symlinks=False).st_mtime
    if written > now + timestamps.SKEW_SECONDS:
        raise StoreError(f"{reason}, but it is written to: was the clock set back?")
    if now - max(beat, written) > age + timestamps.SKEW_SECONDS:
        raise StoreError(
            f"{reason}, but its process began {humanize(age)} ago; was the clock set?"
        )


def _oldest_first(listing: Listing) -> Iterator[str]:
    """Yield the paths of the live sessions, least recently written first.

    With very many, from a random place onwards and around, so that some that can
    never be moved do not keep later starts from the rest.
    """
    files = [path for _, path in listing.files]
    start = 0
    if len(files) > _ROTATE_ABOVE:
        start = int.from_bytes(os.urandom(4), "big") % len(files)
    yield from files[start:]
    yield from files[:start]


def _check_name(path: str) -> None:
    """Raise StoreError unless *path* is where a live session of the store would be."""
    folder, name = os.path.split(os.path.abspath(path))
    session_id = name.removesuffix(paths.SUFFIX)
    inside = os.path.realpath(folder) == os.path.realpath(paths.SESSIONS_DIR)
    if not (inside and name != session_id and paths.is_session_id(session_id)):
        raise StoreError(
            f"{path} is not a session in {paths.SESSIONS_DIR}; "
            "what is not proven to be a session is not moved"
        )


def _ensure_no_link(folder: str) -> None:
    paths.ensure_folder(folder)
    if os.path.islink(folder):
        raise StoreError(f"{folder} is a symbolic link; nothing is archived through it")


def _move_to_free_name(path: str, folder: str) -> str:
    session_id, number = paths.id_of(path), 0
    while True:
        name = f"{session_id}.{number}" if number else session_id
        target = os.path.join(folder, name + paths.SUFFIX)
        try:
            rename.rename(path, target)
        except FileExistsError:
            number += 1
            continue
        return target


def _undo_if_grown(target: str, size: int, path: str) -> bool:
    """Whether the archived file has still *size*; else it goes back to *path*.

    Whoever writes to it from now on sees that it is gone, and brings it back.
    """
    try:
        if os.stat(target).st_size != size:
            rename.rename(target, path)
            return False
    except (FileNotFoundError, FileExistsError):
        return False  # another brought it back
    return True


def _remove_leftovers(now: float, on_problem: Callable[[str], None]) -> None:
    try:
        links.remove_leftovers(paths.SESSIONS_DIR, now - _LEFTOVER_SECONDS)
    except FileNotFoundError:
        pass  # no store yet, or another cleaner was quicker
    except (StoreError, OSError) as error:
        on_problem(f"{paths.SESSIONS_DIR} could not be tidied: {error}")
