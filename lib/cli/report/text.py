"""The report as text, and the phrases that it shares with the HTML page."""

from __future__ import annotations

from datetime import date

from ...text import count, printable
from ...views import local_days, spans
from ...views.report import HOUR
from .. import formatting
from ..terminal.width import truncate, truncate_start, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...views.report import Report, Row, Sum

_FIGURES, _COST = "  sessions      open      busy", "      cost"
_MIN_COLUMNS = 8  # of a name, and of a bar
_MAX_BAR = 40


def lines(report: Report, columns: int, characters: tuple[str, str]) -> list[str]:
    """Return the report as text with bars, at most *columns* wide.

    Of the *characters* of a bar, the first is for the busy hours, the other for the
    rest.
    """
    legend = "{} busy  {} open, but not busy".format(*characters)
    lines = [headline(report), legend]
    tables = {"by day": by_day(report), "by worktree": by_worktree(report)}
    names = max(width(name) for sums in tables.values() for name, _ in sums)
    figures = _FIGURES + _COST * bool(report.total.cost)
    names = min(names, max(_MIN_COLUMNS, columns - len(figures)))
    for heading, sums in tables.items():
        lines += ["", f"{heading:<{names}}{figures}"]
        lines += _bars(sums, names, columns - len(figures), characters)
    return [truncate(line, columns) for line in lines]


def _bars(
    sums: list[tuple[str, Sum]], names: int, columns: int, characters: tuple[str, str]
) -> Iterator[str]:
    """Yield a line for each sum; *columns* is the room for names and bars together."""
    room = min(_MAX_BAR, columns - names - 2)
    with_cost = any(total.cost for _, total in sums)
    longest = max((total.open for _, total in sums), default=0.0)
    for name, total in sums:
        label = truncate_start(name, names)
        label += " " * (names - width(label))
        figures = f"{total.sessions:>10}{hours(total.open):>10}{hours(total.busy):>10}"
        figures += f"{f'${total.cost or 0:.2f}':>10}" * with_cost
        bar = ""
        if room >= _MIN_COLUMNS and total.open:
            bar = _bar(total, room / longest, *characters)
        yield f"{label}{figures}  {bar}".rstrip()


def _bar(total: Sum, scale: float, busy_char: str, open_char: str) -> str:
    """Return a bar of *scale* characters a second; the busy part is never invisible."""
    length = max(1, round(scale * total.open))
    busy = round(scale * total.busy) or bool(total.busy)
    return busy_char * busy + open_char * (length - busy)


# ---- Phrases --------------------------------------------------------------------


def headline(report: Report) -> str:
    """Return the time and the totals of the report in one line."""
    total = report.total
    return (
        f"{local_days.name(report.since)} to {local_days.name(report.until)}: "
        f"{count(total.sessions, 'session')}, "
        f"open {hours(total.open)}, busy {hours(total.busy)}"
    )


def by_day(report: Report) -> list[tuple[str, Sum]]:
    """Return the sums of the days, each with its title."""
    return [(day_title(str(day.name)), day) for day in report.by_day]


def by_worktree(report: Report) -> list[tuple[str, Sum]]:
    """Return the sums of the worktrees, each as in `~/shop (main)`."""
    return [(formatting.place(s.name, s.branch), s) for s in report.by_worktree]


def day_title(day: str) -> str:
    """Return the day with its weekday: `Wed 2026-11-25`."""
    return date.fromisoformat(day).strftime("%a %Y-%m-%d")


def hours(seconds: float) -> str:
    """Return *seconds* as hours with one decimal."""
    return f"{seconds / HOUR:.1f} h"


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
        reason = printable(str(session.get("close_reason", "other")), 40)
        return f"closed ({reason})"
    if ending == spans.LOST:
        return "dead, never closed"
    return str(session["verdict"])
