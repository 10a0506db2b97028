"""`headcount share`: share this machine's sessions through Redis or Valkey."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...fleet.shared import config, identity
from ...fleet.shared.connection import Connection
from ...fleet.sharing import holder, status
from ...fleet.sharing.sharer import Sharer
from ...record import timestamps
from ...store import paths
from ...text import count, humanize, local_time, printable
from .. import formatting, main, output

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from typing import Any

    from ...fleet.sharing.status import Status

_NICENESS = 5  # hooks and clients go first


def run(args: Namespace) -> int:
    """Share until a signal ends it; `--status` says whether anybody does."""
    settings = config.load(args.redis)
    if args.status:
        return _print_status(args, Connection(settings, "ask"))
    if args.json:
        raise UsageError("--json needs --status")
    stop = _StopSignal()
    if hasattr(os, "nice"):  # not on Windows
        os.nice(_NICENESS)
    store = identity.store_id()
    with Connection(settings, f"share the store {store} through") as connection:
        Sharer(connection, store, output.message).run(stop.wait)
    return main.INTERRUPTED if stop.number == signal.SIGINT else 0


class _StopSignal:
    """SIGTERM or Ctrl-C, of which the second one ends the process at once."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._reader, self._writer = os.pipe()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def wait(self, seconds: float) -> bool:
        """Wait for so long or until a signal; return whether there was one."""
        return bool(select.select([self._reader], [], [], seconds)[0])

    def _note(self, number: int, _: object) -> None:
        self.number = number
        os.write(self._writer, b"\0")  # a select that has begun is not interrupted
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_DFL)


# ---- Status ---------------------------------------------------------------------


def _print_status(args: Namespace, connection: Connection) -> int:
    with connection:
        known = status.read(connection)
    server = connection.settings.server
    if args.json:
        output.write(formatting.json_lines(_as_object(known, server)))
    else:
        output.write(
            [printable(line, output.MAX_LINE) for line in _lines(known, server)]
        )
    return 0 if known.sharer else 1


def _as_object(known: Status, server: str) -> dict[str, Any]:
    sharer, now = known.sharer, known.now
    return {
        "server": server,
        "store": known.store,
        "path": paths.SESSIONS_DIR,
        "shared": sharer is not None,
        "sharer": sharer
        and {
            **{key: getattr(sharer, key) for key in ("host", "user", "pid")},
            "headcount": sharer.headcount,
            "since": timestamps.from_epoch(sharer.since),
        },
        "last_heard": now and timestamps.from_epoch(now.heard),
        "sessions": now and len(now.sessions),
        "entries": known.entries,
    }


def _lines(known: Status, server: str) -> Iterator[str]:
    sharer, now = known.sharer, known.now
    yield f"server   {server}"
    yield f"store    {known.store or 'no id yet; the first `headcount share` makes it'}"
    yield f"path     {paths.SESSIONS_DIR}"
    who = holder.described(sharer) if sharer else "no; `headcount share` shares it"
    yield f"shared   {who}"
    if now:
        age = humanize(known.time - now.heard)
        sessions = count(len(now.sessions), "session")
        yield f"heard    {age} ago ({local_time(now.heard)}), {sessions}"
    yield f"entries  {known.entries}"
