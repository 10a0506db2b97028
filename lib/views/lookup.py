"""Finds sessions, each as one object: all of them, or the one that a person names."""

from __future__ import annotations

import os

from .. import sessions
from ..errors import AmbiguousIdError, HeadcountError, SessionNotFoundError, UsageError
from ..record import timestamps, verdict
from ..store import paths, reader
from ..system import git, proc
from . import session_view
from .session_view import last_heartbeat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeVar

    from ..model import SessionInfo
    from .session_view import SessionView

    View = TypeVar("View", bound=SessionView)

_MAX_CANDIDATES = 20
_ID_LENGTH = 8  # of the ids in a list, where they are unique


def discover(
    now: float, *, archived: bool, prefix: str = "", since: float = 0
) -> list[SessionView]:
    """Return the live sessions, or the archived ones, with their verdicts at *now*.

    Only those whose id begins with *prefix*, in any case; no other file is opened. Of
    the archive, only the days from *since* (epoch seconds): what ended later is there.
    """
    found = files(archived=archived, prefix=prefix, since=since)
    with reader.no_collection(), proc.looking_once():
        return list(read(found, now, archived=archived))


def files(*, archived: bool, prefix: str = "", since: float = 0) -> list[str]:
    """Return the paths of the files that `discover` reads."""
    first_day = timestamps.from_epoch(since)[:10]
    return [
        path
        for folder in paths.folders(archived=archived)
        if not archived or os.path.basename(folder) >= first_day
        for path in reader.files(folder, prefix)
    ]


def read(files: Sequence[str], now: float, *, archived: bool) -> Iterator[SessionView]:
    """Yield the sessions in *files*, with their verdicts at *now*."""
    for batch in reader.batches(files, now):
        yield from judged(batch, now, archived=archived)


def awaiting_trust(now: float) -> list[SessionView]:
    """Return the clients that ask whether to trust their folder, as if sessions."""
    from ..claude import clients

    return [session_view.awaiting_trust(c) for c in clients.asking_for_trust(now)]


def judged(
    infos: list[SessionInfo], now: float, *, archived: bool
) -> list[SessionView]:
    """Return the sessions, each as one object, with its verdict at *now*."""
    outcomes = [
        verdict.judge(info.metadata, now) if info.metadata else None for info in infos
    ]
    return [
        session_view.to_object(info, outcome, archived=archived)
        for info, outcome in zip(infos, outcomes, strict=True)
    ]


def current_worktree() -> str:
    """Return the worktree of the current folder.

    Raises HeadcountError if the current folder no longer exists.
    """
    try:
        return git.Worktrees().root(os.getcwd())
    except OSError as error:
        raise HeadcountError(
            f"cannot read the current folder: {error.strerror}; cd to one that exists"
        ) from None


def in_current_worktree(sessions: list[View]) -> list[View]:
    """Return those of *sessions* in the current worktree; errors as above."""
    current, worktrees = current_worktree(), git.Worktrees()
    return [s for s in sessions if s["cwd"] and worktrees.root(s["cwd"]) == current]


def find(query: str, now: float, *, archived_first: bool = False) -> SessionView:
    """Return the session that *query* names, in upper or lower case.

    It is a complete id; else the beginning of one, or a whole label or name; else the
    beginning of a label or name. The first _ID_LENGTH characters of an id win over
    names, so that no other file is read. Live sessions win over archived ones, unless
    *archived_first*. Raises AmbiguousIdError or SessionNotFoundError, and UsageError if
    *query* is empty.
    """
    if not _key(query):
        raise UsageError("SESSION is empty; `headcount list --all` shows every session")
    for matches in _matches(query, now, archived_first=archived_first):
        if matches:
            return _unique(query, matches)
    raise SessionNotFoundError(
        f"no session {query} in {sessions.SESSIONS_DIR} or its archive; "
        "`headcount list --all` shows every session"
    )


def _matches(
    query: str, now: float, *, archived_first: bool
) -> Iterator[list[SessionView]]:
    """Yield the sessions that *query* may name, the best first; read them in turn."""
    by_id: dict[bool, list[SessionView]] = {}
    every: dict[bool, list[SessionView]] = {}
    for archived in (False, True):
        by_id[archived] = discover(now, archived=archived, prefix=query)
        yield [s for s in by_id[archived] if s["session_id"] == query]
    order = (True, False) if archived_first else (False, True)
    if len(query) >= _ID_LENGTH:
        yield from (by_id[archived] for archived in order)
    key = _key(query)
    for archived in order:
        every[archived] = discover(now, archived=archived)
        yield by_id[archived] + [s for s in every[archived] if key in _names(s)]
    for archived in order:
        yield [
            session
            for session in every[archived]
            if any(name.startswith(key) for name in _names(session))
        ]


def among(query: str, sessions: list[SessionView]) -> list[SessionView]:
    """Return those of *sessions* that *query* names, by the rules of `find`."""
    key, prefix = _key(query), query.casefold()
    by_id = [s for s in sessions if s["session_id"].casefold().startswith(prefix)]
    groups = (
        [session for session in by_id if session["session_id"] == query],
        by_id if len(query) >= _ID_LENGTH else [],
        by_id + [s for s in sessions if key in _names(s) and s not in by_id],
        [s for s in sessions if any(name.startswith(key) for name in _names(s))],
    )
    return next(filter(None, groups), []) if key else []


def _names(session: SessionView) -> list[str]:
    """Return what people call the session, each as `_key` returns it."""
    return [_key(name) for name in (session["label"], session["name"]) if name]


def _key(name: str) -> str:
    """Return *name* without regard to case and to spaces at its ends."""
    return name.strip().casefold()


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
        "`headcount doctor` says how to fix it"
    )


def _unique(query: str, matches: list[SessionView]) -> SessionView:
    """Return the only session in *matches*; of several files, the newest."""
    by_id = {s["session_id"]: s for s in sorted(matches, key=last_heartbeat)}
    if len(by_id) > 1:
        lines = [_candidate(session) for session in reversed(by_id.values())]
        more = ["  ..."] if len(lines) > _MAX_CANDIDATES else []
        raise AmbiguousIdError(
            f"{query} matches {len(by_id)} sessions; give more of the id",
            lines[:_MAX_CANDIDATES] + more,
        )
    return by_id.popitem()[1]


def _candidate(session: SessionView) -> str:
    state = "archived" if session["archived"] else session_view.state_of(session)
    cells = (f"{state:<8}", session_view.name_of(session), session["cwd"])
    return f"  {session['session_id']}  {'  '.join(filter(None, cells))}".rstrip()
