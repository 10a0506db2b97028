"""`headcount go`: show the terminal that a session runs in, or resume the session."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...errors import HeadcountError
from ...fleet import find, hosts
from ...terminals import focus, place
from .. import output, resumption
from . import resume

if TYPE_CHECKING:
    from argparse import Namespace

    from ...fleet.find import Found
    from ...terminals.place import Place

_NOT_SHOWN = 1


def run(args: Namespace) -> int:
    """Show the terminal; return 1 if that is not possible, after saying where it is."""
    return go(find.find(args.id, args.on, time.time()))


def go(session: Found) -> int:
    """Show the terminal of *session*, or resume it, which does not return.

    Nor does this return for one of another machine: ssh takes this terminal.
    """
    if hosts.is_elsewhere(session):
        from ...fleet import ssh

        ssh.attach(session["on"], ["go", "--", session["session_id"]])
    places = place.of_session(session)
    if not places:
        if problem := resume.why_not(session, places):
            raise HeadcountError(problem)
        resumption.start(resumption.of_session(session))  # type: ignore[arg-type]
    target = next(filter(focus.can_focus, places), None)
    if target is None:
        output.write([each.with_pid() for each in places])
        output.message(why_not_shown(places))
        return _NOT_SHOWN
    others = [each.with_pid() for each in places if each is not target]
    if others:
        output.message(f"the session is also open in {'; '.join(others)}")
    focus.focus(target)
    return 0


def why_not_shown(places: list[Place]) -> str:
    """Return why the terminal of a session in *places* cannot be shown."""
    if any(each.tty for each in places):
        return "its terminal offers no way to show it; go there yourself"
    return "it runs without a terminal"
