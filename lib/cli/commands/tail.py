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

    from ...store.follow import Follower, Line

_POLL_SECONDS = 0.5
_NAME_COLUMNS = 16
_WITH_LABELS = schema.LIFECYCLE | {schema.UPDATE}
_MAX_LINE = 200


def run(args: Namespace) -> int:
    """Print the last entries; with `--follow`, the new ones until it is archived."""
    session = None if args.id is None else lookup.find(args.id, time.time())
    follower = follow.Follower(None if session is None else session["path"])
    write = _writer(args, several=session is None)
    lines = follower.start(args.lines, follow=args.follow)
    write(lines)
    if args.follow:
        _follow(follower, write, archived=session is not None and session["archived"])
    elif not lines and args.lines:
        output.message(f"no entries in {sessions.SESSIONS_DIR} now")
    return 0


def _follow(
    follower: Follower, write: Callable[[list[Line]], None], *, archived: bool
) -> None:
    while not (archived or follower.ended):
        output.pause(_POLL_SECONDS)
        write(follower.poll())
    output.message("the session is in the archive, where no entries are added")


def _writer(args: Namespace, *, several: bool) -> Callable[[list[Line]], None]:
    if args.json:
        return lambda lines: output.write_raw([line.written for line in lines])
    names = _Names() if several else None

    def write(lines: list[Line]) -> None:
        columns, _ = output.terminal()
        output.write([_text(line, names, columns) for line in lines])

    return write


def _text(line: Line, names: _Names | None, columns: int | None) -> str:
    name = "" if names is None else names.of(line) + "  "
    text = f"{_clock_time(line.time())}  {name}{formatting.entry_text(line.entry)}"
    return truncate_line(printable(text, _MAX_LINE), columns)


def _clock_time(timestamp: str) -> str:
    """Return the local time, such as `11-25 14:03:22`."""
    seconds = timestamps.parse(timestamp)
    if seconds is None:
        return f"{formatting.NONE:>14}"
    return local_time(seconds, "%m-%d %H:%M:%S")


class _Names:
    """The name of each session: its label, or else the start of its id."""

    def __init__(self) -> None:
        self._labels = {
            info.id: (info.metadata or {}).get("label", "")
            for info in sessions.discover_sessions()
        }

    def of(self, line: Line) -> str:
        """Return the name in _NAME_COLUMNS; the entry may set a new label."""
        label = line.entry.get("label")
        if isinstance(label, str) and line.entry.get("type") in _WITH_LABELS:
            self._labels[line.session_id] = label
        name = self._labels.get(line.session_id) or line.session_id[:8]
        name = truncate(printable(name, _MAX_LINE), _NAME_COLUMNS)
        return name + " " * (_NAME_COLUMNS - width(name))
