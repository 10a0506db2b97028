"""Resumes sessions in windows of tmux: each once, and never a live one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .. import file_lock
from ..errors import HeadcountError
from ..terminals import place
from ..terminals.windows import OUR_SESSION, TmuxWindows
from ..text import printable
from ..views import lookup, session_view
from . import output, resumption

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..views.session_view import SessionView

_MAX_NAME = 30
_ID_LENGTH = 8


def open_windows(sessions: Iterable[SessionView]) -> bool:
    """Open a window for each of *sessions*; return whether all could be resumed."""
    windows = TmuxWindows()
    opened = [_report(session, windows) for session in sessions]
    if any(opened) and not windows.in_tmux:
        output.message(f"`tmux attach -t {OUR_SESSION}` shows them")
    return all(opened)


def _report(session: SessionView, windows: TmuxWindows) -> bool:
    try:
        window = file_lock.with_lock(session["path"], lambda: _open(session, windows))
    except (HeadcountError, FileNotFoundError) as error:
        output.message(f"{session['session_id']} was not resumed: {error}")
        return False
    output.write(
        [printable(f"{window}  {session['session_id']}  {_name(session)}", 200)]
    )
    return True


def _open(session: SessionView, windows: TmuxWindows) -> str:
    """Open a window unless there is one, or the session has come back.

    Under the session's lock: of two that do this at once, the second sees what the
    first has opened, although no hook of the new client has run yet.
    """
    session_id = session["session_id"]
    now = lookup.find(session_id, time.time())
    if now["verdict"] == "unknown":
        raise HeadcountError(f"it may be open elsewhere: {session_view.reason_of(now)}")
    if places := place.of_session(now):
        raise HeadcountError(f"it is open in {places[0].with_pid()}")
    if window := windows.find(session_id):
        raise HeadcountError(f"it is being resumed in tmux {window}")
    start = resumption.of_session(now)
    return windows.open(_name(now), start.folder, resumption.command(start))


def _name(session: SessionView) -> str:
    name = session_view.name_of(session) or session["session_id"][:_ID_LENGTH]
    return printable(name, _MAX_NAME)
