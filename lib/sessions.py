"""The life of a session, top to bottom: the front door, the only file to read.

    id = create_session("nightly build")             it begins: a file, metadata first
    append_to_session(id, {"type": "build.done"})    other tools add their own entries
    update_heartbeat(id, state="busy")               it is alive
    close_session(id)                                it ends
    discover_sessions()                              all of them, folded
    verdict(metadata), is_session_alive(metadata)    is it alive, and why do we think so
    cleanup_stale_sessions()                         the dead are filed away
    restore_session(id)                              who returns is brought back

A session is a file of JSON lines below SESSIONS_DIR. Line 1 is its metadata, written
once; every later line is an entry. Lines are only added, under the file's lock, and a
session is only moved: nothing here deletes one (`removal` does, where a person asks).
All of this may be called from any number of processes at once.

`HEADCOUNT_DIR` and `HEADCOUNT_TTL_HOURS` are read when this module is imported.
"""

from __future__ import annotations

import os
import time

from . import file_lock
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
from .record import entries, jsonl, schema
from .store import journal, paths, session_file
from .store.session_file import LockPolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from .model import SessionEntry, SessionInfo, SessionMetadata, State, Verdict
    from .record.fold import Snapshot

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

# The cleanup by the way must not be noticed by whoever starts a session.
CLEANUP_BUDGET_SECONDS = 0.2
# A compacted session goes on, and a process that starts has had no other yet.
_SAME_OR_NEW = ("compact", "startup")
DEFAULT_LOCK_POLICY = LockPolicy(file_lock.DEFAULT_TIMEOUT_SECONDS)


