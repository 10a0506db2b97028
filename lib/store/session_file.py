"""One session's file, wherever it lies: found, begun, mended, brought back, grown."""

from __future__ import annotations

import os
import time

from ..errors import SessionNotFoundError, StoreError
from ..record import jsonl
from . import archive, error_log, journal, paths, snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ..model import SessionEntry

    T = TypeVar("T")


class Patience:
    """How long to wait for a lock, in seconds, and whether to write even without it.

    Hooks do: a process that was stopped while it held the lock must not cost an entry.
    It is noted in errors.log. *in_all* counts from now on for all waits together.
    """

    __slots__ = ("_deadline", "even_locked", "seconds")

    def __init__(
        self, timeout: float, *, even_locked: bool = False, in_all: bool = False
    ) -> None:
        self.even_locked = even_locked
        self.seconds = timeout
        self._deadline = time.monotonic() + timeout if in_all else None

    @property
    def timeout(self) -> float:
        """The seconds that the next lock may take."""
        if self._deadline is None:
            return self.seconds
        return max(0.0, self._deadline - time.monotonic())


def add(session_id: str, entry: SessionEntry, patience: Patience) -> None:
    """Add the entry to the session, which is brought back if it is in the archive.

    Raises SessionNotFoundError, InvalidEntryError, LockTimeoutError, StoreError,
    OSError.
    """
    line = jsonl.encode(entry)
    _add(session_id, lambda: line, patience)


def add_seen(
    session_id: str, make: Callable[[snapshot.Record], SessionEntry], patience: Patience
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

    _add(session_id, line, patience)


def _add(session_id: str, make: Callable[[], bytes], patience: Patience) -> None:
    path = paths.session_path(session_id)
    while True:
        try:
            _append(path, make, patience)
        except FileNotFoundError:
            _bring_back(session_id, patience)
        else:
            break
    if not os.path.lexists(path):
        # Written without the lock while a cleaner moved the file: follow the entry.
        _bring_back(session_id, patience)


def begin(session_id: str, entry: SessionEntry, patience: Patience) -> bool:
    """Begin the session's file with its metadata *entry*; False if another did.

    A file that is there without valid metadata (a crash, a torn line 1) is mended by
    adding it. Raises InvalidEntryError, StoreError, LockTimeoutError, OSError.
    """
    path, line = paths.session_path(session_id), jsonl.encode(entry)
    paths.ensure_folder(paths.SESSIONS_DIR)
    try:
        journal.create(path, line, is_taken=lambda: archive.is_archived(session_id))
    except FileExistsError:
        try:
            return _mend(path, line, patience)
        except FileNotFoundError:
            return False  # begun by another, and filed away since
    return True


def _mend(path: str, line: bytes, patience: Patience) -> bool:
    if snapshot.read(path, time.time()) is not None:
        return False
    if not snapshot.may_be_begun(path):
        raise StoreError(
            f"{path} is not a session of Headcount; it was left alone. "
            "Does HEADCOUNT_DIR name somebody else's folder?"
        )
    _append(path, lambda: line, patience)
    return True


def find(session_id: str, patience: Patience) -> snapshot.Record | None:
    """Return the session, brought back if need be; None if missing or damaged.

    Raises LockTimeoutError, StoreError, OSError.
    """
    return _find(session_id, lambda path: snapshot.read(path, time.time()), patience)


def require(session_id: str, patience: Patience) -> snapshot.Record:
    """Return the session as `find` does; raise SessionNotFoundError for None."""
    found = find(session_id, patience)
    if found is None:
        raise _not_found(session_id)
    return found


def require_metadata(session_id: str, patience: Patience) -> None:
    """Raise SessionNotFoundError as `require` does, without reading the session."""
    if not _find(session_id, snapshot.has_metadata, patience):
        raise _not_found(session_id)


def _find(session_id: str, look: Callable[[str], T], patience: Patience) -> T | None:
    path = paths.session_path(session_id)
    while True:
        try:
            return look(path)
        except FileNotFoundError:
            pass
        try:
            _bring_back(session_id, patience)
        except SessionNotFoundError:
            return None


def _not_found(session_id: str) -> SessionNotFoundError:
    return SessionNotFoundError(
        f"no session {session_id} with valid metadata in {paths.SESSIONS_DIR} or "
        "its archive; `headcount list --all` shows those on record"
    )


def _append(path: str, make: Callable[[], bytes], patience: Patience) -> None:
    problem = journal.append(
        path, make, timeout=patience.timeout, even_locked=patience.even_locked
    )
    if problem is not None:
        error_log.note("written without the lock", problem)


def _bring_back(session_id: str, patience: Patience) -> None:
    archive.restore(
        session_id, timeout=patience.timeout, even_locked=patience.even_locked
    )
