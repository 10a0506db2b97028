"""The file of one session, live or archived: created, repaired, restored, grown."""

from __future__ import annotations

import os
import time

from ..errors import SessionExistsError, StoreError
from ..record import entries, jsonl, schema
from . import journal, paths, snapshot
from .journal import LockPolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ..model import SessionEntry
    from ..record.fold import Snapshot

    T = TypeVar("T")


class _RepeatedError(Exception):
    """The entry says only what the last one does."""


class SessionFile:
    """The file of the session *session_id*; every operation restores it if archived.

    *timeout* is how many seconds each lock is waited for, or a LockPolicy. The
    operations raise LockTimeoutError, StoreError or OSError, and SessionNotFoundError
    if the session is not on record or its metadata is damaged. Raises
    InvalidSessionIdError.
    """

    __slots__ = ("_path", "_policy", "_session_id")

    def __init__(self, session_id: str, timeout: float | LockPolicy) -> None:
        self._path = paths.session_path(session_id)
        self._session_id = session_id
        if not isinstance(timeout, LockPolicy):
            timeout = LockPolicy(timeout)
        self._policy = timeout

    def read(self) -> Snapshot:
        """Return the session."""
        return self._with_restore(self._read)

    def append(self, entry: SessionEntry) -> None:
        """Append *entry*. Raises InvalidEntryError if it is not JSON, or too long."""
        line = jsonl.encode(entry)
        if not self._with_restore(lambda: snapshot.has_metadata(self._path)):
            raise paths.not_found(self._session_id)
        self._append(lambda: line)

    def append_with(
        self,
        make: Callable[[Snapshot], SessionEntry],
        observed_at: float | None = None,
    ) -> bool:
        """Append the entry that *make* returns for the session, as `append` does.

        *make* gets the session as it is under the lock: what an entry says of it must
        still be true when it is written. Returns False, and writes nothing, if
        *observed_at* is given and the entry only repeats the last (`entries.repeats`).
        """

        def line() -> bytes:
            session = self._read()
            entry = make(session)
            if observed_at is not None and entries.repeats(entry, session, observed_at):
                raise _RepeatedError
            return jsonl.encode(entry)

        try:
            self._append(line)
        except _RepeatedError:
            return False
        return True

    def close(
        self, pid: int | None, reason: str, observed_at: float | None = None
    ) -> bool:
        """Append that process *pid* left the session, as `append_with` does."""
        fields = {"reason": reason}
        return self.append_with(
            lambda session: entries.lifecycle_entry(session, schema.CLOSE, pid, fields),
            observed_at,
        )

    def create(self, entry: SessionEntry) -> None:
        """Create the file with its metadata *entry*.

        Raises SessionExistsError if the session is on record, live or archived, and
        InvalidEntryError.
        """
        from . import links

        line = jsonl.encode(entry)
        if self._is_archived():
            raise SessionExistsError(
                f"session {self._session_id} is in the archive; append_to_session and "
                "restore_session restore it"
            )
        paths.ensure_folder(paths.SESSIONS_DIR)
        try:
            links.create(self._path, line, is_taken=self._is_archived)
        except FileExistsError:
            raise SessionExistsError(
                f"session {self._session_id} is on record: {self._path}"
            ) from None

    def create_or_repair(self, entry: SessionEntry) -> bool:
        """Create the file as `create` does; return False if the session is on record.

        A file without valid metadata is repaired: *entry* is written over line 1 if
        that is destroyed, which counts as on record, or else appended.
        """
        try:
            self.create(entry)
        except SessionExistsError:
            try:
                return self._repair(entry)
            except FileNotFoundError:
                return False  # created by another, and archived since
        return True

    def _repair(self, entry: SessionEntry) -> bool:
        from . import error_log, repair

        if snapshot.read(self._path, time.time()) is not None:
            return False
        if repair.put_metadata(self._path, entry, self._policy.timeout):
            message = f"{self._path}: line 1 was destroyed, and has been written again"
            error_log.log_error("repaired", message)
            return False
        if snapshot.classify(self._path) == snapshot.FOREIGN:
            raise StoreError(
                f"{self._path} is not a session of Headcount, or is that of another "
                "id in upper or lower case; it was left alone. Does HEADCOUNT_DIR name "
                "somebody else's folder?"
            )
        line = jsonl.encode(entry)
        self._append_once(lambda: line)
        return True

    def _read(self) -> Snapshot:
        session = snapshot.read(self._path, time.time())
        if session is None:
            raise paths.not_found(self._session_id)
        return session

    def _append(self, make: Callable[[], bytes]) -> None:
        self._with_restore(lambda: self._append_once(make))
        if not os.path.lexists(self._path):
            # It was written to without the lock while a cleanup moved it. The file
            # with the new entry must be live.
            self._restore()

    def _append_once(self, make: Callable[[], bytes]) -> None:
        problem = journal.append(self._path, make, self._policy)
        if problem is not None:
            from . import error_log

            error_log.log_error("written without the lock", problem)

    def _with_restore(self, operation: Callable[[], T]) -> T:
        """Return what *operation* does, restoring the session while it is archived."""
        while True:
            try:
                return operation()
            except FileNotFoundError:
                self._restore()

    def _is_archived(self) -> bool:
        from . import archive

        return archive.is_archived(self._session_id)

    def _restore(self) -> None:
        from . import archive

        archive.restore(self._session_id, self._policy)
