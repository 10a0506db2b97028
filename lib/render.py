"""What people see of one session, and what scripts see of all: facts, entries, JSON.

Data in, lines out; nothing here reads a record or writes to a stream. Whatever comes
from a record or a file name passes through `plain`: it may hold escape sequences.

A session is given as `list --json` has it: the folded metadata and the verdict in one
object, in which None stands for what is not known.
"""

from __future__ import annotations

import os

from . import clock, lineage
from .neighbours import Places
from .width import clip, clip_line, clip_start, width
from .words import duration, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from json import JSONEncoder

    from .model import Session as Session  # noqa: PLC0414  # for those who import it here
    from .model import SessionInfo, Verdict

__all__ = [
    "KEYS",
    "ago",
    "as_json",
    "clip",
    "clip_line",
    "clip_start",
    "describe",
    "entry_line",
    "entry_text",
    "facts",
    "place_of",
    "resume_line",
    "root_of",
    "shell_word",
    "short_ids",
    "since",
    "state_of",
    "tilde",
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
    session.update(path=str(info.path), archived=archived)
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
    around = zip(known, [0, *shared], [*shared, 0], strict=True)
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
        return tilde(session["path"]), ""
    if not session["cwd"]:
        return NONE, ""
    if "tree" in session:
        root, branch = session["tree"], session["branch"]
    else:
        places = Places()
        root = places.tree_of(session["cwd"])
        branch = places.branch_of(root)
    return tilde(root), plain(branch or "", LONGEST)


def root_of(folder: str) -> str:
    """Return the working tree of *folder*, a text that need not be a path at all."""
    return Places().tree_of(folder)


def tilde(path: str) -> str:
    """Return *path* as a person writes it, with `~` for the home folder."""
    home = os.environ.get("HOME") or os.path.expanduser("~")
    if home not in _HOMES:
        _HOMES[home] = (home, os.path.realpath(home))
    for prefix in _HOMES[home]:
        if len(prefix) > 1 and (path + "/").startswith(prefix + "/"):
            path = "~" + path[len(prefix) :]
            break
    return plain(path, LONGEST)


def ago(stamp: object, now: float) -> str | None:
    """Return how long ago *stamp* was, in words; None if it is no time."""
    passed = since(stamp, now)
    return passed and f"{passed} ago"


def since(stamp: object, now: float) -> str | None:
    """Return the time from *stamp* until *now* in words; None if it is no time."""
    when = clock.parse(stamp)
    return None if when is None else duration(now - when)


# ---- One session ----------------------------------------------------------------


def facts(session: Session, now: float) -> list[str]:
    """Return what is known of one session, a line for each fact and each reason."""
    lines = []
    for name, tell in _FACTS:
        for index, text in enumerate(tell(session, now)):
            told = plain(text, LONGEST)
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


def _relatives(key: str) -> Callable[[Session, float], list[str]]:
    return lambda session, _: [lineage.line(one) for one in session.get(key, ())]


def _siblings(session: Session, now: float) -> list[str]:
    """The other live sessions in the tree."""
    return [
        f"{one['session_id']}  "
        + ", ".join(filter(None, (one["state"], one["label"])))
        + f", last sign {ago(one['last_heartbeat'], now)}"
        for one in session.get("siblings", ())
    ]


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
    ("branch", _text("branch")),
    ("project", _text("project_dir")),
    ("process", _process),
    ("others", _others),
    ("started", _time("start_time")),
    ("heartbeat", _time("last_heartbeat")),
    ("source", _text("source")),
    ("came from", _relatives("came_from")),
    ("went on as", _relatives("went_on_as")),
    ("beside", _siblings),
    ("client", _client),
    ("transcript", _text("transcript_path")),
    ("tasks", _tasks),
    ("file", _file),
)


def entry_line(entry: Session, now: float, columns: int | None) -> str:
    """Return one entry as a line: when, its type, and what it says."""
    when = ago(entry.get("timestamp", entry.get("start_time")), now) or NONE
    line = plain(f"{when:>10}  {entry_text(entry)}", _ENTRY_LENGTH)
    return line if columns is None else clip_line(line, columns)


def entry_text(entry: Session) -> str:
    """Return an entry's type and what it says, not yet `plain`."""
    from .kinds import LIFECYCLE

    kind = str(entry.get("type", NONE))
    if kind in LIFECYCLE:
        says = " ".join(str(entry[key]) for key in _TOLD if entry.get(key))
    else:
        own = {key: value for key, value in entry.items() if key not in _COMMON}
        says = _compact(own)
    return f"{kind:<16}  {says}".rstrip()


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


def _compact(value: object) -> str:
    import json

    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return "(nested too deeply to be shown)"
