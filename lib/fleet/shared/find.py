"""One of the sessions that machines share, and its entries in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import HeadcountError
from ...record import jsonl, transitions
from ...views import lookup, timeline
from .. import hosts
from ..find import only
from . import keys
from .reader import Reader

if TYPE_CHECKING:
    from ...model import SessionEntry
    from ..find import Found
    from ..merge import Fleet
    from .connection import Connection

_MAX_BYTES = 128 << 20
_MAX_ITEMS = 2 * keys.LOG_ENTRIES


def find(query: str, now: float) -> Found:
    """Return the session that *query* names, as `show --json` prints it.

    It is a session, or `HOST:SESSION`. Its entries are those that are in the log.
    Raises SessionNotFoundError, AmbiguousIdError, and HeadcountError for a machine that
    is not heard from, and for the server.
    """
    reader = Reader()
    with reader.connection as connection:
        fleet = reader.listed()
        found: list[Any] = [*_matches(query, fleet)]
        server = connection.settings.server
        problems = fleet.problems(now)
        session = only(query, found, problems, f"shared through {server}", "--fleet")
        store = reader.stores[session["on"]]
        entries = _entries(connection, store, session["session_id"])
    return _details(session, entries, now)


def _matches(query: str, fleet: Fleet) -> list[Any]:
    named = hosts.split(query)
    if named is not None and named[0] in {host["on"] for host in fleet.hosts}:
        there = [s for s in fleet.sessions if s["on"] == named[0]]
        return lookup.among(named[1], there)
    return lookup.among(query, fleet.sessions)


def _details(session: Found, entries: list[SessionEntry], now: float) -> Found:
    history = timeline.Timeline()
    for transition in transitions.transitions(entries, now):
        history.add(transition)
    return {
        **session,
        "predecessors": [],
        "successors": [],
        "modified": None,
        "open_in": [],
        "resume": hosts.go_command(session["on"], session["session_id"]),
        "timeline": history.moments,
        "other_entries": history.others,
        "entries": entries,
    }


# ---- The log --------------------------------------------------------------------


def _entries(connection: Connection, store: str, session_id: str) -> list[SessionEntry]:
    """Return the entries of the session that are in the log, the oldest first.

    Raises HeadcountError for a log that is longer than any of Headcount's.
    """
    log, field = keys.of(store).log, keys.FIELD.encode()
    with connection.client() as client:
        if client.type(log) != b"stream":
            return []
        if (client.memory_usage(log, samples=0) or 0) > _MAX_BYTES:
            raise HeadcountError(f"{log} is longer than {_MAX_BYTES >> 20} MiB")
        newest: Any = client.xrevrange(log, count=_MAX_ITEMS)
    lines = [fields.get(field, b"") for _, fields in reversed(newest)]
    entries = jsonl.decode_all(lines) if lines else []
    return [e for e in entries if e is not None and e.get("session_id") == session_id]
