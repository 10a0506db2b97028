"""`headcount resume`: continue a session in this terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...errors import HeadcountError
from ...fleet import find, hosts
from ...terminals import place
from ...terminals.place import Place
from ...views import session_view
from .. import resumption

if TYPE_CHECKING:
    from argparse import Namespace

    from ...fleet.find import Found


def run(args: Namespace) -> int:
    """Become the client that resumes the session; of a live one, with a fork of it."""
    session = find.find(args.id, args.on, time.time())
    problem = why_not(session, _places(session))
    if problem and not args.force:
        raise HeadcountError(problem)
    if "on" in session:
        from ...fleet import ssh

        force = ["--force"] if args.force else []
        ssh.attach(session["on"], ["resume", *force, "--", session["session_id"]])
    resumption.start(resumption.of_session(session, fork=bool(problem)))  # type: ignore[arg-type]
    return 0


def why_not(session: Found, places: list[Place]) -> str:
    """Say that *session* is open in *places*, or may be elsewhere; "" if neither."""
    name = hosts.full_name(session)
    fork = f"`headcount resume --force {name}` resumes a fork of it"
    if places:
        where = ", ".join(each.with_pid() for each in places)
        return f"{name} is open in {where}; `headcount go {name}` goes there, {fork}"
    if session["verdict"] == "unknown":
        reason = session_view.reason_of(session)  # type: ignore[arg-type]
        return f"{name} may be open elsewhere: {reason}; {fork}"
    return ""


def _places(session: Found) -> list[Place]:
    """Return where the session is open, of another machine as it says."""
    if "on" in session:
        return [Place.from_object(each) for each in session["open_in"]]  # type: ignore[typeddict-item]
    return place.of_session(session)
