"""The life of a session, from beginning to end: the public API.

    id = create_session("nightly build")             it begins: a file with its metadata
    append_to_session(id, {"type": "build.done"})    other tools add their own entries
    update_heartbeat(id, state="busy")               it is alive
    close_session(id)                                it ends
    discover_sessions()                              all sessions, as they are now
    verdict(metadata), is_session_alive(metadata)    whether it is alive, and why
    current_state(metadata)                          what it is doing at the moment
    cleanup_stale_sessions()                         archive stale and dead sessions
    restore_session(id)                              move one back from the archive

A session is a file of JSON lines below SESSIONS_DIR. Line 1 is its metadata, written
once; every later line is an entry. Lines are only added, under the file's lock, and a
file is only moved: nothing here deletes one (`store.delete` does, when a person asks).
All of this may be called from any number of processes at once.

`HEADCOUNT_DIR` and `HEADCOUNT_TTL_HOURS` are read when this module is imported.
"""

from __future__ import annotations

import os
import time

from .errors import (
    HeadcountError,
    InvalidEntryError,
    InvalidSessionIdError,
    LockError,
    LockTimeoutError,
    SessionClosedError,
    SessionExistsError,
    SessionNotFoundError,
    StoreError,
)
from .file_lock import with_lock
from .record import entries, schema
from .store import paths
from .store.journal import DEFAULT_LOCK_POLICY, LockPolicy
from .store.session_file import SessionFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from .claude.live_state import current_state
    from .model import (
        SessionEntry,
        SessionInfo,
        SessionMetadata,
        State,
        Verdict,
        WaitingFor,
    )
    from .record.entries import Observe
    from .store.resume import resume_session

    SESSIONS_DIR: Path
    ARCHIVE_DIR: Path
    HEARTBEAT_TTL_HOURS: float

__all__ = [
    "ARCHIVE_DIR",
    "HEARTBEAT_TTL_HOURS",
    "SESSIONS_DIR",
    "HeadcountError",
    "InvalidEntryError",
    "InvalidSessionIdError",
    "LockError",
    "LockPolicy",
    "LockTimeoutError",
    "SessionClosedError",
    "SessionEntry",
    "SessionExistsError",
    "SessionInfo",
    "SessionMetadata",
    "SessionNotFoundError",
    "StoreError",
    "Verdict",
    "append_to_session",
    "archive_session",
    "auto_cleanup",
    "cleanup_stale_sessions",
    "close_session",
    "create_session",
    "current_state",
    "discover_sessions",
    "get_session_path",
    "is_session_alive",
    "iter_session_jsonl",
    "load_session_jsonl",
    "restore_session",
    "resume_session",
    "update_heartbeat",
    "verdict",
    "with_lock",
]

# Whoever starts a session must not notice the cleanup.
CLEANUP_BUDGET_SECONDS = 0.2


