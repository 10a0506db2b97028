"""`headcount restore`: bring sessions back from the archive."""

from __future__ import annotations

import time

from ... import sessions
from ...record import verdict
from ...views import lookup
from .. import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ...views.session_view import SessionView


def run(args: Namespace) -> int:
    """Restore each session and print its path; with an unknown id, restore none."""
    now = time.time()
    matches = lookup.find_all(args.ids, now, archived_first=True)
    for session in matches:
        session_id = str(session["session_id"])
        if session["verdict"] is None:
            raise lookup.unreadable_error(session, "it was not restored")
        output.write([str(sessions.restore_session(session_id))])
        _warn(session, session_id)
    return 0


def _warn(session: SessionView, session_id: str) -> None:
    if not session["archived"]:
        output.message(f"{session_id} was not in the archive; it is live")
    elif session["verdict"] in verdict.FINISHED:
        output.message(
            f"{session_id} is {session['verdict']}: unless it is resumed, the next "
            "cleanup archives it again"
        )
