"""What the keys do to a session; the results are messages for people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ... import sessions
from ...errors import HeadcountError
from ...fleet import hosts
from ...store import archive
from ...terminals import focus, place
from ...text import printable
from ...views import session_view
from .. import resumption
from ..commands import go, resume

if TYPE_CHECKING:
    from ...views.session_view import SessionView

_MAX_MESSAGE = 4096
_LOCK_SECONDS = 2.0


def show_terminal(session: SessionView) -> str | None:
    """Show the terminal of *session*. Errors are messages too.

    None if that takes this terminal: to attach it to another, or to resume a session.
    """
    try:
        places = place.of_session(session)
        if not places:
            if problem := resume.why_not(session, places):
                return problem
            resumption.of_session(session)  # raises an error if it cannot be resumed
            return None
        target = next(filter(focus.can_focus, places), None)
        if target is None:
            where = ", ".join(each.with_pid() for each in places)
            return f"{where}: {go.why_not_shown(places)}"
        if focus.attaches(target):
            return None
        focus.focus(target)
    except HeadcountError as error:
        return printable(str(error), _MAX_MESSAGE)
    return f"showing {target}"


def elsewhere(session: SessionView) -> str:
    """Say that *session* is on another machine; "" if it is on this one."""
    if not hosts.is_elsewhere(session):
        return ""
    return f"{name(session)} is on {session['on']}; Enter goes there"


def resume_command(session: SessionView) -> str | None:
    """Return the command that resumes the session, or goes to it if it is elsewhere."""
    if hosts.is_elsewhere(session):
        return hosts.go_command(session["on"], session["session_id"])
    return session_view.resume_command(session)


def label(session: SessionView, text: str) -> str:
    """Set the label of *session*; an empty one removes it. Errors are messages too."""
    entry = {"type": "session_update", "label": text, "source": "person"}
    try:
        sessions.append_to_session(session["session_id"], entry)
    except (HeadcountError, OSError) as error:
        return _failure("label", session, error)
    return f"labelled {name(session)} {printable(text, _MAX_MESSAGE)}".rstrip()


def archive_ended(session: SessionView) -> str:
    """Archive *session* if it is dead or stale. Errors are messages too."""
    try:
        moved = archive.archive_finished(
            session["path"], now=time.time(), timeout=_LOCK_SECONDS
        )
    except (HeadcountError, OSError) as error:
        return _failure("archive", session, error)
    if moved is None:
        return (
            f"{name(session)} has not ended; only dead and stale sessions are archived"
        )
    return f"archived {name(session)}; `headcount restore` brings it back"


def _failure(verb: str, session: SessionView, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return printable(
        f"cannot {verb} {session['path']}: {reason or error}", _MAX_MESSAGE
    )


def name(session: SessionView) -> str:
    """Return the session's name, else its id."""
    text = session_view.name_of(session) or session["session_id"]
    return printable(text, _MAX_MESSAGE)
