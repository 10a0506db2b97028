"""The report as text, and the phrases that it shares with the HTML page."""

from __future__ import annotations

from datetime import date
from itertools import groupby

from ...text import count, printable
from ...views import local_days, spans
from ...views.report import HOUR
from .. import formatting
from ..terminal.width import truncate, truncate_middle, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...views.report import Report, Row, Sum

    Named = tuple[str, Sum | None]

_FIGURES, _COST = "  sessions      open      busy", "      cost"
_MIN_BAR, _MAX_BAR = 12, 40
_GAP = "  "
_CLOSED = {
    "clear": "closed by /clear",
    "resume": "closed to resume another session",
    "logout": "closed by logging out",
    "prompt_input_exit": "closed at the prompt",
    "bypass_permissions_disabled": "closed, since permissions may not be bypassed",
    "replaced": "closed when its process began another session",
    "other": "closed",
}


def lines(report: Report, columns: int, characters: tuple[str, str]) -> list[str]:
    """Return the report as text with bars, at most *columns* wide.

    Of the *characters* of a bar, the first is for the busy hours, the other for the
    rest. Names are shortened so that there is room for bars of _MIN_BAR, but not to
    less than a heading. Without a session it is one line.
    """
    if not report.total.sessions:
        return [headline(report)]
    legend = "{} busy  {} open, but not busy".format(*characters)
    lines = [headline(report), legend]
    tables = {"by day": by_day(report), "by worktree": by_worktree(report)}
    figures = _FIGURES + _COST * bool(report.total.cost)
    longest = max(
        width(name) for sums in tables.values() for name, total in sums if total
    )
    room = columns - len(figures) - len(_GAP) - _MIN_BAR
    names = max(*map(len, tables), min(longest, room))
    for heading, sums in tables.items():
        lines += ["", f"{heading:<{names}}{figures}"]
        lines += _bars(sums, names, columns - len(figures), characters)
    return [truncate(line, columns) for line in lines]


def _bars(
    sums: list[Named], names: int, columns: int, characters: tuple[str, str]
) -> Iterator[str]:
    """Yield a line for each sum; *columns* is the room for names and bars together."""
    room = max(1, min(_MAX_BAR, columns - names - len(_GAP)))
    with_cost = any(total and total.cost for _, total in sums)
    longest = max((total.open for _, total in sums if total), default=0.0)
    for name, total in sums:
        if total is None:
            yield name
            continue
        label = truncate_middle(name, names)
        label += " " * (names - width(label))
        figures = f"{total.sessions:>10}{hours(total.open):>10}{hours(total.busy):>10}"
        figures += f"{dollars(total.cost):>10}" * with_cost
        bar = _bar(total, room / longest, *characters) if total.open else ""
        yield f"{label}{figures}{_GAP}{bar}".rstrip()


def _bar(total: Sum, scale: float, busy_char: str, open_char: str) -> str:
    """Return a bar of *scale* characters a second; the busy part is never invisible."""
    length = max(1, round(scale * total.open))
    busy = round(scale * total.busy) or bool(total.busy)
    return busy_char * busy + open_char * (length - busy)


# ---- Phrases --------------------------------------------------------------------


def headline(report: Report) -> str:
    """Return the time and the totals of the report in one line."""
    total = report.total
    period = f"{local_days.name(report.since)} to {local_days.name(report.until)}"
    if not total.sessions:
        return f"{period}: no session was open"
    return (
        f"{period}: {count(total.sessions, 'session')}, "
        f"open {hours(total.open)}, busy {hours(total.busy)}"
    )


def by_day(report: Report) -> list[Named]:
    """Return the sums of the days, each with its title.

    Days in a row without a session are one item, which has no sum.
    """
    named: list[Named] = []
    for has_session, days in groupby(report.by_day, lambda day: day.sessions > 0):
        if has_session:
            named += [(day_title(str(day.name)), day) for day in days]
        else:
            named.append((f"{count(len([*days]), 'day')} without a session", None))
    return named


def by_worktree(report: Report) -> list[Named]:
    """Return the sums of the worktrees, each as in `~/shop (main)`."""
    return [(formatting.place(s.name, s.branch), s) for s in report.by_worktree]


def day_title(day: str) -> str:
    """Return the day with its weekday: `Wed 2026-11-25`."""
    return date.fromisoformat(day).strftime("%a %Y-%m-%d")


def hours(seconds: float) -> str:
    """Return *seconds* as hours with one decimal."""
    return f"{seconds / HOUR:.1f} h"


def dollars(cost: float | None) -> str:
    """Return *cost*, in dollars, with cents."""
    return f"${cost or 0:.2f}"


def title_of(row: Row) -> str:
    """Return the session's label, or else the start of its id, as one line."""
    session = row.session
    return printable(session["label"] or session["session_id"][:8], formatting.MAX_TEXT)


def ending_of(row: Row) -> str:
    """Return how the session ended, or its state now, in a few words."""
    session, ending = row.session, row.periods[-1].ending
    if ending == spans.CONTINUES:
        return ending
    if session["verdict"] == "alive":
        return f"alive, {session['state']}"
    if session["state"] == "closed":
        reason = str(session.get("close_reason", "other"))
        return _CLOSED.get(reason) or f"closed ({printable(reason, 40)})"
    if ending == spans.LOST:
        return "dead, never closed"
    return str(session["verdict"])
