"""What is known of one session, a line for each fact: the head of `headcount show`."""

from __future__ import annotations

from ..system import git
from ..text import printable
from ..views import lineage
from ..views.session_view import LONGEST, ago, compact_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model import Session


def lines(session: Session, now: float) -> list[str]:
    """Return what is known of one session, a line for each fact and each reason."""
    told = []
    for name, tell in _FACTS:
        for index, text in enumerate(tell(session, now)):
            shown = printable(text, LONGEST)
            told.append(f"{'' if index else name:<10} {shown}".rstrip())
    return told


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
    root = git.Worktrees().root(session["cwd"]) if session["cwd"] else ""
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
    return [compact_json(task) for task in session.get("tasks", [])]


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
