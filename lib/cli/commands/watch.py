"""`headcount watch`: the sessions as they change, on a screen or line by line."""

from __future__ import annotations

import sys
import time

from ...errors import HeadcountError, UsageError
from ...fleet import hosts
from ...text import count, local_time, printable
from ...views import changes, lookup, session_view
from .. import formatting, notifications, output, time_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from typing import Any

    from ...fleet import poll
    from ...views.changes import Change
    from ...views.session_view import SessionView
    from ..notifications import Notifications
    from ..watch.app import Watch

    Poller = changes.Poller | poll.Poller

_INTERVALS = ("1", "5")  # seconds, of this machine and of hosts
_MIN_INTERVAL = 0.1


def run(args: Namespace) -> int:
    """Watch until the user leaves, or until the session waited for is there."""
    asked = _hosts(args)
    args.interval = _interval(args.interval or _INTERVALS[bool(asked)])
    args.timeout = time_spec.span(args.timeout) if args.timeout else None
    args.here = lookup.current_worktree() if args.here else None
    poller = _poller(args, asked)
    if args.until:
        return _wait(args, poller)
    if args.new:
        raise UsageError("--new needs --until STATE")
    if args.json or not _is_interactive():
        return _print_changes(args, poller)
    return _show(args, poller)


def _hosts(args: Namespace) -> list[str]:
    """Return the hosts to ask, none if it is about this machine or what is shared."""
    if args.fleet:
        hosts.excluded_by_fleet(hosts=args.hosts, here=args.here)
        return []
    return hosts.requested(args.hosts, without="--here" if args.here else None)


def _poller(args: Namespace, asked: list[str]) -> Poller:
    if not (asked or args.fleet):
        return changes.Poller()
    from ...fleet import poll  # imports what runs ssh

    return poll.Poller(poll.source(asked, fleet=args.fleet))


def _is_interactive() -> bool:
    """Whether there is a terminal to draw on, and a person to press keys."""
    keyboard = sys.stdin is not None and sys.stdin.isatty()
    return keyboard and output.can_draw(sys.stdout)


def _wait(args: Namespace, poller: Poller) -> int:
    """Print the first session in the state waited for; return 1 if time is up."""
    if args.on or args.exec or args.notify:
        raise UsageError("--until excludes --on, --exec and --notify")
    is_first_poll = True
    for news in _polls(args, poller):
        sessions = [*poller.sessions, *(change.session for change in news)]
        if args.new:
            new = [] if is_first_poll else news
            sessions = [c.session for c in new if changes.entered(c)]
        is_first_poll = False
        matches = [
            s
            for s in sessions
            if session_view.is_in(s, args.until) and _is_here(args, s)
        ]
        if matches:
            _print(args, _last_change(matches[0], news), poller)
            return 0
    output.message(
        f"no session was {' or '.join(args.until)} within {args.timeout:g} s"
    )
    return 1


def _print_changes(args: Namespace, poller: Poller) -> int:
    with notifications.requested(args) as requested:
        for news in _polls(args, poller):
            requested.add(_changes_here(args, news))
            for change in news:
                if _is_selected(args, change):
                    _print(args, change, poller)
    return 0


def _show(args: Namespace, poller: Poller) -> int:
    """Watch on the screen; then go to the session that was chosen, if one was."""
    problems: list[str] = []  # printed once the screen is gone
    with notifications.requested(args, problems.append) as requested:
        session = _screen(args, poller, requested).run_to_end()
    for problem in problems:
        output.message(problem)
    if session is None:
        return 0
    from . import go

    return go.go(session)


def _screen(args: Namespace, poller: Poller, requested: Notifications) -> Watch:
    """Return the interactive watch; raise HeadcountError if its package is missing."""
    try:
        from ..watch import app, source
    except ImportError as error:
        raise HeadcountError(
            f"the watch needs the package {error.name}, which {sys.executable} does "
            "not have; run ./install.sh again, or install it with pip"
        ) from None
    sessions = source.Source(
        poller,
        select=lambda sessions: _selected(args, sessions),
        tell=lambda news: requested.add(_changes_here(args, news)),
    )
    return app.Watch(
        sessions,
        lambda sessions: _summary(args, sessions),
        interval=args.interval,
        timeout=args.timeout,
    )


