"""`headcount tail`: the last entries, and with `--follow` the new ones."""

from __future__ import annotations

import time

from ... import sessions
from ...record import schema, timestamps
from ...store import follow
from ...text import local_time, printable
from ...views import lookup
from .. import formatting, output
from ..terminal.width import truncate, truncate_line, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from ...model import SessionEntry
    from ...store.follow import Line

_POLL_SECONDS = 0.5
_NAME_COLUMNS = 16
_WITH_LABELS = schema.LIFECYCLE | {schema.UPDATE}
_MAX_LINE = 200


def run(args: Namespace) -> int:
    """Show the entries; without `--follow`, or when a session is archived, end."""
    only = None if args.id is None else lookup.find(args.id, time.time())
    follower = follow.Follower(None if only is None else only["path"])
    write = _writer(args, one=only is not None)
    found = follower.begin(args.lines, go_on=args.follow)
    write(found)
    if args.follow:
        _follow(follower, write, archived=only is not None and only["archived"])
    elif not found and args.lines:
        output.message(f"no entries in {sessions.SESSIONS_DIR} now")
    return 0


def _follow(
    follower: follow.Follower, write: Callable[[list[Line]], None], *, archived: bool
) -> None:
    while not (archived or follower.ended):
        output.pause(_POLL_SECONDS)
        write(follower.look())
    output.message("the session is in the archive: nothing is written to it there")


def _writer(args: Namespace, *, one: bool) -> Callable[[list[Line]], None]:
    if args.json:
        return lambda lines: output.write_raw([line.written for line in lines])
    names = None if one else _Names()

    def write(lines: list[Line]) -> None:
        columns, _ = output.terminal()
        output.write([_told(line, names, columns) for line in lines])

    return write


def _told(line: Line, names: _Names | None, columns: int | None) -> str:
    name = "" if names is None else names.of(line) + "  "
    text = f"{_clock_time(line.time())}  {name}{formatting.entry_text(line.entry)}"
    text = printable(text, _MAX_LINE)
    return text if columns is None else truncate_line(text, columns)


def _clock_time(stamp: str) -> str:
    """Return the time as a clock on the wall has it: `11-25 14:03:22`."""
    when = timestamps.parse(stamp)
    if when is None:
        return f"{formatting.NONE:>14}"
    return local_time(when, "%m-%d %H:%M:%S")


class _Names:
    """What sessions are called: by the label, else by the start of the id."""

    def __init__(self) -> None:
        self._labels = {
            info.id: (info.metadata or {}).get("label", "")
            for info in sessions.discover_sessions()
        }

    def of(self, line: Line) -> str:
        """Return the name, of _NAME_COLUMNS; an entry may bring a new label."""
        self._learn(line.session_id, line.entry)
        name = self._labels.get(line.session_id) or line.session_id[:8]
        shown = truncate(printable(name, _MAX_LINE), _NAME_COLUMNS)
        return shown + " " * (_NAME_COLUMNS - width(shown))

    def _learn(self, session_id: str, entry: SessionEntry) -> None:
        label = entry.get("label")
        if isinstance(label, str) and entry.get("type") in _WITH_LABELS:
            self._labels[session_id] = label
