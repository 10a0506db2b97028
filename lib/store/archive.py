"""Archiving the sessions that are stale or dead, and restoring those that return.

Promises
    * Only a file that is proven to be a session's is moved.
    * The verdict is reached while holding the session's lock. Otherwise a session that
      beats between the verdict and the move would be archived alive. A locked session
      is skipped.
    * No file ever replaces another: a session archived twice a day has two files.
    * With two cleanups at once, each file is moved once, and neither sees an error.
"""

from __future__ import annotations

import os

from ..errors import HeadcountError, LockError, LockTimeoutError, StoreError
from ..record import timestamps
from ..record.schema import PROCESS_KEYS
from ..record.verdict import FINISHED, HEARTBEAT_TTL_HOURS, judge
from ..system import process
from ..text import humanize
from . import journal, links, paths, snapshot
from .paths import Listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from ..model import SessionEntry, SessionMetadata
    from ..record.fold import Snapshot
    from ..system.folder import Folder
    from .journal import LockPolicy

_LEFTOVER_SECONDS = 3600
_ROTATE_ABOVE = 500
_LOOKUPS = 3


def archive(
    path: str,
    *,
    now: float,
    timeout: float = 0.0,
    confirm: Callable[[int], bool] = lambda _: True,
) -> str | None:
    """Move the live session at *path* to today's (UTC) archive, under its lock.

    Returns the new path. Nothing moves, and None is returned, if *confirm*, called
    under the lock with a descriptor of the file, returns False, or if an entry was
    written in the meantime: a hook that does not get the lock in time writes without
    it. Raises StoreError if the file is not proven to be a session's, or if the archive
    is a link or another user's; LockError if it is locked; FileNotFoundError, OSError.
    """
    _check_name(path)
    live = paths.session_path(paths.id_of(path))
    with journal.locked(live, timeout) as descriptor:
        before = os.fstat(descriptor)
        _check_proven(live, descriptor)
        if confirm(descriptor):
            day = timestamps.from_epoch(now)[:10]
            return _move_to_day(live, day, descriptor, before)
    return None


def archive_finished(
    path: str,
    *,
    now: float,
    timeout: float = 0.0,
    ttl_hours: float = HEARTBEAT_TTL_HOURS,
) -> str | None:
    """Archive the session at *path* as `archive` does, but only if it has ended.

    Returns None if it is neither dead nor stale, as judged under its lock. *ttl_hours*
    is how long it may be silent. Raises StoreError also if the clock was set.
    """

    def is_finished(descriptor: int) -> bool:
        session = snapshot.read_open(descriptor, path, now)
        return _finished(session, path, now, ttl_hours) is not None

    return archive(path, now=now, timeout=timeout, confirm=is_finished)


