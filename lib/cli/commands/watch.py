"""`headcount watch`: the sessions as they come and go, on a screen or line by line."""

from __future__ import annotations

import time

from ...errors import UsageError
from ...text import count, local_time, printable
from ...views import changes, lookup, session_view
from .. import formatting, output, time_spec
from ..terminal import screen, session_table
from ..terminal.width import truncate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

    from ...model import Session
    from ...views.changes import Change, Lookout

_SHORTEST_INTERVAL = 0.1


def run(args: Namespace) -> int:
    """Watch until it is left, or until what was waited for has come."""
    args.interval = _interval(args.interval)
    args.timeout = time_spec.span(args.timeout) if args.timeout else None
    args.here = lookup.current_worktree() if args.here else None
    if args.until:
        return _wait(args)
    if args.json or not screen.is_possible():
        return _tell(args)
    return _show(args)


def _wait(args: Namespace) -> int:
    """Print the first session that is in the state waited for; 1 if time is up."""
    lookout = changes.Lookout()
    for came in _looks(args, lookout, _sleep):
        known = [*lookout.sessions, *(change.session for change in came)]
        there = [one for one in known if _is(one, args.until) and _is_here(args, one)]
        if there:
            _write(args, _how_it_came(there[0], came), lookout)
            return 0
    output.message(f"no session was {args.until} within {args.timeout:g} s")
    return 1


def _tell(args: Namespace) -> int:
    lookout = changes.Lookout()
    for came in _looks(args, lookout, _sleep):
        for change in came:
            if _is_asked_for(args, change):
                _write(args, change, lookout)
    return 0


def _show(args: Namespace) -> int:
    lookout = changes.Lookout()
    with screen.Screen() as display:
        for _ in _looks(args, lookout, display.pause):
            display.draw(_frame(args, lookout, *display.size()))
    return 0


def _looks(
    args: Namespace, lookout: Lookout, pause: Callable[[float], bool]
) -> Iterator[list[Change]]:
    """Look again and again, until the time is up or *pause* says to leave."""
    began = time.monotonic()
    while True:
        yield lookout.look(time.time())
        left = float("inf")
        if args.timeout is not None:
            left = began + args.timeout - time.monotonic()
        if left <= 0 or not pause(min(args.interval, left)):
            return


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return True


def _interval(text: str) -> float:
    """Return the seconds that *text* means: a number of them, or a span."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = time_spec.span(text)
    if not _SHORTEST_INTERVAL <= seconds < float("inf"):
        raise UsageError(f"--interval is {_SHORTEST_INTERVAL} s or more, not {text}")
    return seconds


# ---- Which ----------------------------------------------------------------------


def _those_asked_for(args: Namespace, lookout: Lookout) -> list[Session]:
    known = [one for one in lookout.sessions if _is_here(args, one)]
    return [one for one in known if not args.state or _is(one, args.state)]


def _is_asked_for(args: Namespace, change: Change) -> bool:
    """Whether the session is here, and is in the state asked for or has left it."""
    now, before = change.session, {**change.session, **change.before}
    in_state = not args.state or _is(now, args.state) or _is(before, args.state)
    return in_state and _is_here(args, now)


def _is(session: Session, state: str) -> bool:
    return session_view.state_of(session) == state


def _is_here(args: Namespace, session: Session) -> bool:
    if args.here is None:
        return True
    return bool(session["worktree"] == args.here)


def _how_it_came(session: Session, came: list[Change]) -> Change:
    """Return the change that brought the session where it is; there is one to be."""
    for change in came:
        if change.session is session:
            return change
    return changes.Change(changes.ENDED, session, {})


# ---- What is shown --------------------------------------------------------------


def _frame(args: Namespace, lookout: Lookout, columns: int, rows: int) -> list[str]:
    """Return the lines of the screen, the last of which says what there is."""
    shown = _those_asked_for(args, lookout)
    body = _table(shown, lookout, columns) if shown else []
    room = rows - 1
    if len(body) > room:
        more = len(body) - max(0, room - 1)
        body = [*body[: max(0, room - 1)], f"\N{HORIZONTAL ELLIPSIS} and {more} more"]
    body = body[:room] + [""] * (room - len(body))
    return [*body, truncate(_summary(args, shown), columns)]


def _table(shown: list[Session], lookout: Lookout, columns: int) -> list[str]:
    """Return the table of `headcount list`."""
    _, colour = output.terminal()
    return session_table.table(
        session_table.ordered(shown),
        _short(lookout),
        now=time.time(),
        columns=columns,
        colour=colour,
    )


def _summary(args: Namespace, shown: list[Session]) -> str:
    """Say how many of *shown* are on, and what is left out of sight."""
    waiting = sum(_is(one, "waiting") for one in shown)
    told = count(sum(map(changes.is_on, shown)), "session")
    told += f", {waiting} waiting" if waiting and args.state != "waiting" else ""
    told += f", {args.state} only" if args.state else ""
    told += f", in {formatting.shorten_home(args.here)}" if args.here else ""
    return f"{told}; q leaves"


def _write(args: Namespace, change: Change, lookout: Lookout) -> None:
    now = time.time()
    if args.json:
        output.write([formatting.as_json(changes.as_object(change, now))])
        return
    output.write([printable(_line(change, _short(lookout), now), output.MAX_LINE)])


def _line(change: Change, short: dict[str, str], now: float) -> str:
    session = change.session
    how = change.event
    if how == changes.CHANGED:
        how = ", ".join(f"{key} was {was}" for key, was in change.before.items())
    elif how == changes.ENDED:
        how = f"ended: {session['reasons'][0]}"
    told = (
        local_time(now, "%H:%M:%S"),
        f"{session_view.state_of(session):<7}",
        short.get(session["session_id"]) or str(session["session_id"]),
        str(session["label"] or formatting.NONE),
        formatting.where(session),
        f"({how})",
    )
    return "  ".join(told)


def _short(lookout: Lookout) -> dict[str, str]:
    return formatting.short_ids(str(one["session_id"]) for one in lookout.sessions)
