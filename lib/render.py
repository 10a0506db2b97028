"""What people see of sessions: the table, the facts of one, and JSON for scripts.

Data in, lines out; nothing here reads a record or writes to a stream. Whatever comes
from a record or a file name passes through `plain`: it may hold escape sequences.

A session is given as `list --json` has it: the folded metadata and the verdict in one
object, in which None stands for what is not known.
"""

from __future__ import annotations

import os
import unicodedata

from . import clock, tree
from .words import duration, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .model import SessionInfo, Verdict

    Session = dict[str, Any]

# What every session has, None where there is no value.
_ABOUT = ("session_id", "verdict", "reasons", "state", "pid", "cwd", "label")
KEYS = (*_ABOUT, "start_time", "last_heartbeat", "path", "archived")
NONE = "-"
# The states of the living, the most urgent first, then the verdicts on the others.
_ORDER = ("waiting", "busy", "idle", "unknown", "stale", "dead", "unreadable")
_BOLD_YELLOW, _GREEN, _RED, _DIM = "1;33", "32", "31", "2"
_COLOURS = {"waiting": _BOLD_YELLOW, "busy": _GREEN, "unreadable": _RED}
_COLOURS.update(stale=_DIM, dead=_DIM)
_HEADINGS = ("STATE", "ID", "LABEL", "WHERE", "AGE", "HEARTBEAT")
_LABEL, _WHERE = 2, 3
_GAP = 2
_NARROWEST = 8
_ID_LENGTH = 8
_LONGEST = 4096  # the longest path
_ENTRY_LENGTH = 200
_COMMON = frozenset(["type", "v", "id", "session_id", "timestamp"])
_TOLD = ("state", "event", "reason", "source")


def describe(info: SessionInfo, judged: Verdict | None, *, archived: bool) -> Session:
    """Return the session as one object: its metadata, the verdict, and its place."""
    session: Session = {**dict.fromkeys(KEYS), "session_id": info.id}
    session["reasons"] = ["its file holds no valid metadata, or cannot be read"]
    if judged is not None:
        verdict, reasons = judged
        session.update(info.metadata or {}, verdict=verdict, reasons=list(reasons))
    session.update(path=str(info.path), archived=archived)
    return session


# ---- Width ----------------------------------------------------------------------


def width(text: str) -> int:
    """Return how many columns *text*, already `plain`, takes on a terminal."""
    return sum(map(_columns_of, text))


def clip(text: str, columns: int) -> str:
    """Return *text* in at most *columns*, ending in an ellipsis if it was longer."""
    if width(text) <= columns:
        return text
    return _fitting(text, columns - 1) + "\N{HORIZONTAL ELLIPSIS}"[:columns]


def clip_start(text: str, columns: int) -> str:
    """Return *text* in at most *columns*; what is left out is its beginning."""
    if width(text) <= columns:
        return text
    end = _fitting(text[::-1], columns - 1)[::-1]
    return "\N{HORIZONTAL ELLIPSIS}"[:columns] + end


