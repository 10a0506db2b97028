"""Sessions and entries as text for people, and anything as JSON for scripts.

Nothing here reads a record or writes to a stream. Whatever comes from a record or a
file name passes through `printable`: it may contain escape sequences.
"""

from __future__ import annotations

import os

from ..record import jsonl, timestamps
from ..text import humanize, local_time, printable
from ..views import session_view
from .terminal.width import truncate_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model import SessionEntry
    from ..views.session_view import SessionView

OUTPUT_VERSION = 1  # `v` of what commands print as JSON
NONE = "-"  # where there is no value
MAX_TEXT = 4096  # the longest path
_MAX_ENTRY = 200
_ID_LENGTH = 8
_COMMON = frozenset(["type", "v", "id", "session_id", "timestamp"])
_SUMMARY_KEYS = ("state", "event", "reason", "source")
# Made once: `json.dumps` makes one at each call, which takes as long as a session does.
_encode = jsonl.encoder(", ", ": ")
_HOMES: dict[str, tuple[str, str]] = {}  # each home folder, and its real path


# ---- Sessions -------------------------------------------------------------------


def short_ids(sessions: Iterable[SessionView]) -> dict[str, str]:
    """Return for each id its shortest unique prefix of 8 characters or more."""
    from itertools import pairwise

    ordered = sorted({session["session_id"] for session in sessions})
    lengths = dict.fromkeys(ordered, _ID_LENGTH)
    for first, second in pairwise(ordered):
        length = _ID_LENGTH
        while first[:length] == second[:length]:
            length += 1
            lengths[first] = max(length, lengths[first])
            lengths[second] = length
    return {session_id: session_id[:length] for session_id, length in lengths.items()}


def where(session: SessionView) -> str:
    """Return the session's worktree and branch, such as `~/shop (main)`.

    For an unreadable session, the path of its file.
    """
    return place(*session_view.place_of(session))


def place(worktree: str | None, branch: str | None) -> str:
    """Return a worktree and its branch as `where` does."""
    root = shorten_home(worktree) if worktree else NONE
    return root + branch_suffix(branch)


def branch_suffix(branch: str | None) -> str:
    """Return what follows a folder where *branch* is checked out, such as ` (main)`."""
    return f" ({printable(branch, MAX_TEXT)})" if branch else ""


def shorten_home(path: str) -> str:
    """Return *path* with `~` for the home folder."""
    home = os.environ.get("HOME") or os.path.expanduser("~")
    if home not in _HOMES:
        _HOMES[home] = (home, os.path.realpath(home))
    for prefix in _HOMES[home]:
        if len(prefix) > 1 and (path + "/").startswith(prefix + "/"):
            path = "~" + path[len(prefix) :]
            break
    return printable(path, MAX_TEXT)


def ago(timestamp: object, now: float) -> str | None:
    """Return how long before *now* it was, such as `3 min ago`; None if not a time."""
    age = since(timestamp, now)
    return age and f"{age} ago"


def since(timestamp: object, now: float) -> str | None:
    """Return the time from *timestamp* to now, like `3 min`; None if not a time."""
    seconds = timestamps.parse(timestamp)
    return None if seconds is None else humanize(now - seconds)


# ---- Entries --------------------------------------------------------------------


def entry_line(entry: SessionEntry, now: float, columns: int | None) -> str:
    """Return one entry as a line: its age, its type and its content."""
    age = ago(entry.get("timestamp", entry.get("start_time")), now) or NONE
    line = f"{age:>10}  {entry_text(entry)}"
    return truncate_line(printable(line, _MAX_ENTRY), columns)


def entry_text(entry: SessionEntry) -> str:
    """Return an entry's type and content, not yet `printable`."""
    from ..record.schema import LIFECYCLE

    kind = str(entry.get("type", NONE))
    if kind in LIFECYCLE:
        values = (str(entry[key]) for key in _SUMMARY_KEYS if entry.get(key))
        content = " ".join(values)
    else:
        content = compact_json(own_fields(entry))
    return f"{kind:<16}  {content}".rstrip()


def own_fields(entry: SessionEntry) -> SessionEntry:
    """Return the fields of *entry* that not every entry has."""
    return {key: value for key, value in entry.items() if key not in _COMMON}


def clock(timestamp: object, now: float) -> str:
    """Return the local time, with the day unless that is today, in 14 columns."""
    seconds = timestamps.parse(timestamp)
    if seconds is None:
        return f"{NONE:>14}"
    is_today = local_time(seconds, "%F") == local_time(now, "%F")
    return f"{local_time(seconds, '%H:%M:%S' if is_today else '%m-%d %H:%M:%S'):>14}"


# ---- JSON -----------------------------------------------------------------------


class EncodedRows(list[str]):
    """Sessions or entries for `json_lines`, each as `json_row` returns it."""


def json_lines(content: Mapping[str, object]) -> list[str]:
    """Return what a command prints as JSON: one object in ASCII, with its version `v`.

    Each session or entry in it is a line of its own. A value in one that has no JSON
    form (1e999, or too deep a nesting) is null.
    """
    lines, line = [], "{"
    for key, value in {"v": OUTPUT_VERSION, **content}.items():
        line += f"{_dumps(key)}: "
        rows = _rows(value)
        if rows:
            lines += [f"{line}[", *rows[:-1], rows[-1].removesuffix(",")]
            line = "]"
        else:
            line += _dumps(value)
        line += ", "
    return [*lines, line.removesuffix(", ") + "}"]


def _rows(value: object) -> list[str]:
    """Return a line for each object in the list *value*; none if it is anything else.

    They are encoded in the order of their addresses, about that in which they were
    made: what is close together in memory is read a third faster.
    """
    if isinstance(value, EncodedRows):
        return value
    if not (isinstance(value, list) and value and isinstance(value[0], dict)):
        return []
    lines = {id(row): json_row(row) for row in sorted(value, key=id)}
    return [lines[id(row)] for row in value]


def json_row(row: Mapping[str, object]) -> str:
    """Return the object *row* as JSON, and a comma."""
    return f"{_dumps(row)},"


def _dumps(value: object, *, by_key: bool = True) -> str:
    try:
        return _encode(value)
    except (ValueError, RecursionError):
        if by_key and isinstance(value, dict):
            pairs = (f"{_dumps(k)}: {_dumps(value[k], by_key=False)}" for k in value)
            return "{" + ", ".join(pairs) + "}"
        return "null"


def compact_json(value: object) -> str:
    """Return *value* as JSON without spaces, for people: not yet `printable`."""
    import json

    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return "(nested too deeply to be shown)"
