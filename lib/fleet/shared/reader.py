"""The sessions that machines share through the server, as one fleet.

Whether a machine is heard from, and for how long it is not, is judged by the server: by
its lease, and by the server's clock. What a machine shares is not trusted: if it is not
valid, that is a problem of this machine, and the others are listed all the same.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ...store.reader import no_collection
from ...text import humanize
from ...views import session_view
from .. import merge, validate
from ..merge import Fleet, HostError
from . import clock, config, encoding, keys, names
from .connection import Connection
from .encoding import Now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...views.session_view import SessionView

_AT_ONCE = 200  # stores in one request
_SCANNED_AT_ONCE = 1000


class _Store(NamedTuple):
    """What a store shares, or why that cannot be used; and whether it has a lease."""

    id: str
    now: Now | HostError
    is_heard: bool


def listed() -> Fleet:
    """Return what the machines share; errors as those of Reader."""
    reader = Reader()
    with reader.connection:
        return reader.listed()


class Reader:
    """Reads the fleet, again and again; what has not changed is decoded only once."""

    def __init__(self) -> None:
        """Raise UsageError if no server is configured."""
        self.connection = Connection(config.load(), "read the fleet from")
        self.stores: dict[str, str] = {}  # by the name of the host, as last listed
        self._decoded: dict[str, tuple[object, Now | HostError]] = {}

    def listed(self) -> Fleet:
        """Return what the machines share; times are those of the clock here.

        Raises ServerError.
        """
        fleet = Fleet([], [])
        with no_collection():
            server_time, ahead = _clocks(self.connection)
            stores = [*self._read()]
            self._decoded = {store.id: self._decoded[store.id] for store in stores}
            hosts = names.of({store.id: _claim(store.now) for store in stores})
            for store in stores:
                _add(fleet, hosts[store.id], store, server_time, ahead)
        self.stores = {host: store for store, host in hosts.items()}
        return fleet

    def _read(self) -> Iterator[_Store]:
        with self.connection.client() as client:
            found = {*client.scan_iter(match=keys.PATTERN, count=_SCANNED_AT_ONCE)}
        stores = sorted(store for key in found if (store := keys.store_of(key)))
        for start in range(0, len(stores), _AT_ONCE):
            some = stores[start : start + _AT_ONCE]
            with self.connection.client() as client:
                request = client.pipeline(transaction=False)
                for store in some:
                    request.getrange(keys.of(store).now, 0, encoding.MAX_COMPRESSED)
                    request.pttl(keys.of(store).lease)
                replies = [*map(_reply, request.execute(raise_on_error=False))]
            pairs = zip(replies[::2], replies[1::2], strict=True)
            for store, (value, left) in zip(some, pairs, strict=True):
                if value != b"":  # else it has expired in the meantime
                    is_heard = 0 <= left <= keys.LEASE_MS
                    yield _Store(store, self._decode(store, value), is_heard)

    def _decode(self, store: str, value: bytes | None) -> Now | HostError:
        before, known = self._decoded.get(store, (None, None))
        if known is None or before != value:
            known = _decoded(value)
        self._decoded[store] = (value, known)
        return known


def _clocks(connection: Connection) -> tuple[float, float]:
    """Return the time of the server, and how far the clock here is ahead of it."""
    with connection.client() as client:
        seconds, microseconds = client.time()
    server_time = seconds + microseconds / 1e6
    return server_time, time.time() - server_time


def _reply(reply: Any) -> Any:  # noqa: ANN401  # of any command
    """Return *reply*, None for a key of another type. Other errors are the server's."""
    if not isinstance(reply, Exception):
        return reply
    if str(reply).startswith("WRONGTYPE"):
        return None
    raise reply


def _decoded(value: bytes | None) -> Now | HostError:
    """Return what *value* says, or why it cannot be used."""
    if value is None:
        return HostError(merge.INVALID, "its key is not of the right type")
    try:
        return encoding.decode(value)
    except validate.OtherVersionError as error:
        return HostError(merge.OTHER_VERSION, str(error))
    except validate.InvalidOutputError as error:
        return HostError(merge.INVALID, str(error))


def _claim(now: Now | HostError) -> str | None:
    return now.host if isinstance(now, Now) else None


# ---- One machine ----------------------------------------------------------------


def _add(
    fleet: Fleet, host: str, store: _Store, server_time: float, ahead: float
) -> None:
    """Add what *store* shares, as *host*, to *fleet*."""
    now = store.now
    if isinstance(now, HostError):
        fleet.hosts.append(merge.failed(host, now, None))
        return
    heard = min(now.heard, server_time)
    sessions = clock.corrected(now.sessions, now.heard - now.clock + ahead)
    if store.is_heard:
        fleet.hosts.append(merge.answered(host, heard + ahead))
    else:
        sessions = [
            _as_unknown(s, server_time - heard) for s in merge.still_open(sessions)
        ]
        if now.ended and not sessions:
            return
        fleet.hosts.append(merge.failed(host, _silence(now), heard + ahead))
    if host != now.host:
        sessions = [{**session, "on": host} for session in sessions]
    fleet.sessions.extend(sessions)


def _silence(now: Now) -> HostError:
    why = "its sharer has ended" if now.ended else "it does not renew its lease"
    return HostError(merge.UNREACHABLE, why)


def _as_unknown(session: SessionView, seconds: float) -> SessionView:
    last = session_view.state_of(session)
    reason = f"host not heard from for {humanize(seconds)}; last: {last}"
    return {**session, "verdict": "unknown", "reasons": [reason], "processes": []}
