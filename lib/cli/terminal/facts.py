"""The facts about one session, a line for each, as `show` and `watch` have them."""

from __future__ import annotations

from ...fleet import hosts
from ...record import timestamps
from ...text import humanize, local_time, printable
from ...views import session_view
from .. import formatting
from . import columns as cells
from . import session_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...views.lineage import Relative

    # A session and its related ones, as `show --json` prints them.
    Details = dict[str, Any]
    # The lines of one fact; none if it is not known.
    Fact = Callable[[Details, float], list[str]]

NAME_COLUMNS = 13
_FOLDERS = ("cwd", "worktree", "project_dir", "transcript_path")  # each shown once
_DIM = "\x1b[2m{}\x1b[0m"


def lines(session: Details, now: float, *, colour: bool = False) -> list[str]:
    """Return what is known about *session*, a line for each fact and each reason."""
    found = []
    for name, fact in _FACTS:
        for index, text in enumerate(fact(session, now)):
            key = "" if index else f"{name:<{NAME_COLUMNS}}"
            shown = printable(text, formatting.MAX_TEXT)
            if colour:
                key = key and _DIM.format(key)
                shown = _painted(name, shown, session) if not index else shown
            found.append(f"{key or ' ' * NAME_COLUMNS} {shown}".rstrip())
    return found


def _painted(name: str, text: str, session: Details) -> str:
    """Return the *text* of the fact of this *name* in the colour of the state."""
    if name not in ("state", "verdict"):
        return text
    word = session_view.state_of(session) if name == "state" else text  # type: ignore[arg-type]
    return session_table.coloured(text, word)


def _text(key: str) -> Fact:
    return lambda session, _: [session[key]] if session.get(key) else []


def _path(key: str) -> Fact:
    """The folder or file under *key*, unless it is one of those shown before it."""

    def fact(session: Details, _: float) -> list[str]:
        path = session.get(key)
        before = map(session.get, _FOLDERS[: _FOLDERS.index(key)])
        return [formatting.shorten_home(path)] if path and path not in before else []

    return fact


def _time(key: str) -> Fact:
    def fact(session: Details, now: float) -> list[str]:
        seconds = timestamps.parse(session[key])
        if seconds is None:
            return []
        ago = humanize(now - seconds)
        return [f"{local_time(seconds, '%Y-%m-%d %H:%M:%S')} ({ago} ago)"]

    return fact


def _branch(session: Details, _: float) -> list[str]:
    modified = " (modified)" if session.get("modified") else ""
    return [session["branch"] + modified] if session.get("branch") else []


def _verdict(session: Details, _: float) -> list[str]:
    reasons = [f"  {reason}" for reason in session["reasons"]]
    return [session["verdict"] or "unreadable", *reasons]


def _state(session: Details, now: float) -> list[str]:
    alive = session["verdict"] == "alive"
    text = session_view.state_text(session, now if alive else None)
    return [text] if session["state"] else []


def _name(session: Details, _: float) -> list[str]:
    derived = " (derived by the client)" if session["name_source"] == "client" else ""
    return [session["name"] + derived] if session["name"] else []


def _process(session: Details, _: float) -> list[str]:
    return [_pid_on_host(session)] if session["pid"] else []


def _others(session: Details, _: float) -> list[str]:
    return [
        f"{_pid_on_host(other)} ({other.get('state', 'idle')})"
        for other in session.get("others", [])
    ]


def _pid_on_host(attached: dict[str, Any]) -> str:
    host = attached.get("host")
    return f"pid {attached['pid']} on {host}" if host else f"pid {attached['pid']}"


def _relatives(key: str) -> Fact:
    return lambda session, _: [_relative(one) for one in session.get(key, ())]


def _relative(relative: Relative) -> str:
    details = [
        relative["how"],
        relative["label"],
        "archived" if relative["archived"] else None,
        None if relative["on_record"] else "not on record",
    ]
    return f"{relative['session_id']}  {', '.join(filter(None, details))}"


def _same_worktree(session: Details, now: float) -> list[str]:
    if hosts.is_elsewhere(session):
        return [str(session_id) for session_id in session.get("same_worktree", ())]
    return [
        f"{other['session_id']}  "
        + ", ".join(filter(None, (other["state"], session_view.name_of(other))))
        + f", last heartbeat {formatting.ago(other['last_heartbeat'], now)}"
        for other in session.get("same_worktree", ())
    ]


def _tasks(session: Details, _: float) -> list[str]:
    return [formatting.compact_json(task) for task in session.get("tasks", [])]


def _client(session: Details, _: float) -> list[str]:
    parts = filter(None, map(session.get, ("client_version", "entrypoint")))
    text = ", ".join(parts)
    return [text] if text else []


def _cost(session: Details, _: float) -> list[str]:
    amount = cells.cost(session)  # type: ignore[arg-type]
    return [amount] if amount else []


def _context(session: Details, _: float) -> list[str]:
    percent = cells.context(session)  # type: ignore[arg-type]
    return [f"{percent} used"] if percent else []


def _file(session: Details, _: float) -> list[str]:
    path = formatting.shorten_home(session["path"])
    return [path + (" (archived)" if session["archived"] else "")]


_FACTS: tuple[tuple[str, Fact], ...] = (
    ("session", _text("session_id")),
    ("on", _text("on")),
    ("label", _text("label")),
    ("name", _name),
    ("verdict", _verdict),
    ("state", _state),
    ("closed", _text("close_reason")),
    ("folder", _path("cwd")),
    ("worktree", _path("worktree")),
    ("branch", _branch),
    ("same worktree", _same_worktree),
    ("project", _path("project_dir")),
    ("process", _process),
    ("others", _others),
    ("started", _time("start_time")),
    ("heartbeat", _time("last_heartbeat")),
    ("source", _text("source")),
    ("previous", _relatives("predecessors")),
    ("next", _relatives("successors")),
    ("cost", _cost),
    ("context", _context),
    ("client", _client),
    ("transcript", _path("transcript_path")),
    ("tasks", _tasks),
    ("file", _file),
)