def _columns_of(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitting(text: str, columns: int) -> str:
    taken = 0
    for index, character in enumerate(text):
        taken += _columns_of(character)
        if taken > columns:
            return text[:index]
    return text


def _pad(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


# ---- The table ------------------------------------------------------------------


def table(
    sessions: Iterable[Session],
    short: dict[str, str],
    *,
    now: float,
    columns: int | None,
    colour: bool,
) -> list[str]:
    """Return the lines of `headcount list`: who waits for you first.

    *short* gives what is shown of each id. *columns* is the width to fit into, None
    for no limit.
    """
    ordered = sorted(sessions, key=_urgency, reverse=True)
    rows = [_HEADINGS, *(_row(session, short, now) for session in ordered)]
    widths = _fit(
        [max(map(width, cells)) for cells in zip(*rows, strict=True)], columns
    )
    return [
        _paint_state(_line(row, widths, columns), row[0], colour=colour) for row in rows
    ]


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Return for each id the shortest prefix of 8 or more that is its alone."""
    ordered = sorted(set(ids))
    neighbours = zip(["", *ordered], [*ordered[1:], "", ""], strict=True)
    return {
        session_id: session_id[: max(_ID_LENGTH, _shared(session_id, *beside) + 1)]
        for session_id, beside in zip(ordered, neighbours, strict=False)
    }


def _shared(session_id: str, *others: str) -> int:
    """Return how many characters *session_id* begins with that one of *others* does."""
    lengths = range(len(session_id), 0, -1)
    return next((n for n in lengths if session_id[:n] in {o[:n] for o in others}), 0)


def state_of(session: Session) -> str:
    """Return the state of a live session, else the verdict on it, in one word."""
    if session["verdict"] == "alive":
        return str(session["state"])
    return session["verdict"] or "unreadable"


def _urgency(session: Session) -> tuple[bool, int, str]:
    order = len(_ORDER) - _ORDER.index(state_of(session))
    return not session["archived"], order, session["last_heartbeat"] or ""


def _row(session: Session, short: dict[str, str], now: float) -> tuple[str, ...]:
    state = state_of(session)
    return (
        f"{state}, archived" if session["archived"] else state,
        plain(short[session["session_id"]], _LONGEST),
        plain(session["label"] or NONE, _LONGEST),
        where(session),
        _since(session["start_time"], now) or NONE,
        ago(session["last_heartbeat"], now) or NONE,
    )


def _fit(widths: list[int], columns: int | None) -> list[int]:
    """Take what is too much from the wider of label and place, as far as they go."""
    widths = list(widths)
    while columns is not None and sum(widths) + _GAP * (len(widths) - 1) > columns:
        wider = max((_LABEL, _WHERE), key=lambda index: widths[index])
        if widths[wider] <= _NARROWEST:
            break
        widths[wider] -= 1
    return widths


def _line(row: tuple[str, ...], widths: list[int], columns: int | None) -> str:
    cells = [
        (clip_start if index == _WHERE else clip)(cell, room)
        for index, (cell, room) in enumerate(zip(row, widths, strict=True))
    ]
    line = (" " * _GAP).join(map(_pad, cells, widths)).rstrip()
    return line if columns is None else clip(line, columns)


def _paint_state(line: str, state: str, *, colour: bool) -> str:
    code = _COLOURS.get(state.partition(",")[0], "")
    if not (colour and code and line.startswith(state)):
        return line
    return f"\x1b[{code}m{state}\x1b[0m{line[len(state) :]}"


# ---- Places and times -----------------------------------------------------------


def where(session: Session) -> str:
    """Return the session's working tree, or where its file is if it is unreadable."""
    if session["verdict"] is None:
        return tilde(session["path"])
    return tilde(root_of(session["cwd"])) if session["cwd"] else NONE


def root_of(folder: str) -> str:
    """Return the working tree of *folder*, a text that need not be a path at all."""
    try:
        return tree.root_of(folder)
    except (OSError, ValueError):
        return folder


def tilde(path: str) -> str:
    """Return *path* as a person writes it, with `~` for the home folder."""
    home = os.path.expanduser("~")
    for prefix in (home, os.path.realpath(home)):
        if len(prefix) > 1 and (path + "/").startswith(prefix + "/"):
            path = "~" + path[len(prefix) :]
            break
    return plain(path, _LONGEST)


def ago(stamp: object, now: float) -> str | None:
    """Return how long ago *stamp* was, in words; None if it is no time."""
    since = _since(stamp, now)
    return since and f"{since} ago"


def _since(stamp: object, now: float) -> str | None:
    when = clock.parse(stamp)
    return None if when is None else duration(now - when)


# ---- One session ----------------------------------------------------------------


def facts(session: Session, now: float) -> list[str]:
    """Return what is known of one session, a line for each fact and each reason."""
    lines = []
    for name, tell in _FACTS:
        for index, text in enumerate(tell(session, now)):
            told = plain(text, _LONGEST)
            lines.append(f"{'' if index else name:<10} {told}".rstrip())
    return lines


def _text(key: str) -> Callable[[Session, float], list[str]]:
    return lambda session, _: [session[key]] if session.get(key) else []


def _time(key: str) -> Callable[[Session, float], list[str]]:
    def tell(session: Session, now: float) -> list[str]:
        since = ago(session[key], now)
        return [f"{session[key]} ({since})"] if since else []

    return tell


def _verdict(session: Session, _: float) -> list[str]:
    reasons = [f"  {reason}" for reason in session["reasons"]]
    return [session["verdict"] or "unreadable", *reasons]


def _tree(session: Session, _: float) -> list[str]:
    root = root_of(session["cwd"]) if session["cwd"] else ""
    return [root] if root != (session["cwd"] or "") else []


def _process(session: Session, _: float) -> list[str]:
    return [_pid_on_host(session)] if session["pid"] else []


def _others(session: Session, _: float) -> list[str]:
    return [
        f"{_pid_on_host(other)} ({other.get('state', 'idle')})"
        for other in session.get("others", [])
    ]


def _pid_on_host(seen: Session) -> str:
    host = seen.get("host")
    return f"pid {seen['pid']} on {host}" if host else f"pid {seen['pid']}"


def _tasks(session: Session, _: float) -> list[str]:
    return [_compact(task) for task in session.get("tasks", [])]


def _client(session: Session, _: float) -> list[str]:
    told = [session.get(key) for key in ("client_version", "entrypoint")]
    return [", ".join(filter(None, told))] if any(told) else []


def _file(session: Session, _: float) -> list[str]:
    return [session["path"] + (" (archived)" if session["archived"] else "")]


_FACTS = (
    ("session", _text("session_id")),
    ("label", _text("label")),
    ("verdict", _verdict),
    ("state", _text("state")),
    ("closed", _text("close_reason")),
    ("folder", _text("cwd")),
    ("tree", _tree),
    ("project", _text("project_dir")),
    ("process", _process),
    ("others", _others),
    ("started", _time("start_time")),
    ("heartbeat", _time("last_heartbeat")),
    ("source", _text("source")),
    ("previous", _text("previous_session_id")),
    ("client", _client),
    ("transcript", _text("transcript_path")),
    ("tasks", _tasks),
    ("file", _file),
)


def entry_line(entry: Session, now: float, columns: int | None) -> str:
    """Return one entry as a line: when, its type, and what it says."""
    from .kinds import LIFECYCLE

    when = ago(entry.get("timestamp", entry.get("start_time")), now) or NONE
    kind = str(entry.get("type", NONE))
    if kind in LIFECYCLE:
        says = " ".join(str(entry[key]) for key in _TOLD if entry.get(key))
    else:
        own = {key: value for key, value in entry.items() if key not in _COMMON}
        says = _compact(own)
    line = plain(f"{when:>10}  {kind:<16}  {says}".rstrip(), _ENTRY_LENGTH)
    return line if columns is None else clip(line, columns)


def resume_line(session: Session) -> str:
    """Return the shell's line that resumes the session where it was."""
    resume = f"claude --resume {shell_word(session['session_id'])}"
    cwd = session["cwd"]
    return f"cd {shell_word(cwd)} && {resume}" if cwd else resume


def shell_word(text: str) -> str:
    """Return *text* quoted for a shell, and safe to show on a terminal.

    What does not print is escaped within `$'...'`, which bash, ksh and zsh undo.
    """
    if text.isprintable():
        import shlex

        return shlex.quote(text)
    return "$'" + "".join(map(_escaped, text)) + "'"


def _escaped(character: str) -> str:
    if character.isprintable() and character not in "'\\":
        return character
    undecodable = "\udc80" <= character <= "\udcff"
    how = "surrogateescape" if undecodable else "replace"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", how))


# ---- JSON -----------------------------------------------------------------------


def as_json(value: object, levels: int = 3) -> str:
    """Return *value* as JSON in ASCII, each session or entry on a line of its own.

    What a record holds that has no JSON form (1e999, or too deep a nesting) is null,
    as deep as *levels* lets it be told from the rest.
    """
    if levels and isinstance(value, dict):
        pairs = (f"{_leaf(key)}: {as_json(v, levels - 1)}" for key, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if levels and value and isinstance(value, list):
        items = [as_json(item, levels - 1) for item in value]
        if levels > 1 and isinstance(value[0], dict):
            return "[\n" + ",\n".join(items) + "\n]"
        return "[" + ", ".join(items) + "]"
    return _leaf(value)


def _leaf(value: object) -> str:
    import json

    try:
        return json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return "null"


def _compact(value: object) -> str:
    import json

    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return "(nested too deeply to be shown)"
