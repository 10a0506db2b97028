"""Shares one store: its live sessions, and its entries as they are added.

Promises
    * One process at a time shares a store: the one with the lease. Whatever is written
      is written in a transaction that the server refuses if the lease has changed.
    * Each entry is in the log once, whatever was killed or cut off: the position of the
      export is part of the same transaction, and is read again after any error, and on
      a new connection, since a server that was restarted may have lost the last of it.
    * If the server lost everything, sharing goes on from the position in memory.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...errors import HeadcountError, StoreSharedError, UsageError
from ...export import cursor
from ...export.exporter import Exporter
from ...store import paths
from ...system import process
from ...views import changes
from .. import validate
from ..shared import encoding, identity, keys, lease
from ..shared.connection import ServerError, TransactionRefusedError
from . import holder
from .redundancy import Filter

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...export.cursor import Position
    from ...views.session_view import SessionView
    from ..shared.connection import Connection
    from ..shared.lease import Lease

_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.1, 1.0
_VIEW_SECONDS = 1.0  # a client that was killed writes nothing
# Of a core: for each of the two looks at a store where nothing happens; and to write.
_LOAD, _WRITING_LOAD = 0.005, 0.05
_FIRST_RETRY_SECONDS, _MAX_RETRY_SECONDS = 0.5, 15.0
_BATCH_BYTES = 1 << 20


class Sharer:
    """Shares the store with the id *store* through *connection*.

    *report* gets a message about what goes wrong, or is left out.
    """

    def __init__(
        self, connection: Connection, store: str, report: Callable[[str], None]
    ) -> None:
        self._connection = connection
        self._report = report
        self._store = store
        self._keys = keys.of(store)
        self._own = holder.this_process()
        self._confirmed: dict[int, Position] = {}  # what the server is known to have
        self._exporter: Exporter | None = None  # None without the lease
        self._connected = 0  # the number of the connection that has it
        self._filter = Filter()
        self._is_sharing: bool | None = None
        self._view = _View()
        self._shared: object = None
        self._shared_at = float("-inf")

    def run(self, wait: Callable[[float], bool]) -> None:
        """Share until *wait*, which waits for some seconds, says that it is enough.

        While the server is away, it is tried again. Raises StoreSharedError if another
        process shares the store, StoreError, and ServerError for what will not pass.
        """
        server = self._connection.settings.server
        retry, is_over = 0.0, False
        while not is_over:
            try:
                pause = self.step()
                if self._exporter:
                    message = f"sharing {paths.SESSIONS_DIR} through {server}"
                    self._note(message, is_sharing=True)
                retry = 0.0
            except ServerError as error:
                if not error.is_temporary:
                    raise
                self._note(f"{error}; trying again, nothing is lost", is_sharing=False)
                self._forget()
                retry = min(max(2 * retry, _FIRST_RETRY_SECONDS), _MAX_RETRY_SECONDS)
                pause = retry
            is_over = wait(pause)
        self._finish()

    def _note(self, message: str, *, is_sharing: bool) -> None:
        """Report that sharing has begun, or stopped for a while; each time once."""
        if is_sharing != self._is_sharing:
            self._is_sharing = is_sharing
            self._report(message)

    def step(self, *, is_last: bool = False) -> float:
        """Share what is new; return for how many seconds to pause. Errors as in `run`.

        Takes the lease first, if this process does not have it; gives it back if this
        *is_last*.
        """
        try:
            exporter = self._exporter or self._take_lease()
            return self._share(exporter, is_last=is_last)
        except TransactionRefusedError:
            self._forget()  # look soon who has the lease, and where the log ends
            return _PAUSE_SECONDS

    def _finish(self) -> None:
        """Share what is left, and give the lease back, unless the server is away."""
        try:
            self.step(is_last=True)
            if self._exporter is None:  # refused, maybe only as the connection is new
                self.step(is_last=True)
        except StoreSharedError:
            pass  # another process has the lease, and shares the rest
        except ServerError as error:
            self._report(f"{error}; what is new is shared at the next start")

    def _forget(self) -> None:
        """Start again from what the server has: what it last did is not known."""
        self._exporter = None
        self._filter = Filter()
        self._shared_at = float("-inf")

    # ---- The lease --------------------------------------------------------------

    def _take_lease(self) -> Exporter:
        """Take the lease, and return an exporter that continues where the log ends."""
        with self._connection.watching(self._keys.lease) as transaction:
            self._check_holder(transaction.get(self._keys.lease))  # type: ignore[arg-type]
            seconds, microseconds = transaction.time()
            if not self._own.since:
                since = seconds + microseconds / 1e6
                self._own = self._own._replace(since=since)
            transaction.multi()
            value = lease.encode(self._own)
            transaction.set(self._keys.lease, value, px=keys.LEASE_MS)
            transaction.get(self._keys.cursor)
            known = transaction.execute()[1]
            self._connected = self._connection.number
        if known is not None:
            self._confirmed = self._positions(known)
        self._exporter = Exporter(dict(self._confirmed), report=self._report)
        return self._exporter

    def _positions(self, value: bytes) -> dict[int, Position]:
        try:
            return cursor.decode(value.decode("ascii", "replace"))
        except UsageError:
            raise HeadcountError(
                f"{self._keys.cursor} on the server is not a cursor that this version "
                "reads; if no newer headcount wrote it, delete that key and the log"
            ) from None

    def _check_holder(self, value: bytes | None) -> None:
        """Raise StoreSharedError if *value* is the lease of a process that may run."""
        if value is None:
            return
        try:
            other = lease.decode(value)
        except validate.InvalidOutputError as error:
            raise StoreSharedError(
                f"another process may share the store {self._store}: {error}"
            ) from None
        if other.sharer != self._own.sharer and not holder.is_gone(other):
            raise StoreSharedError(self._taken(other))

    def _taken(self, other: Lease) -> str:
        when = "now" if self._own.since else "already"
        hint = f"; if this store is a copy of that one, remove {identity.path()}"
        return (
            f"{paths.SESSIONS_DIR} is {when} shared by {holder.described(other)}"
            f"{'' if holder.is_here(other) else hint}"
        )

    # ---- What is shared ---------------------------------------------------------

    def _share(self, exporter: Exporter, *, is_last: bool = False) -> float:
        """Share what is new, if anything is; return for how many seconds to pause."""
        began = time.process_time()
        batch, size = [], 0
        for lines in exporter.read_new():
            batch += self._filter.select(lines)
            size += sum(map(len, lines))
            if size >= _BATCH_BYTES:
                self._commit(exporter, batch)
                batch, size = [], 0
        took = time.process_time() - began
        is_due = time.monotonic() >= self._shared_at + keys.RENEW_SECONDS
        is_new = bool(batch) or is_last
        if self._view.look(at_once=is_new) != self._shared or is_new or is_due:
            self._commit(exporter, batch, is_last=is_last)
            return _pause((time.process_time() - began) / _WRITING_LOAD)
        return _pause(took / _LOAD)

    def _commit(
        self, exporter: Exporter, entries: list[bytes], *, is_last: bool = False
    ) -> None:
        """Write *entries*, the sessions and the position, all or nothing."""
        own, positions = self._keys, dict(exporter.positions)
        shared = self._view.look(at_once=False)
        start = 0 if self._confirmed else -keys.LOG_ENTRIES  # nobody follows it yet
        length = keys.LOG_ENTRIES + len(entries)  # who follows it has read the rest
        with self._connection.watching(own.lease) as transaction:
            is_own = transaction.get(own.lease) == lease.encode(self._own)
            if not is_own or self._connection.number != self._connected:
                raise TransactionRefusedError
            now = self._now(transaction.time(), is_last=is_last)
            transaction.multi()
            for entry in entries[start:]:
                transaction.xadd(own.log, {keys.FIELD: entry}, maxlen=length)
            transaction.set(own.now, now, ex=keys.EXPIRY_SECONDS)
            text = cursor.encode(positions)
            transaction.set(own.cursor, text, ex=keys.EXPIRY_SECONDS)
            transaction.expire(own.log, keys.EXPIRY_SECONDS)
            if is_last:
                transaction.delete(own.lease)
            else:
                transaction.pexpire(own.lease, keys.LEASE_MS)
            transaction.execute()
        self._confirmed, self._shared = positions, shared
        self._shared_at = time.monotonic()

    def _now(self, server_time: tuple[int, int], *, is_last: bool) -> bytes:
        seconds, microseconds = server_time
        return encoding.encode(
            encoding.Now(
                host=process.host_name(),
                heard=seconds + microseconds / 1e6,
                clock=time.time(),
                sessions=self._view.sessions,
                ended=is_last,
            )
        )


def _pause(seconds: float) -> float:
    return min(max(seconds, _PAUSE_SECONDS), _MAX_PAUSE_SECONDS)


class _View:
    """The live sessions, as `list --json` gives them, looked at from time to time."""

    def __init__(self) -> None:
        self._poller = changes.Poller()
        self._due = float("-inf")
        self._seen: list[dict[str, Any]] = []

    @property
    def sessions(self) -> list[SessionView]:
        return self._poller.sessions

    def look(self, *, at_once: bool) -> list[dict[str, Any]]:
        """Return the sessions without the ages in their reasons, to be compared."""
        if at_once or time.monotonic() >= self._due:
            began = time.process_time()
            self._poller.poll(time.time())
            took = time.process_time() - began
            self._due = time.monotonic() + max(took / _LOAD, _VIEW_SECONDS)
            self._seen = [{**session, "reasons": None} for session in self.sessions]
        return self._seen