def _polls(args: Namespace, poller: Poller) -> Iterator[list[Change]]:
    """Poll until the time is up."""
    began = time.monotonic()
    while True:
        yield poller.poll(time.time())
        for problem in getattr(poller, "problems", ()):
            output.message(problem)
        left = float("inf")
        if args.timeout is not None:
            left = began + args.timeout - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(args.interval, left))


def _interval(text: str) -> float:
    """Return *text*, a number of seconds or a span, in seconds."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = time_spec.span(text)
    if not _MIN_INTERVAL <= seconds < float("inf"):
        raise UsageError(f"--interval must be at least {_MIN_INTERVAL} s, not {text}")
    return seconds


# ---- Selection ------------------------------------------------------------------


def _selected(args: Namespace, sessions: list[SessionView]) -> list[SessionView]:
    here = [session for session in sessions if _is_here(args, session)]
    return [s for s in here if not args.state or session_view.is_in(s, args.state)]


def _is_selected(args: Namespace, change: Change) -> bool:
    """Whether the session is here, and is or was in the state asked for."""
    now: SessionView = change.session
    before: SessionView = {**now, **change.before}  # type: ignore[typeddict-item]
    is_in = [session_view.is_in(each, args.state) for each in (now, before)]
    return (not args.state or any(is_in)) and _is_here(args, now)


def _changes_here(args: Namespace, news: list[Change]) -> list[Change]:
    return [change for change in news if _is_here(args, change.session)]


def _is_here(args: Namespace, session: SessionView) -> bool:
    return args.here is None or bool(session["worktree"] == args.here)


def _last_change(session: SessionView, news: list[Change]) -> Change:
    """Return the change of *session* in *news*; if none, it had ended before."""
    ended_before = changes.Change(changes.ENDED, session, {})
    return next((c for c in news if c.session is session), ended_before)


# ---- Lines ----------------------------------------------------------------------


def _summary(args: Namespace, sessions: list[SessionView]) -> str:
    """Return how many of *sessions* are open, and how they were selected."""
    sessions = [s for s in sessions if s["path"]]  # not who asks to trust a folder
    waiting = sum(session_view.is_in(s, ["waiting"]) for s in sessions)
    text = count(sum(map(changes.is_open, sessions)), "session")
    text += f", {waiting} waiting" if waiting and args.state != ["waiting"] else ""
    text += f", {' or '.join(args.state)} only" if args.state else ""
    text += f", in {formatting.shorten_home(args.here)}" if args.here else ""
    return text


def _print(args: Namespace, change: Change, poller: Poller) -> None:
    now = time.time()
    if args.json:
        output.write(formatting.json_lines(changes.as_object(change, now)))
        return
    short = formatting.short_ids(poller.sessions)
    output.write([printable(_line(change, short, now), output.MAX_LINE)])


def _line(change: Change, short: dict[str, str], now: float) -> str:
    session = change.session
    cells = (
        local_time(now, "%H:%M:%S"),
        *([session["on"]] if "on" in session else []),
        f"{_state(session, now if change.event == changes.STARTED else None):<7}",
        short.get(session["session_id"], session["session_id"]),
        session_view.name_of(session) or formatting.NONE,
        formatting.where(session),
        f"({_what(change)})",
    )
    return "  ".join(cells)


def _what(change: Change) -> str:
    """Return what has happened in words, such as `state was idle`."""
    if change.event == changes.CHANGED:
        return ", ".join(_differences(change.before))
    if change.event == changes.ENDED:
        return f"ended: {session_view.reason_of(change.session)}"
    return change.event


def _differences(before: dict[str, Any]) -> Iterator[str]:
    for key, value in before.items():
        if key == "stopped":
            yield "continued" if value else "stopped"
        elif key == "waiting_for" and value and "state" not in before:
            yield f"waited for {value}"
        elif key != "waiting_for":
            yield f"{key} was {value or formatting.NONE}"


def _state(session: SessionView, now: float | None) -> str:
    if session["verdict"] == "alive":
        return session_view.state_text(session, now)
    return session_view.state_of(session)
