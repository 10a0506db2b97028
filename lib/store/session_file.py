"""One session's file, wherever it lies: found, begun, mended, brought back, grown."""

from __future__ import annotations

import os
import time

from ..errors import SessionNotFoundError, StoreError
from ..record import jsonl
from . import journal, paths, snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ..model import SessionEntry
    from ..record.fold import Snapshot

    T = TypeVar("T")


class LockPolicy:
    """How long to wait for a lock, in seconds, and whether to write even without it.

    Hooks do: a process that was stopped while it held the lock must not cost an entry.
    It is logged in errors.log. With *shared_deadline* all waits together end *timeout*
    seconds from now.
    """

    __slots__ = ("_deadline", "seconds", "write_unlocked")

    def __init__(
        self,
        timeout: float,
        *,
        write_unlocked: bool = False,
        shared_deadline: bool = False,
    ) -> None:
        self.write_unlocked = write_unlocked
        self.seconds = timeout
        self._deadline = time.monotonic() + timeout if shared_deadline else None

    @property
    def timeout(self) -> float:
        """The seconds that the next lock may take."""
        if self._deadline is None:
            return self.seconds
        return max(0.0, self._deadline - time.monotonic())


def add(session_id: str, entry: SessionEntry, lock_policy: LockPolicy) -> None:
    """Add the entry to the session, which is brought back if it is in the archive.

    Raises SessionNotFoundError, InvalidEntryError, LockTimeoutError, StoreError,
    OSError.
    """
    line = jsonl.encode(entry)
    _add(session_id, lambda: line, lock_policy)


def append_with(
    session_id: str,
    make: Callable[[Snapshot], SessionEntry],
    lock_policy: LockPolicy,
) -> None:
    """Add the entry that *make* returns for the session, as `add` does.

    *make* is given the session as it is under the lock: what an entry says of it must
    still be so when it is written.
    """
    path = paths.session_path(session_id)

    def line() -> bytes:
        found = snapshot.read(path, time.time())
        if found is None:
            raise _not_found(session_id)
        return jsonl.encode(make(found))

    _add(session_id, line, lock_policy)


def _add(session_id: str, make: Callable[[], bytes], lock_policy: LockPolicy) -> None:
    path = paths.session_path(session_id)
    while True:
        try:
            _append(path, make, lock_policy)
        except FileNotFoundError:
            _bring_back(session_id, lock_policy)
        else:
            break
    if not os.path.lexists(path):
        # Written without the lock while a cleaner moved the file: follow the entry.
        _bring_back(session_id, lock_policy)


def begin(session_id: str, entry: SessionEntry, lock_policy: LockPolicy) -> bool:
    """Begin the session's file with its metadata *entry*; False if another did.

    A file that is there without valid metadata (a crash, a torn line 1) is mended by
    adding it. Raises InvalidEntryError, StoreError, LockTimeoutError, OSError.
    """
    from . import archive

    path, line = paths.session_path(session_id), jsonl.encode(entry)
    paths.ensure_folder(paths.SESSIONS_DIR)
    try:
        journal.create(path, line, is_taken=lambda: archive.is_archived(session_id))
    except FileExistsError:
        try:
            return _mend(path, line, lock_policy)
        except FileNotFoundError:
            return False  # begun by another, and filed away since
    return True


def _mend(path: str, line: bytes, lock_policy: LockPolicy) -> bool:
    if snapshot.read(path, time.time()) is not None:
        return False
    if snapshot.classify(path) == snapshot.FOREIGN:
        raise StoreError(
            f"{path} is not a session of Headcount; it was left alone. "
            "Does HEADCOUNT_DIR name somebody else's folder?"
        )
    _append(path, lambda: line, lock_policy)
    return True


def find(session_id: str, lock_policy: LockPolicy) -> Snapshot | None:
    """Return the session, brought back if need be; None if missing or damaged.

    Raises LockTimeoutError, StoreError, OSError.
    """
    return _find(session_id, lambda path: snapshot.read(path, time.time()), lock_policy)


def require(session_id: str, lock_policy: LockPolicy) -> Snapshot:
    """Return the session as `find` does; raise SessionNotFoundError for None."""
    found = find(session_id, lock_policy)
    if found is None:
        raise _not_found(session_id)
    return found


def require_metadata(session_id: str, lock_policy: LockPolicy) -> None:
    """Raise SessionNotFoundError as `require` does, without reading the session."""
    if not _find(session_id, snapshot.has_metadata, lock_policy):
        raise _not_found(session_id)


def _find(
    session_id: str, look: Callable[[str], T], lock_policy: LockPolicy
) -> T | None:
    path = paths.session_path(session_id)
    while True:
        try:
            return look(path)
        except FileNotFoundError:
            pass
        try:
            _bring_back(session_id, lock_policy)
        except SessionNotFoundError:
            return None


def _not_found(session_id: str) -> SessionNotFoundError:
    return SessionNotFoundError(
        f"no session {session_id} with valid metadata in {paths.SESSIONS_DIR} or "
        "its archive; `headcount list --all` shows those on record"
    )


def _append(path: str, make: Callable[[], bytes], lock_policy: LockPolicy) -> None:
    problem = journal.append(
        path,
        make,
        timeout=lock_policy.timeout,
        write_unlocked=lock_policy.write_unlocked,
    )
    if problem is not None:
        from . import error_log

        error_log.log_error("written without the lock", problem)


def _bring_back(session_id: str, lock_policy: LockPolicy) -> None:
    from . import archive

    archive.restore(
        session_id,
        timeout=lock_policy.timeout,
        write_unlocked=lock_policy.write_unlocked,
    )
