"""`headcount recover`: what a crash or a reboot ended, and the lines that resume it."""

from __future__ import annotations

import time

from ...errors import UsageError
from ...text import count
from ...views import lookup, recovery, session_view
from .. import output, time_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ...model import Session

_DAY = 86_400


def run(args: Namespace) -> int:
    """List the sessions that ended without a goodbye, or print what resumes them."""
    if args.json and args.print0:
        raise UsageError("--json and --print0 are two forms; ask for one of them")
    now = time.time()
    live, archived = (lookup.discover(now, archived=known) for known in (False, True))
    found = recovery.lost(live, archived)
    found = lookup.in_this_tree(found) if args.here else found
    choice = recovery.choose(found, _since(args, now))
    chosen = found if args.all else choice.chosen
    if args.json:
        output.write([session_view.as_json(chosen)])
    elif args.print0:
        _print0(chosen)
    else:
        _show(chosen, [*live, *archived], now)
    _say_what_is_left_out(args, chosen, choice)
    return 0


def _since(args: Namespace, now: float) -> float:
    if args.since is None:
        return now - recovery.DEFAULT_DAYS * _DAY
    if args.all:
        raise UsageError("--all has no beginning; leave --since or --all out")
    return time_spec.moment(args.since, now)


def _show(chosen: list[Session], known: list[Session], now: float) -> None:
    short = session_view.short_ids(str(session["session_id"]) for session in known)
    columns, _ = output.terminal()
    groups = recovery.by_boot(chosen, now)
    output.write(recovery.lines(groups, short, now=now, columns=columns))


def _print0(chosen: list[Session]) -> None:
    """Print the lines for `xargs -0`; where there is no folder to go to, none."""
    ready = [session for session in chosen if not session["folder_gone"]]
    output.write_text("".join(f"{session['resume']}\0" for session in ready))
    if len(ready) < len(chosen):
        gone = count(len(chosen) - len(ready), "session")
        output.message(f"left out: {gone} whose folder is gone")


def _say_what_is_left_out(
    args: Namespace, chosen: list[Session], choice: recovery.Choice
) -> None:
    if not chosen and not choice.left_out:
        output.message("no session ended without a goodbye")
    if choice.left_out and not args.all:
        told = ", ".join(f"{count} {why}" for why, count in choice.left_out.items())
        output.message(f"left out: {told}; `headcount recover --all` lists them")
