"""What people see of a session in a line, and what scripts see of all in JSON.

Data in, lines out; nothing here reads a record or writes to a stream. Whatever comes
from a record or a file name passes through `printable`: it may hold escape sequences.

A session is given as `list --json` has it: the folded metadata and the verdict in one
object, in which None stands for what is not known.
"""

from __future__ import annotations

import os

from ..cli.terminal.width import truncate_line, truncate_start, width
from ..record import timestamps
from ..system import git
from ..text import humanize, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from json import JSONEncoder

    from ..model import Session as Session  # noqa: PLC0414  # for those who import it here
    from ..model import SessionInfo, Verdict

__all__ = [
    "KEYS",
    "ago",
    "as_json",
    "compact_json",
    "describe",
    "entry_line",
    "entry_text",
    "place_of",
    "resume_line",
    "shell_quote",
    "short_ids",
    "shorten_home",
    "since",
    "state_of",
    "truncate_line",
    "truncate_start",
    "where",
    "width",
]

# What every session has, None where there is no value.
_ABOUT = ("session_id", "verdict", "reasons", "state", "pid", "cwd", "label")
KEYS = (*_ABOUT, "start_time", "last_heartbeat", "path", "archived")
NONE = "-"
LONGEST = 4096  # the longest path
_ENTRY_LENGTH = 200
_ID_LENGTH = 8
_COMMON = frozenset(["type", "v", "id", "session_id", "timestamp"])
_HOMES: dict[str, tuple[str, str]] = {}  # each home folder, and its real path
_ENCODERS: list[JSONEncoder] = []
_INLINE = 1  # the levels of `as_json` that give no line of its own to what a list holds
_TOLD = ("state", "event", "reason", "source")


def describe(info: SessionInfo, judged: Verdict | None, *, archived: bool) -> Session:
    """Return the session as one object: its metadata, the verdict, and its place."""
    session: Session = {**dict.fromkeys(KEYS), "session_id": info.id}
    session["reasons"] = ["its file holds no valid metadata, or cannot be read"]
    if judged is not None:
        verdict, reasons = judged
        session.update(info.metadata or {}, verdict=verdict, reasons=list(reasons))
    session.update(path=os.fspath(info), archived=archived)
    return session


def state_of(session: Session) -> str:
    """Return the state of a live session, else the verdict on it, in one word."""
    if session["verdict"] == "alive":
        return str(session["state"])
    return session["verdict"] or "unreadable"


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Return for each id the shortest prefix of 8 or more that is its alone."""
    from itertools import pairwise

    known = sorted(set(ids))
    shared = [_shared(*beside) for beside in pairwise(known)]
    around = zip(known, [0, *shared], [*shared, 0], strict=False)
    return {
        one: one[: max(_ID_LENGTH, before + 1, after + 1)]
        for one, before, after in around
    }


def _shared(one: str, two: str) -> int:
    """Return how many characters the two have in common at their beginnings."""
    if one[:_ID_LENGTH] != two[:_ID_LENGTH]:
        return 0  # as far as it matters
    pairs = enumerate(zip(one, two, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(two)))


# ---- Places and times -----------------------------------------------------------


def where(session: Session) -> str:
    """Return the session's tree and branch, or where its file is if it is unreadable.

    Such as `~/shop (main)`.
    """
    place, branch = place_of(session)
    return f"{place} ({branch})" if branch else place


def place_of(session: Session) -> tuple[str, str]:
    """Return the two parts of `where`; the branch is empty where there is none."""
    if session["verdict"] is None:
        return shorten_home(session["path"]), ""
    if not session["cwd"]:
        return NONE, ""
    if "tree" in session:
        root, branch = session["tree"], session["branch"]
    else:
        worktrees = git.Worktrees()
        root = worktrees.root(session["cwd"])
        branch = worktrees.branch(root)
    return shorten_home(root), printable(branch or "", LONGEST)


def shorten_home(path: str) -> str:
    """Return *path* as a person writes it, with `~` for the home folder."""
    home = os.environ.get("HOME") or os.path.expanduser("~")
    if home not in _HOMES:
        _HOMES[home] = (home, os.path.realpath(home))
    for prefix in _HOMES[home]:
        if len(prefix) > 1 and (path + "/").startswith(prefix + "/"):
            path = "~" + path[len(prefix) :]
            break
    return printable(path, LONGEST)


def ago(stamp: object, now: float) -> str | None:
    """Return how long ago *stamp* was, in words; None if it is no time."""
    passed = since(stamp, now)
    return passed and f"{passed} ago"


def since(stamp: object, now: float) -> str | None:
    """Return the time from *stamp* until *now* in words; None if it is no time."""
    when = timestamps.parse(stamp)
    return None if when is None else humanize(now - when)


# ---- Entries, and what a shell takes ---------------------------------------------


def entry_line(entry: Session, now: float, columns: int | None) -> str:
    """Return one entry as a line: when, its type, and what it says."""
    when = ago(entry.get("timestamp", entry.get("start_time")), now) or NONE
    line = printable(f"{when:>10}  {entry_text(entry)}", _ENTRY_LENGTH)
    return line if columns is None else truncate_line(line, columns)


def entry_text(entry: Session) -> str:
    """Return an entry's type and what it says, not yet `printable`."""
    from ..record.schema import LIFECYCLE

    kind = str(entry.get("type", NONE))
    if kind in LIFECYCLE:
        says = " ".join(str(entry[key]) for key in _TOLD if entry.get(key))
    else:
        own = {key: value for key, value in entry.items() if key not in _COMMON}
        says = compact_json(own)
    return f"{kind:<16}  {says}".rstrip()


def resume_line(session: Session) -> str:
    """Return the shell's line that resumes the session where it was."""
    resume = f"claude --resume {shell_quote(session['session_id'])}"
    cwd = session["cwd"]
    return f"cd {shell_quote(cwd)} && {resume}" if cwd else resume


def shell_quote(text: str) -> str:
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
    if levels <= _INLINE + isinstance(value, dict):
        try:
            return _encoder().encode(value)
        except (ValueError, RecursionError):
            if not levels:
                return "null"
    if isinstance(value, dict):
        pairs = (
            f"{_encoder().encode(key)}: {as_json(v, levels - 1)}"
            for key, v in value.items()
        )
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        items = [as_json(item, levels - 1) for item in value]
        if levels > 1 and items and isinstance(value[0], dict):
            return "[\n" + ",\n".join(items) + "\n]"
        return "[" + ", ".join(items) + "]"
    return as_json(value, 0)


def _encoder() -> JSONEncoder:
    if not _ENCODERS:
        import json

        _ENCODERS.append(json.JSONEncoder(allow_nan=False))
    return _ENCODERS[0]


def compact_json(value: object) -> str:
    """Return *value* as JSON in little room, for people: not yet `printable`."""
    import json

    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return "(nested too deeply to be shown)"
