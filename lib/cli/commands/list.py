"""`headcount list`: the sessions, those that wait for you first."""

from __future__ import annotations

import time

from ... import sessions
from ...errors import UsageError
from ...record import schema, timestamps
from ...text import printable
from ...views import lookup, neighbours, session_view
from .. import formatting, output, time_spec
from ..suggest import did_you_mean
from ..terminal import session_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from ...views.session_view import SessionView

_VERDICTS = (*schema.VERDICTS, "unreadable")


def run(args: Namespace) -> int:
    """List the sessions asked for."""
    if args.quiet and args.json:
        raise UsageError("--quiet and --json exclude each other")
    now = time.time()
    conditions = _conditions(args, now)
    sessions = lookup.discover(now, archived=False)
    if args.all:
        sessions += lookup.discover(now, archived=True)
    sessions = neighbours.annotate(sessions)
    if not (args.quiet or args.json):  # scripts get sessions only
        sessions += neighbours.annotate(lookup.awaiting_trust(now))
    matches = [s for s in sessions if all(holds(s) for holds in conditions)]
    matches = session_table.ordered(matches, args.sort)
    if args.json:
        output.write([formatting.as_json({"sessions": matches})])
    elif args.quiet:
        output.write([printable(s["session_id"], output.MAX_LINE) for s in matches])
    elif matches:
        _write_table(matches, formatting.short_ids(sessions), now)
    else:
        _report_none(sessions, here_only=args.here and len(conditions) == 1)
    return 0


def _write_table(matches: list[SessionView], short: dict[str, str], now: float) -> None:
    columns, colour = output.terminal()
    lines = session_table.table(matches, short, now=now, columns=columns, colour=colour)
    output.write(lines)


def _report_none(known: list[SessionView], *, here_only: bool) -> None:
    if here_only and known:
        output.message(
            "no session in this working tree; `headcount list` shows the others"
        )
    elif known:
        output.message("no session matches; `headcount list` shows the others")
    else:
        output.message(
            f"no sessions in {sessions.SESSIONS_DIR} now; `headcount list --all` shows "
            "archived ones, `headcount doctor` whether the hooks are in place"
        )


# ---- Conditions -----------------------------------------------------------------


def _conditions(args: Namespace, now: float) -> list[Callable[[SessionView], bool]]:
    """Return the conditions for a session to be listed; raise UsageError."""
    conditions: list[Callable[[SessionView], bool]] = []
    if args.here:
        current = lookup.current_worktree()
        conditions.append(lambda session: session["worktree"] == current)
    if args.state:
        states = _states(args.state)
        conditions.append(lambda session: bool(states & _words(session)))
    if args.since is not None:
        earliest = time_spec.moment(args.since, now)
        conditions.append(lambda session: _last_heartbeat(session) >= earliest)
    return conditions


def _states(given: list[str]) -> set[str]:
    states = {name.strip() for text in given for name in text.split(",")}
    for unknown in sorted(states.difference(schema.STATES, _VERDICTS)):
        hint = did_you_mean(unknown, [*schema.STATES, *_VERDICTS])
        raise UsageError(
            f"{ascii(unknown)[:80]} is not a valid state{hint}; the states are "
            f"{', '.join(schema.STATES)}, and the verdicts {', '.join(_VERDICTS)}"
        )
    return states


def _words(session: SessionView) -> set[str]:
    """Return the words by which `--state` finds the session."""
    closed = ["closed"] * (session["state"] == "closed")
    return {session_view.state_of(session), session["verdict"] or "unreadable", *closed}


def _last_heartbeat(session: SessionView) -> float:
    return timestamps.parse(session["last_heartbeat"]) or float("-inf")
