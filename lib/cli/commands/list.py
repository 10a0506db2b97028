"""`headcount list`: the sessions on record, who waits for you first."""

from __future__ import annotations

import time

from ... import sessions
from ...errors import UsageError
from ...record import timestamps
from ...text import printable
from ...views import lookup, neighbours, session_view
from .. import output, time_spec
from ..suggest import did_you_mean
from ..terminal import session_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from ...model import Session

_STATES = ("waiting", "busy", "idle", "closed")
_VERDICTS = ("alive", "unknown", "stale", "dead", "unreadable")


def run(args: Namespace) -> int:
    """List the sessions asked for."""
    if args.quiet and args.json:
        raise UsageError("--quiet and --json exclude each other")
    now = time.time()
    wanted = _conditions(args, now)
    known = lookup.discover(now, archived=False)
    if args.all:
        known += lookup.discover(now, archived=True)
    neighbours.annotate(known)
    kept = [session for session in known if all(holds(session) for holds in wanted)]
    shown = session_table.ordered(kept, args.sort)
    if args.json:
        output.write([session_view.as_json(shown)])
    elif args.quiet:
        output.write([printable(one["session_id"], output.MAX_LINE) for one in shown])
    elif shown:
        _write_table(shown, known, now)
    else:
        _say_none(known, here_only=args.here and len(wanted) == 1)
    return 0


def _write_table(shown: list[Session], known: list[Session], now: float) -> None:
    short = session_view.short_ids(session["session_id"] for session in known)
    columns, colour = output.terminal()
    output.write(
        session_table.table(shown, short, now=now, columns=columns, colour=colour)
    )


def _say_none(known: list[Session], *, here_only: bool) -> None:
    if here_only and known:
        output.message(
            "no session in this working tree; `headcount list` shows the others"
        )
    elif known:
        output.message("no session is such; `headcount list` shows the others")
    else:
        output.message(
            f"no sessions in {sessions.SESSIONS_DIR} now; `headcount list --all` shows "
            "archived ones, `headcount doctor` whether the hooks are in place"
        )


# ---- Which ones -----------------------------------------------------------------


def _conditions(args: Namespace, now: float) -> list[Callable[[Session], bool]]:
    """Return what a session must be to be listed; raise UsageError."""
    wanted: list[Callable[[Session], bool]] = []
    if args.here:
        here = lookup.current_tree()
        wanted.append(lambda session: session["tree"] == here)
    if args.state:
        states = _states(args.state)
        wanted.append(lambda session: bool(states & _described_by(session)))
    if args.since is not None:
        earliest = time_spec.moment(args.since, now)
        wanted.append(lambda session: _last_sign(session) >= earliest)
    return wanted


def _states(given: list[str]) -> set[str]:
    states = {name.strip() for text in given for name in text.split(",")}
    for unknown in sorted(states.difference(_STATES, _VERDICTS)):
        hint = did_you_mean(unknown, [*_STATES, *_VERDICTS])
        raise UsageError(
            f"{ascii(unknown)[:80]} is no state{hint}; there are {', '.join(_STATES)}, "
            f"and the verdicts {', '.join(_VERDICTS)}"
        )
    return states


def _described_by(session: Session) -> set[str]:
    """Return the words that `--state` finds the session by."""
    closed = ["closed"] * (session["state"] == "closed")
    return {session_view.state_of(session), session["verdict"] or "unreadable", *closed}


def _last_sign(session: Session) -> float:
    return timestamps.parse(session["last_heartbeat"]) or float("-inf")
