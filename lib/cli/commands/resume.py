"""`headcount resume`: continue a session in this terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...errors import HeadcountError
from ...terminals import place
from ...views import lookup
from .. import resumption

if TYPE_CHECKING:
    from argparse import Namespace

    from ...terminals.place import Place
    from ...views.session_view import SessionView


def run(args: Namespace) -> int:
    """Become the client that resumes the session; of a live one, with a fork of it."""
    session = lookup.find(args.id, time.time())
    problem = why_not(session, place.of_session(session))
    if problem and not args.force:
        raise HeadcountError(problem)
    resumption.start(resumption.of_session(session, fork=bool(problem)))
    return 0


def why_not(session: SessionView, places: list[Place]) -> str:
    """Say that *session* is open in *places*, or may be elsewhere; "" if neither."""
    session_id = session["session_id"]
    fork = f"`headcount resume --force {session_id}` resumes a fork of it"
    if places:
        where = ", ".join(f"pid {each.pid}, {each}" for each in places)
        goes = f"`headcount go {session_id}` goes there"
        return f"{session_id} is open in {where}; {goes}, {fork}"
    if session["verdict"] == "unknown":
        return f"{session_id} may be open elsewhere: {session['reasons'][0]}; {fork}"
    return ""