def __getattr__(name: str) -> object:
    """Import what is behind a name only when the name is used.

    `pathlib` and `typing` would each double what a hook takes.
    """
    if name in ("SESSIONS_DIR", "ARCHIVE_DIR"):
        from pathlib import Path

        return Path(getattr(paths, name))
    if name == "HEARTBEAT_TTL_HOURS":
        from .record.verdict import HEARTBEAT_TTL_HOURS

        return HEARTBEAT_TTL_HOURS
    if name == "current_state":
        from .claude.live_state import current_state

        return current_state
    if name == "resume_session":
        from .store.resume import resume_session

        return resume_session
    if name in ("SessionEntry", "SessionInfo", "SessionMetadata", "Verdict"):
        from . import model

        return getattr(model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def get_session_path(session_id: str) -> Path:
    """Return where the file of the live session is, or would be.

    Raises InvalidSessionIdError unless the id is 1 to 128 of `A-Z a-z 0-9 - _` and
    begins with a letter or digit: nothing outside the folder can be named.
    """
    from pathlib import Path

    return Path(paths.session_path(session_id))


def create_session(  # noqa: PLR0913  # each is a field of line 1
    label: str | None = None,
    *,
    session_id: str | None = None,
    pid: int | None = None,
    cwd: str | None = None,
    tasks: list[object] | None = None,
    source: str | None = None,
    project_dir: str | None = None,
    transcript_path: str | None = None,
    entrypoint: str | None = None,
    client_version: str | None = None,
    previous_session_id: str | None = None,
) -> str:
    """Create a session and return its id; then archive stale ones, opportunistically.

    *session_id* is a new UUID4 unless given, *pid* (the process whose life is the
    session's) the caller's; 0 says that none is known. *cwd* is the current folder. The
    other parameters are fields of the metadata entry; None leaves one out.

    Raises SessionExistsError if the id is on record, live or archived;
    InvalidSessionIdError; InvalidEntryError if the metadata is not JSON or over
    64 KiB; StoreError or OSError if it cannot be written. What goes wrong in the
    cleanup goes to errors.log, never to the caller.
    """
    if session_id is None:
        import uuid

        session_id = str(uuid.uuid4())
    file = SessionFile(session_id, DEFAULT_LOCK_POLICY)
    fields = {
        "cwd": _current_folder() if cwd is None else cwd,
        "label": label,
        "tasks": [] if tasks is None else tasks,
        "source": source,
        "project_dir": project_dir,
        "transcript_path": transcript_path,
        "entrypoint": entrypoint,
        "client_version": client_version,
        "previous_session_id": previous_session_id,
    }
    file.create(entries.metadata_entry(session_id, pid, fields))
    auto_cleanup(session_id)
    return session_id


def auto_cleanup(session_id: str, listing: paths.Listing | None = None) -> None:
    """Archive what is stale, but not *session_id*.

    A session whose process may run is stale after DEFAULT_TTL_HOURS here, if
    HEARTBEAT_TTL_HOURS is less: a repository can set that for its own hooks, and must
    not have the sessions of other projects archived. Ends CLEANUP_BUDGET_SECONDS after
    the *listing* was begun, which is made now unless given. Never raises: what goes
    wrong is logged in errors.log.
    """
    try:
        from .record import verdict
        from .store import archive

        archive.cleanup(
            now=time.time(),
            keep=[session_id],
            listing=listing,
            ttl_hours=max(verdict.DEFAULT_TTL_HOURS, verdict.HEARTBEAT_TTL_HOURS),
            budget=CLEANUP_BUDGET_SECONDS,
            on_problem=_log_cleanup,
        )
    except (HeadcountError, OSError, ImportError) as error:
        _log_cleanup(error)


def _log_cleanup(problem: BaseException | str) -> None:
    try:
        from .store import error_log
    except ImportError:
        return  # there is nowhere else to report it
    error_log.log_error("cleanup", problem)


def append_to_session(
    session_id: str,
    entry: SessionEntry,
    *,
    timeout: float | LockPolicy = DEFAULT_LOCK_POLICY,
) -> str:
    """Append one entry of your own to a session, whole or not at all; return its id.

    *entry* is JSON, at most 64 KiB, with a `type` of `[a-z][a-z0-9_.-]{0,63}` that is
    not one of Headcount's own (`session_update`, which sets `label` or `tasks`, may be
    written by anybody). `v`, `session_id`, and unless given `id` and `timestamp`, are
    filled in. An archived session is restored; a missing one is never created.
    *timeout* is how long to wait for the file's lock, in seconds; hooks give a
    LockPolicy.

    A `question` or an `answer` must be as docs/format.md describes it.

    Raises SessionNotFoundError if it is not on record or its metadata is damaged,
    InvalidSessionIdError, InvalidEntryError, LockTimeoutError, StoreError, OSError.
    """
    from .record.custom_entry import custom_entry

    file = SessionFile(session_id, timeout)
    whole = custom_entry(session_id, entry)
    file.append(whole)
    return str(whole["id"])


def update_heartbeat(
    session_id: str,
    *,
    state: State | Observe | None = None,
    waiting_for: WaitingFor | None = None,
    event: str | None = None,
    pid: int | None = None,
    min_interval: float = 0.0,
    observed_at: float | None = None,
    timeout: float | LockPolicy = DEFAULT_LOCK_POLICY,
) -> bool:
    """Record that the session is alive, and its *state*; return whether it was written.

    Nothing is written if *min_interval* is given, nothing has changed, and the last
    heartbeat is younger than that many seconds. *state* None leaves it as it is;
    `waiting` may say what for. Where that depends on what is on record, *state* is a
    function: it gets the metadata, under the lock, and returns an Observation. *pid* is
    the process that has the session open; None is the caller, if it has, else the one
    on record. *event* is the hook's name for it. A closed session is opened again,
    unless it was closed after *observed_at*, when the event was observed (epoch
    seconds): a new state begins then. A hook that gives that does not write what a hook
    of another installation has just written. *timeout* is that of `append_to_session`.

    Raises SessionNotFoundError if it is not on record or its metadata is damaged,
    SessionClosedError, InvalidEntryError for an invalid state, LockTimeoutError,
    StoreError, OSError.
    """
    observe = state if callable(state) else _constant(state, waiting_for)
    make = entries.heartbeat(schema.HEARTBEAT, pid, observe, event, observed_at)
    file = SessionFile(session_id, timeout)
    if min_interval:
        session, since = file.read(), time.time() - min_interval
        if entries.is_redundant(make(session), session, since):
            return False
    return file.append_with(make, observed_at)


def close_turn(
    session_id: str,
    *,
    state: State | Observe = "idle",
    event: str | None = None,
    pid: int | None = None,
    observed_at: float | None = None,
    timeout: float | LockPolicy = DEFAULT_LOCK_POLICY,
) -> None:
    """Record that a turn has ended, and the *state* after it.

    For the Stop hook. If the session was idle before, the state begins anew. The
    parameters and errors are those of `update_heartbeat`.
    """
    observe = state if callable(state) else _constant(state)
    make = entries.heartbeat(schema.TURN_CLOSE, pid, observe, event, observed_at)
    SessionFile(session_id, timeout).append_with(make, observed_at)


def _constant(state: State | None, waiting_for: WaitingFor | None = None) -> Observe:
    """Return a function that observes this state, whatever is on record."""
    entries.check_state(state, waiting_for)
    return lambda _: {"state": state, "waiting_for": waiting_for}


def close_session(
    session_id: str,
    *,
    reason: str = "other",
    pid: int | None = None,
    observed_at: float | None = None,
    timeout: float | LockPolicy = DEFAULT_LOCK_POLICY,
) -> None:
    """Record that the session has ended, and why (`clear`, `logout`, ...).

    If another process has it open too, only this one's part ends. The parameters and
    errors are those of `update_heartbeat`.
    """
    SessionFile(session_id, timeout).close(pid, reason, observed_at)


def load_session_jsonl(path: str | os.PathLike[str]) -> list[SessionEntry]:
    """Return every entry of the file at *path*, in order.

    Damaged lines are skipped, each with a warning (logger `headcount`), and with an
    error if they are more than a tenth. A missing or unreadable file gives an empty
    list. No bytes make this raise.
    """
    from .store.reader import load

    return load(os.fspath(path))


def iter_session_jsonl(path: str | os.PathLike[str]) -> Iterator[SessionEntry]:
    """Yield what `load_session_jsonl` returns, in bounded memory."""
    from .store.reader import stream

    return stream(os.fspath(path))


def discover_sessions(*, archived: bool = False) -> list[SessionInfo]:
    """Return the live sessions by id, or with *archived* the archived ones.

    Reads head and tail of each file, takes no lock and changes nothing. `metadata` is
    None where a file holds no valid metadata entry. Raises StoreError if the folder
    itself cannot be read; a missing one has no sessions.
    """
    from .store.reader import discover

    folders = paths.folders(archived=archived)
    return [info for folder in folders for info in discover(folder, time.time())]


def verdict(metadata: SessionMetadata, *, now: float | None = None) -> Verdict:
    """Return `Verdict(verdict, reasons)`: alive, stale, dead or unknown, and why.

    *now* is in seconds since the epoch. Never raises: a record that was written by hand
    or by another tool, without a process fingerprint, is judged by its pid.
    """
    from .model import Verdict
    from .record.verdict import judge

    return Verdict(*judge(metadata, time.time() if now is None else now))


def is_session_alive(metadata: SessionMetadata, *, now: float | None = None) -> bool:
    """Whether the process exists AND its last heartbeat is younger than the limit.

    The limit is HEARTBEAT_TTL_HOURS. A closed session is not alive.
    """
    return verdict(metadata, now=now).verdict == "alive"


def cleanup_stale_sessions(
    *,
    dry_run: bool = False,
    budget: float | None = None,
    keep: Collection[str] = (),
    now: float | None = None,
    on_problem: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[], None] = lambda: None,
) -> list[SessionInfo]:
    """Archive every session that is stale or dead; return those, with their new paths.

    With *dry_run* nothing moves and the paths are the present ones. *budget* bounds
    the time, in seconds; ids in *keep* are left alone. What cannot be judged or moved
    stays where it is and is reported to *on_problem*. *on_progress* is called before
    each session is examined. Raises StoreError if the folder itself cannot be read.
    """
    from .model import SessionInfo
    from .store import archive

    moved = archive.cleanup(
        now=time.time() if now is None else now,
        keep=keep,
        budget=budget,
        dry_run=dry_run,
        on_problem=on_problem,
        on_progress=on_progress,
    )
    return [SessionInfo(paths.id_of(path), path, metadata) for path, metadata in moved]


def archive_session(
    path: str | os.PathLike[str], *, timeout: float = DEFAULT_LOCK_POLICY.timeout
) -> Path:
    """Move the live session at *path* to the archive, alive or not; return where to.

    Raises StoreError if it is not proven to be a session's file, LockTimeoutError,
    FileNotFoundError, OSError.
    """
    from pathlib import Path

    from .store import archive

    target = archive.archive(os.fspath(path), now=time.time(), timeout=timeout)
    return Path(target or path)


def restore_session(
    session_id: str, *, timeout: float = DEFAULT_LOCK_POLICY.timeout
) -> Path:
    """Move the session back from whichever day of the archive; return its live path.

    A live one is left as it is. Raises SessionNotFoundError, InvalidSessionIdError,
    LockTimeoutError, StoreError, OSError.
    """
    from pathlib import Path

    from .store import archive

    return Path(archive.restore(session_id, LockPolicy(timeout)))


def _current_folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None  # the folder was deleted
