"""Finds sessions, by the start of an id or all of them, each as one object."""

from __future__ import annotations

import os

from .. import sessions
from ..errors import AmbiguousIdError, HeadcountError, SessionNotFoundError, UsageError
from ..store import paths, reader
from ..system import git
from . import session_view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from ..model import SessionInfo
    from .session_view import SessionView

    View = TypeVar("View", bound=SessionView)

_MAX_CANDIDATES = 20


def discover(now: float, *, archived: bool, prefix: str = "") -> list[SessionView]:
    """Return the live sessions, or the archived ones, with their verdicts at *now*.

    Only those whose id begins with *prefix*; no other file is opened.
    """
    return [
        judged(info, now, archived=archived)
        for folder in paths.folders(archived=archived)
        for info in reader.discover(folder, now, prefix)
    ]


def awaiting_trust(now: float) -> list[SessionView]:
    """Return the clients that ask whether to trust their folder, as if sessions."""
    from ..claude import clients

    return [session_view.awaiting_trust(c) for c in clients.asking_for_trust(now)]


def judged(info: SessionInfo, now: float, *, archived: bool) -> SessionView:
    """Return the session as one object, with its verdict at *now*."""
    verdict = sessions.verdict(info.metadata, now=now) if info.metadata else None
    return session_view.to_object(info, verdict, archived=archived)


def current_worktree() -> str:
    """Return the working tree of the current folder.

    Raises HeadcountError if the current folder no longer exists.
    """
    try:
        return git.Worktrees().root(os.getcwd())
    except OSError as error:
        raise HeadcountError(
            f"cannot read the current folder: {error.strerror}; cd to one that exists"
        ) from None


def in_current_worktree(sessions: list[View]) -> list[View]:
    """Return those of *sessions* in the current working tree; errors as above."""
    current, worktrees = current_worktree(), git.Worktrees()
    return [s for s in sessions if s["cwd"] and worktrees.root(s["cwd"]) == current]


def find(query: str, now: float, *, archived_first: bool = False) -> SessionView:
    """Return the session whose id is *query*, or else the one whose id begins so.

    A complete id wins over the start of another. Live sessions win over archived ones,
    unless *archived_first*. Raises AmbiguousIdError or SessionNotFoundError, and
    UsageError if *query* is empty.
    """
    if not query:
        raise UsageError("the ID is empty; `headcount list --all` shows the ids")
    live = discover(now, archived=False, prefix=query)
    exact = [session for session in live if session["session_id"] == query]
    if exact:
        return exact[0]
    archived = discover(now, archived=True, prefix=query)
    exact = [session for session in archived if session["session_id"] == query]
    groups = (archived, live) if archived_first else (live, archived)
    for group in (exact, *groups):
        matches = [s for s in group if s["session_id"].startswith(query)]
        if matches:
            return _unique(query, matches)
    raise SessionNotFoundError(
        f"no session {query} in {sessions.SESSIONS_DIR} or its archive; "
        "`headcount list --all` shows every session"
    )


def find_all(
    queries: list[str], now: float, *, archived_first: bool = False
) -> list[SessionView]:
    """Return the session of each query, without duplicates; errors as in `find`."""
    matches = [find(query, now, archived_first=archived_first) for query in queries]
    return list({session["session_id"]: session for session in matches}.values())


def unreadable_error(session: SessionView, consequence: str) -> HeadcountError:
    """Return the error for a session without valid metadata."""
    return HeadcountError(
        f"{session['path']} holds no valid metadata, so {consequence}; "
        "`headcount doctor` says what helps"
    )


def _unique(query: str, matches: list[SessionView]) -> SessionView:
    """Return the only session in *matches*; of several archived files, the newest."""
    names = {s["session_id"]: session_view.name_of(s) for s in matches}
    if len(names) > 1:
        lines = [f"  {match}  {name or ''}".rstrip() for match, name in names.items()]
        more = ["  ..."] if len(lines) > _MAX_CANDIDATES else []
        raise AmbiguousIdError(
            f"{len(names)} sessions begin with {query}; give more of the id",
            lines[:_MAX_CANDIDATES] + more,
        )
    return max(matches, key=session_view.last_heartbeat)
