"""The columns of a list of sessions: what each says to people, and what in a pipe.

Data in, text out: nothing here knows how wide the terminal is, except `where`, which
shortens a path in the middle.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from ...text import printable
from ...views import session_view
from ..formatting import MAX_TEXT, NONE, ago, branch_suffix, shorten_home, since
from .width import truncate_middle, width

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...views.session_view import SessionView

_MIN_PATH = _MIN_BRANCH = 9  # columns of a path, and of a branch beside it


class Context(NamedTuple):
    """What the text of a cell depends on besides its session.

    *now* is in epoch seconds, *short* has the short form of each id.
    """

    now: float
    short: Mapping[str, str]


class Column(NamedTuple):
    """A column: its heading, the text of a session, and the value for a script.

    One with a *weight* is narrowed where there is no room, down to a share by weight.
    A value of None is not known.
    """

    heading: str
    text: Callable[[SessionView, Context], str | None]
    value: Callable[[SessionView], object]
    weight: int = 0


def cells(
    session: SessionView, columns: tuple[str, ...], context: Context
) -> tuple[str, ...]:
    """Return the text of each of *columns*, `printable`; NONE where nothing is known.

    The columns of OPTIONAL are empty instead.
    """
    texts = (COLUMNS[name].text(session, context) for name in columns)
    return tuple(
        printable(text, MAX_TEXT) if text else "" if name in OPTIONAL else NONE
        for name, text in zip(columns, texts, strict=True)
    )


def values(session: SessionView, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the value of each of *columns* for a script, "" for one not known."""
    found = (COLUMNS[name].value(session) for name in columns)
    return tuple(
        "" if value is None else printable(str(value), MAX_TEXT) for value in found
    )


def where(session: SessionView, room: int | None = None) -> str:
    """Return folder and branch, such as `~/shop/cart (main)`, in at most *room*.

    `+1` after it says that one other session is alive in the same worktree. The path is
    shortened first, in the middle; the branch only if it would leave no room for it.
    For an unreadable session, the path of its file.
    """
    path, suffix = _place(session)
    others = session.get("same_worktree_count", 0)
    mark = f" +{others}" if others else ""
    if room is not None and width(path + suffix + mark) > room:
        free = room - width(mark)
        left = free - min(width(path), _MIN_PATH)
        fits = left >= min(width(suffix), _MIN_BRANCH)
        suffix = truncate_middle(suffix, left) if fits else ""
        path = truncate_middle(path, max(0, free - width(suffix)))
    return path + suffix + mark


def place(session: SessionView) -> str:
    """Return folder and branch, and nothing about other sessions."""
    return "".join(_place(session))


def _place(session: SessionView) -> tuple[str, str]:
    """Return the folder, and what follows it: the branch in brackets."""
    root, branch = session_view.place_of(session)
    if not root:
        return NONE, ""
    folder = os.path.join(root, session.get("subfolder") or "").rstrip("/") or root
    return shorten_home(folder), branch_suffix(branch)


def _state(session: SessionView, _: Context) -> str:
    processes = len(session.get("processes", ()))
    details = [
        "stopped" if session["stopped"] else None,
        f"{processes} processes" if processes > 1 else None,
        "archived" if session["archived"] else None,
    ]
    text = ", ".join(filter(None, details))
    state = session_view.state_of(session)
    return f"{state} ({text})" if text else state


def _waits_for(session: SessionView) -> str | None:
    return session["waiting_for"] if session["verdict"] == "alive" else None


def _since(session: SessionView) -> str | None:
    """Since when it is in its state; of one that is not alive, its last heartbeat."""
    alive = session["verdict"] == "alive"
    return session["state_since"] if alive else session["last_heartbeat"]


def cost(session: SessionView) -> str | None:
    """Return what the session has cost, such as `$1.23`; None if it is not known."""
    amount = session.get("cost_usd")
    return None if amount is None else f"${amount:.2f}"


def context(session: SessionView) -> str | None:
    """Return how full its context is, such as `45 %`; None if it is not known."""
    percent = session.get("context_percent")
    return None if percent is None else f"{percent:.0f} %"


def _field(heading: str, key: str, weight: int = 0) -> Column:
    """Return the column of the value of *key* as it is."""

    def value(session: SessionView) -> object:
        return session.get(key)

    def text(session: SessionView, _: Context) -> str | None:
        found = value(session)
        return None if found is None else str(found)

    return Column(heading, text, value, weight)


def _folder(heading: str, key: str) -> Column:
    def text(session: SessionView, _: Context) -> str | None:
        path = session.get(key)
        return shorten_home(str(path)) if path else None

    return Column(heading, text, lambda session: session.get(key), 3)


COLUMNS = {
    "state": Column("STATE", _state, session_view.state_of),
    "for": Column("FOR", lambda session, _: _waits_for(session), _waits_for),
    "since": Column("SINCE", lambda s, shown: since(_since(s), shown.now), _since),
    "id": Column(
        "ID", lambda s, shown: shown.short[s["session_id"]], lambda s: s["session_id"]
    ),
    "name": Column(
        "NAME",
        lambda session, _: session_view.name_of(session),
        session_view.name_of,
        weight=2,
    ),
    "where": Column("WHERE", lambda session, _: where(session), place, weight=3),
    "age": Column(
        "AGE",
        lambda s, shown: since(s["start_time"], shown.now),
        lambda s: s["start_time"],
    ),
    "heartbeat": Column(
        "HEARTBEAT",
        lambda s, shown: ago(s["last_heartbeat"], shown.now),
        lambda s: s["last_heartbeat"],
    ),
    "verdict": _field("VERDICT", "verdict"),
    "label": _field("LABEL", "label", weight=2),
    "folder": _folder("FOLDER", "cwd"),
    "worktree": _folder("WORKTREE", "worktree"),
    "branch": _field("BRANCH", "branch", weight=2),
    "pid": _field("PID", "pid"),
    "host": _field("HOST", "host", weight=2),
    "client": _field("CLIENT", "client_version"),
    "on": _field("ON", "on"),
    "cost": Column("COST", lambda s, _: cost(s), lambda s: s.get("cost_usd")),
    "context": Column(
        "CONTEXT", lambda s, _: context(s), lambda s: s.get("context_percent")
    ),
}
DEFAULT = ("state", "for", "since", "id", "name", "where", "age")
DEFAULT_OF_HOSTS = ("on", *DEFAULT)
OPTIONAL = ("for",)  # left out of a table where it is empty
