"""Sessions as commands see them: each one object, found by the start of its id."""

from __future__ import annotations

import os

from .. import sessions
from ..errors import AmbiguousIdError, HeadcountError, SessionNotFoundError, UsageError
from ..store import paths, reader
from ..system import git
from . import session_view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Session, SessionInfo

_SHOWN_CANDIDATES = 20


def discover(now: float, *, archived: bool, prefix: str = "") -> list[Session]:
    """Return the live sessions at *now*, or the archived ones, each as one object.

    Only those whose id begins with *prefix*; no other file is opened.
    """
    return [
        describe(info, now, archived=archived)
        for folder in paths.folders(archived=archived)
        for info in reader.discover(folder, now, prefix)
    ]


def describe(info: SessionInfo, now: float, *, archived: bool) -> Session:
    """Return the session with the verdict on it at *now*."""
    judged = sessions.verdict(info.metadata, now=now) if info.metadata else None
    return session_view.describe(info, judged, archived=archived)


def current_tree() -> str:
    """Return the working tree of the current folder; raise HeadcountError if none."""
    try:
        return git.Worktrees().root(os.getcwd())
    except OSError as error:
        raise HeadcountError(
            f"cannot tell the current folder: {error.strerror}; cd to one that is there"
        ) from None


def in_this_tree(known: list[Session]) -> list[Session]:
    """Return those of *known* in the current working tree; the error is as above."""
    here, worktrees = current_tree(), git.Worktrees()
    return [one for one in known if one["cwd"] and worktrees.root(one["cwd"]) == here]


def find(wanted: str, now: float, *, archived_first: bool = False) -> Session:
    """Return the session that *wanted* means: by its whole id, else by how it begins.

    A whole id goes first, and then the live sessions go before the archived ones,
    unless *archived_first*. Raises AmbiguousIdError, SessionNotFoundError.
    """
    if not wanted:
        raise UsageError("the ID is empty; `headcount list --all` shows the ids")
    live = discover(now, archived=False, prefix=wanted)
    whole = [session for session in live if session["session_id"] == wanted]
    if whole:
        return whole[0]
    archived = discover(now, archived=True, prefix=wanted)
    whole = [session for session in archived if session["session_id"] == wanted]
    groups = (archived, live) if archived_first else (live, archived)
    for group in (whole, *groups):
        begun = [one for one in group if str(one["session_id"]).startswith(wanted)]
        if begun:
            return _only(wanted, begun)
    raise SessionNotFoundError(
        f"no session {wanted} in {sessions.SESSIONS_DIR} or its archive; "
        "`headcount list --all` shows those on record"
    )


def find_all(
    wanted: list[str], now: float, *, archived_first: bool = False
) -> list[Session]:
    """Return the sessions that *wanted* means, each once; the errors are `find`'s."""
    found = [find(one, now, archived_first=archived_first) for one in wanted]
    return list({session["session_id"]: session for session in found}.values())


def unreadable(session: Session, so: str) -> HeadcountError:
    """Return the error for a session without valid metadata; *so* is what became."""
    return HeadcountError(
        f"{session['path']} holds no valid metadata, so {so}; "
        "`headcount doctor` says what helps"
    )


def _only(wanted: str, found: list[Session]) -> Session:
    """Return the one session in *found*, of several archived files the newest."""
    labels = {str(session["session_id"]): session["label"] for session in found}
    if len(labels) > 1:
        told = [f"  {known}  {label or ''}".rstrip() for known, label in labels.items()]
        more = ["  ..."] if len(told) > _SHOWN_CANDIDATES else []
        raise AmbiguousIdError(
            f"{len(labels)} sessions begin with {wanted}; give more of the id",
            told[:_SHOWN_CANDIDATES] + more,
        )
    return max(found, key=lambda session: str(session["last_heartbeat"] or ""))