def restore(session_id: str, policy: LockPolicy) -> str:
    """Move the session back from whichever day it is in; return its live path.

    Does nothing if it is live already. With `write_unlocked` in *policy*, moves it even
    if a (stopped) process holds its lock, or the file system has no locks: no entry is
    lost by that, since an entry is written to the file wherever it is.
    Raises SessionNotFoundError, LockError, StoreError, OSError.
    """
    live = paths.session_path(session_id)
    while (archived := _locate(session_id)) != live:
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
    ttl_hours: float = HEARTBEAT_TTL_HOURS,
    budget: float | None = None,
    dry_run: bool = False,
    on_problem: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[], None] = lambda: None,
) -> list[tuple[str, SessionMetadata]]:
    """Archive every stale or dead session except those in *keep*.

    *ttl_hours* is how long one may be silent before it is stale.
    Returns the new path (with *dry_run* the present one) and the metadata of each.
    If *budget* is given, ends that many seconds after the *listing* was begun. One
    session that cannot be judged or moved raises nothing: *on_problem* gets a message.
    *on_progress* is called before each session is examined.
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
            result = _clean_one(path, now, ttl_hours, dry_run=dry_run)
        except (FileNotFoundError, LockTimeoutError):
            continue  # another cleanup was quicker, or somebody is writing to it
        except (HeadcountError, OSError, ImportError) as error:
            on_problem(f"{path} was left where it is: {error}")
            continue
        if result is not None:
            moved.append(result)
    if not dry_run:
        _remove_leftovers(now, on_problem)
    return moved


def is_archived(session_id: str) -> bool:
    """Whether the session is in the archive."""
    return any(map(_is_ours, paths.archived_paths(session_id)))


def _is_ours(path: str) -> bool:
    try:
        return snapshot.classify(path) == snapshot.OURS
    except OSError:
        return False  # not ours, or moved just now


def _locate(session_id: str) -> str:
    """Return the live file of the session, else its newest archived one that is ours.

    Looks several times: a file that is moved between the two places while this looks
    could be missed in both.
    """
    live = paths.session_path(session_id)
    for _ in range(_LOOKUPS):
        if os.path.lexists(live):
            return live
        for path in filter(_is_ours, paths.archived_paths(session_id)):
            return path
    raise paths.not_found(session_id)


def _move_back(archived: str, live: str, policy: LockPolicy) -> None:
    try:
        with journal.locked(archived, policy.timeout) as descriptor:
            _check_proven(archived, descriptor)
            links.move(archived, live, descriptor)
    except LockError:
        if not policy.write_unlocked:
            raise
        descriptor, _ = journal.open_ours(archived)
        try:
            _check_proven(archived, descriptor)
            links.move(archived, live, descriptor)
        finally:
            os.close(descriptor)


def _check_proven(path: str, descriptor: int) -> None:
    if snapshot.classify_open(descriptor, path) != snapshot.OURS:
        raise StoreError(
            f"{path} does not begin with the metadata of {paths.id_of(path)}; "
            "what is not proven to be a session is not moved"
        )


def _clean_one(
    path: str, now: float, ttl_hours: float, *, dry_run: bool
) -> tuple[str, SessionMetadata] | None:
    metadata = _finished(snapshot.read(path, now), path, now, ttl_hours)
    if metadata is None:
        return None
    if dry_run:
        return path, metadata
    target = archive_finished(path, now=now, ttl_hours=ttl_hours)
    return None if target is None else (target, metadata)


def _finished(
    session: Snapshot | None, path: str, now: float, ttl_hours: float
) -> SessionMetadata | None:
    """Return the metadata of the *session* at *path* if it is dead or stale, else None.

    Raises StoreError if it only looks stale because the clock was set forward.
    """
    if session is None:
        return None
    verdict, reasons = judge(session.metadata, now, ttl_hours)
    if verdict == "stale":
        _check_clock(session, path, now, ttl_hours, reasons[-1])
    return session.metadata if verdict in FINISHED else None


def _check_clock(
    session: Snapshot, path: str, now: float, ttl_hours: float, reason: str
) -> None:
    """Raise StoreError if the wall clock, not the session, is to blame for *reason*.

    A process cannot have written to the record before it started. If the last
    heartbeat and the file are both older than the process, by the monotonic boot clock,
    then the wall clock was set. (A process known by its pid alone may be another one.)
    """
    pid, *identity = (session.metadata.get(key) for key in PROCESS_KEYS)
    if pid is None or identity[0] is None:
        return
    if process.probe(pid, *identity)[0] != process.RUNNING:
        return
    age = process.age(pid)
    beat = timestamps.parse(session.metadata.get("last_heartbeat"))
    if age is None or beat is None:
        return
    _check_silence(beat, _fixed_point(session, path, age), now, ttl_hours, reason)
    written = os.stat(path, follow_symlinks=False).st_mtime
    if written > now + timestamps.SKEW_SECONDS:
        raise StoreError(f"{reason}, but it is written to: was the clock set back?")
    if now - max(beat, written) > age + timestamps.SKEW_SECONDS:
        raise StoreError(
            f"{reason}, but its process started {humanize(age)} ago; was the clock set?"
        )


def _fixed_point(
    session: Snapshot, path: str, age: float
) -> tuple[float, float] | None:
    """Return a time of the past by the clock as it was then, and the seconds since.

    The boot; where that is unknown the first entry of the process that has the session
    open, which began or resumed it and is *age* seconds old. None if neither is known.
    """
    booted = process.booted_at()
    if booted is not None:
        return booted, process.uptime()
    from . import reader  # few sessions are stale and open

    own = session.metadata.get("process")
    entries = reader.stream(path, report=lambda *_: None)
    first: SessionEntry = next((e for e in entries if e.get("process") == own), {})
    began = timestamps.parse(first.get("start_time") or first.get("timestamp"))
    return None if began is None else (began, age)


def _check_silence(
    beat: float,
    fixed_point: tuple[float, float] | None,
    now: float,
    ttl_hours: float,
    reason: str,
) -> None:
    """Raise StoreError if *beat* is young enough by the clock as it was before.

    Only if the clock was set forward: *now* is later than the time of the *fixed_point*
    by more than the seconds that passed since. It may have been before *beat*, too.
    """
    if fixed_point is None:
        return
    then, passed = fixed_point
    silence = passed - (beat - then)
    is_young = -timestamps.SKEW_SECONDS <= silence < ttl_hours * 3600
    if is_young and now - then > passed + timestamps.SKEW_SECONDS:
        raise StoreError(
            f"{reason}, but by the clock as it was for {humanize(silence)}: was the "
            "clock set?"
        )


def _oldest_first(listing: Listing) -> Iterator[str]:
    """Yield the paths of the live sessions, least recently written first.

    If there are very many, starts at a random one and wraps around: files that can
    never be moved must not use up the budget of every cleanup.
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


def _move_to_day(
    live: str, day: str, descriptor: int, before: os.stat_result
) -> str | None:
    with links.open_folder(live) as store, links.make_day(day) as folder:
        name = os.path.basename(live)
        store.check_same(name, descriptor)
        target = _move_to_free_name(store, name, folder)
        stays = _undo_if_changed(store, name, folder, target, before)
        return os.path.join(folder.path, target) if stays else None


def _move_to_free_name(store: Folder, name: str, day: Folder) -> str:
    session_id, number = paths.id_of(name), 0
    target = name
    while True:
        try:
            links.rename(store, name, day, target)
        except FileExistsError:
            number += 1
            target = f"{session_id}.{number}{paths.SUFFIX}"
        else:
            return target


def _undo_if_changed(
    store: Folder, name: str, day: Folder, archived: str, before: os.stat_result
) -> bool:
    """Move *archived* in *day* back if it has grown, or is another file than *before*.

    Returns whether it stays. Whoever writes to it from now on sees that it is gone, and
    restores it.
    """
    try:
        status = day.status(archived)
        is_same = os.path.samestat(status, before)
        if not is_same or status.st_size != before.st_size:
            links.rename(day, archived, store, name)
            return False
    except (FileNotFoundError, FileExistsError):
        return False  # another process restored it
    return True


def _remove_leftovers(now: float, on_problem: Callable[[str], None]) -> None:
    try:
        links.remove_leftovers(now - _LEFTOVER_SECONDS)
    except FileNotFoundError:
        pass  # no store yet, or another cleanup was quicker
    except (StoreError, OSError) as error:
        on_problem(f"{paths.SESSIONS_DIR} still has temporary files: {error}")
