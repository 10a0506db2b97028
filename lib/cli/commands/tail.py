"""`headcount tail`: the last entries, and with `--follow` the new ones."""

from __future__ import annotations

import time

from ... import sessions
from ...record import schema, timestamps
from ...store import follow
from ...text import local_time, printable
from ...views import lookup
from .. import formatting, output
from ..terminal import sentences
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
_DIM = "\x1b[2m{}\x1b[0m"


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
        columns, colour = output.terminal()
        output.write([_text(line, names, columns, colour=colour) for line in lines])

    return write


def _text(
    line: Line, names: _Names | None, columns: int | None, *, colour: bool
) -> str:
    name = "" if names is None else names.of(line) + "  "
    time = _clock_time(line.time())
    text = f"{time}  {name}{sentences.sentence(line.entry)}"
    text = truncate_line(printable(text, _MAX_LINE), columns)
    return f"{_DIM.format(time)}{text[len(time) :]}" if colour else text


def _clock_time(timestamp: str) -> str:
    """Return the local time, such as `11-25 14:03:22`."""
    seconds = timestamps.parse(timestamp)
    if seconds is None:
        return f"{formatting.NONE:>14}"
    return local_time(seconds, "%m-%d %H:%M:%S")


class _Names:
    """What each session is called: its label or name, else the start of its id."""

    def __init__(self) -> None:
        known = [(info.id, info.metadata) for info in sessions.discover_sessions()]
        found = [(session_id, each) for session_id, each in known if each]
        self._labels = {s: each.get("label", "") for s, each in found}
        self._names = {s: each.get("name", "") for s, each in found}

    def of(self, line: Line) -> str:
        """Return the name in _NAME_COLUMNS; the entry may set a new label."""
        label = line.entry.get("label")
        if isinstance(label, str) and line.entry.get("type") in _WITH_LABELS:
            self._labels[line.session_id] = label
        session_id = line.session_id
        given = self._labels.get(session_id) or self._names.get(session_id)
        name = given or session_id[:8]
        name = truncate(printable(name, _MAX_LINE), _NAME_COLUMNS)
        return name + " " * (_NAME_COLUMNS - width(name))
