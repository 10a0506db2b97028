"""`headcount list`: the sessions on record, who waits for you first."""

from __future__ import annotations

import time

from .. import lookup, output, render, sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ..render import Session


def run(asked: Namespace) -> int:
    """List the sessions asked for."""
    now = time.time()
    known = lookup.discover(now, archived=False)
    if asked.all:
        known += lookup.discover(now, archived=True)
    shown = lookup.in_this_tree(known) if asked.here else known
    if asked.json:
        output.write([render.as_json(shown)])
    elif not shown:
        _say_none(known)
    else:
        short = render.short_ids(session["session_id"] for session in known)
        columns, colour = output.terminal()
        output.write(
            render.table(shown, short, now=now, columns=columns, colour=colour)
        )
    return 0


def _say_none(known: list[Session]) -> None:
    if known:
        output.say("no session in this working tree; `headcount list` shows the others")
    else:
        output.say(
            f"no sessions in {sessions.SESSIONS_DIR} now; `headcount list --all` shows "
            "archived ones, `headcount doctor` whether the hooks are in place"
        )