def __getattr__(name: str) -> object:
    """Give the names that cost an import only to those who ask for them.

    `pathlib` and `typing` would each double what a hook takes.
    """
    if name in ("SESSIONS_DIR", "ARCHIVE_DIR"):
        from pathlib import Path

        return Path(getattr(paths, name))
    if name == "HEARTBEAT_TTL_HOURS":
        from .record.verdict import HEARTBEAT_TTL_HOURS

        return HEARTBEAT_TTL_HOURS
    if name in ("SessionEntry", "SessionInfo", "SessionMetadata", "Verdict"):
        from . import model

        return getattr(model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# ---- It begins ------------------------------------------------------------------


def get_session_path(session_id: str) -> Path:
    """Return where the live session of this id is, or would be.

    Raises InvalidSessionIdError unless the id is 1 to 128 of `A-Z a-z 0-9 - _` and
    begins with a letter or digit: nothing outside the folder can be named.
    """
    from pathlib import Path

    return Path(paths.session_path(session_id))


def create_session(
    label: str | None = None,
    *,
    session_id: str | None = None,
    pid: int | None = None,
    cwd: str | None = None,
    tasks: list[object] | None = None,
    **facts: str | None,
) -> str:
    """Begin a session and return its id; stale ones are archived by the way.

    *session_id* is a new UUID4 unless given, *pid* (the process whose life is the
    session's) the caller's; 0 says that none is known. *cwd* is the current folder.
    *facts* are further texts of the metadata entry: `source`, `project_dir`,
    `transcript_path`, `entrypoint`, `client_version`, `previous_session_id`.

    Raises SessionExistsError if the id is on record, live or archived;
    InvalidSessionIdError; InvalidEntryError if the metadata is not JSON or over
    64 KiB; StoreError or OSError if it cannot be written. What goes wrong in the
    cleanup goes to errors.log, never to the caller.
    """
    from .store import archive

    session_id = _new_uuid() if session_id is None else session_id
    path = paths.session_path(session_id)
    entries.check_facts(facts)
    known = {"label": label, "tasks": [] if tasks is None else tasks, **facts}
    fields = {"cwd": _here() if cwd is None else cwd, **known}
    line = jsonl.encode(entries.metadata_entry(session_id, pid, fields))
    if archive.is_archived(session_id):
        raise SessionExistsError(
            f"session {session_id} is in the archive; append_to_session and "
            "restore_session bring it back"
        )
    paths.ensure_folder(paths.SESSIONS_DIR)
    try:
        journal.create(path, line, is_taken=lambda: archive.is_archived(session_id))
    except FileExistsError:
        raise SessionExistsError(f"session {session_id} is on record: {path}") from None
    auto_cleanup(session_id)
    return session_id


def resume_session(
    session_id: str,
    *,
    source: str,
    pid: int | None = None,
    cwd: str | None = None,
    lock_policy: LockPolicy = DEFAULT_LOCK_POLICY,
    **facts: str | None,
) -> None:
    """Begin the session, or if it is on record, live or archived, go on with it.

    For hooks: the upsert behind SessionStart and behind every event that comes first.
    The parameters are those of `create_session`. The session that the same process had
    open until now, if any, becomes `previous_session_id`, and is closed if it was not.

    Raises InvalidSessionIdError, LockTimeoutError, StoreError, OSError.
    """
    paths.session_path(session_id)
    pid = os.getpid() if pid is None else pid
    previous = None
    if source not in _SAME_OR_NEW:
        from .store.reader import last_of_process

        previous = last_of_process(pid, besides=session_id)
    left = None if previous is None else previous["session_id"]
    fields = {"cwd": cwd, "source": source, "previous_session_id": left}
    found = session_file.find(session_id, lock_policy)
    if found is None:
        first: dict[str, object] = {**fields, **facts, "tasks": []}
        line_1 = entries.metadata_entry(session_id, pid, first)
        if not session_file.begin(session_id, line_1, lock_policy):
            found = session_file.require(session_id, lock_policy)
    if found is not None:
        session_file.append_with(
            session_id,
            lambda seen: entries.resume_entry(seen, pid, fields, facts),
            lock_policy,
        )
    if previous is not None and previous.get("state") != "closed":
        close_session(
            previous["session_id"], reason="replaced", pid=pid, lock_policy=lock_policy
        )


def auto_cleanup(session_id: str, listing: paths.Listing | None = None) -> None:
    """Archive what is stale, but not *session_id*.

    Ends CLEANUP_BUDGET_SECONDS after the *listing* was begun, which is made now unless
    given. Never raises: what goes wrong is noted in errors.log.
    """
    from .store import archive, error_log

    try:
        archive.cleanup(
            now=time.time(),
            keep=[session_id],
            listing=listing,
            budget=CLEANUP_BUDGET_SECONDS,
            on_problem=lambda problem: error_log.log_error("cleanup", problem),
        )
    except (HeadcountError, OSError, ImportError) as error:
        error_log.log_error("cleanup", error)


# ---- It goes on -----------------------------------------------------------------


def append_to_session(
    session_id: str,
    entry: SessionEntry,
    *,
    lock_policy: LockPolicy = DEFAULT_LOCK_POLICY,
) -> str:
    """Add one entry of your own to a session, whole or not at all; return its id.

    *entry* is JSON, at most 64 KiB, with a `type` of `[a-z][a-z0-9_.-]{0,63}` that is
    none of Headcount's own (`session_update`, which sets `label` or `tasks`, may be
    written by anybody). `v`, `session_id`, and unless given `id` and `timestamp`, are
    filled in. An archived session is brought back; a missing one is never made.

    Raises SessionNotFoundError if it is not on record or its metadata is damaged,
    InvalidSessionIdError, InvalidEntryError, LockTimeoutError, StoreError, OSError.
    """
    paths.session_path(session_id)
    whole = entries.custom_entry(session_id, entry)
    jsonl.encode(whole)  # what is no entry is said before anything is looked for
    session_file.require_metadata(session_id, lock_policy)
    session_file.add(session_id, whole, lock_policy)
    return str(whole["id"])


def update_heartbeat(
    session_id: str,
    *,
    state: State | None = None,
    event: str | None = None,
    kind: str = schema.HEARTBEAT,
    pid: int | None = None,
    min_interval: float = 0.0,
    observed_at: float | None = None,
    lock_policy: LockPolicy = DEFAULT_LOCK_POLICY,
) -> bool:
    """Say that the session is alive, and in *state*; return whether a line was written.

    None is: with *min_interval*, when state and process are unchanged and the last
    heartbeat is younger than that many seconds. *state* None leaves it as it is. *pid*
    is the process that has the session open; None is the caller, if it has, else the
    one on record. *kind* `turn_close` marks the end of a turn. *event* is the hook's
    name for it. A closed session is opened again, unless it was closed after
    *observed_at*, when the event was observed (epoch seconds).

    Raises SessionNotFoundError if it is not on record or its metadata is damaged,
    SessionClosedError, InvalidEntryError for a state that is none, LockTimeoutError,
    StoreError, OSError.
    """
    if not (state is None or (isinstance(state, str) and state in schema.LIVE_STATES)):
        raise InvalidEntryError(f"{ascii(state)[:80]} is not busy, idle or waiting")
    if kind not in (schema.HEARTBEAT, schema.TURN_CLOSE):
        raise InvalidEntryError(f"{ascii(kind)[:80]} is not heartbeat or turn_close")
    found = session_file.require(session_id, lock_policy)

    def entry(seen: Snapshot) -> SessionEntry:
        fields = {"event": event, "state": entries.state_of(seen, state, observed_at)}
        return entries.lifecycle_entry(seen, kind, pid, fields)

    since = time.time() - min_interval
    if min_interval and entries.is_redundant(entry(found), found, since):
        return False
    session_file.append_with(session_id, entry, lock_policy)
    return True


def close_session(
    session_id: str,
    *,
    reason: str = "other",
    pid: int | None = None,
    lock_policy: LockPolicy = DEFAULT_LOCK_POLICY,
) -> None:
    """Say that the session has ended, and why (`clear`, `logout`, ...).

    If another process has it open too, only this one's part ends. The parameters and
    errors are those of `update_heartbeat`.
    """
    session_file.require_metadata(session_id, lock_policy)
    fields = {"reason": reason}
    session_file.append_with(
        session_id,
        lambda seen: entries.lifecycle_entry(seen, schema.CLOSE, pid, fields),
        lock_policy,
    )


# ---- It is read -----------------------------------------------------------------


def load_session_jsonl(path: str | os.PathLike[str]) -> list[SessionEntry]:
    """Return every entry of the file at *path*, in order.

    Damaged lines are passed over one by one with a warning (logger `headcount`), and
    with an error if they are more than a tenth. A missing or unreadable file gives an
    empty list. No bytes make this raise.
    """
    from .store.reader import load

    return load(os.fspath(path))


def iter_session_jsonl(path: str | os.PathLike[str]) -> Iterator[SessionEntry]:
    """Yield what `load_session_jsonl` returns, in memory that does not grow."""
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

    *now* is in seconds since the epoch. Never raises: a record by hand or by another
    tool, without a process fingerprint, is judged by its pid.
    """
    from .model import Verdict
    from .record.verdict import judge

    return Verdict(*judge(metadata, time.time() if now is None else now))


def is_session_alive(metadata: SessionMetadata, *, now: float | None = None) -> bool:
    """Whether the process is there AND its last heartbeat is younger than the limit.

    The limit is HEARTBEAT_TTL_HOURS. A closed session is not alive.
    """
    return verdict(metadata, now=now).verdict == "alive"


# ---- It is filed away, and brought back -----------------------------------------


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
    """Bring the session back from whichever day of the archive; return its live path.

    A live one is left as it is. Raises SessionNotFoundError, InvalidSessionIdError,
    LockTimeoutError, StoreError, OSError.
    """
    from pathlib import Path

    from .store import archive

    return Path(archive.restore(session_id, timeout=timeout))


def _new_uuid() -> str:
    import uuid

    return str(uuid.uuid4())


def _here() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None  # it was deleted under us
