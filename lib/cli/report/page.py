"""The report as one HTML file: no script, no request, readable on a phone.

`page.html.j2` is the page, `report.css` its style. Every text in it is made printable
and escaped; only the SVG, which escapes its own texts, is inserted as it is.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from ...errors import HeadcountError
from ...text import count, local_time, printable
from .. import formatting
from . import svg
from .text import (
    by_day,
    by_worktree,
    day_title,
    dollars,
    ending_of,
    hours,
    title_of,
)

if TYPE_CHECKING:
    from typing import Any

    from jinja2 import Template

    from ...views.report import Day, Report, Row, Sum
    from .text import Named

MAX_ROWS = 400
_MAX_TEXT = 200
_BEGINNING = b"<!doctype html>"
_GENERATOR = b'<meta name="generator" content="headcount report">'
_MAX_WORKTREES = 100
_COLUMNS = ("Session", "Worktree", "From", "To", "Open", "Busy", "Waiting", "Status")


def page(data: Report) -> str:
    """Return the report as HTML, of bounded size.

    Raises HeadcountError if jinja2 is not installed.
    """
    days, rows_left_out = _newest_rows(data)
    return _template().render(
        symbols=svg.SYMBOLS,
        legend=svg.legend(),
        period=_period(data),
        figures=_figures(data.total),
        has_sessions=data.total.sessions > 0,
        has_cost=bool(data.total.cost),
        by_day=_sums(by_day(data)),
        by_worktree=_sums(by_worktree(data)[:_MAX_WORKTREES]),
        worktrees_left_out=max(0, len(data.by_worktree) - _MAX_WORKTREES),
        max_rows=MAX_ROWS,
        rows_left_out=rows_left_out,
        timelines=[
            (day_title(day.name), _timeline(day, number))
            for number, day in enumerate(days)
        ],
        columns=_COLUMNS,
        table=[_cells(row) for day in days for row in day.rows],
    )


def is_report(head: bytes) -> bool:
    """Whether a file that begins with *head* is a page of Headcount."""
    return head.startswith(_BEGINNING) and _GENERATOR in head


def _template() -> Template:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError:
        raise HeadcountError(
            f"the page needs the package jinja2, which {sys.executable} does not have; "
            "run ./install.sh again, or install it with pip"
        ) from None
    environment = Environment(
        loader=FileSystemLoader(os.path.dirname(__file__)),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.j2")


def _printable(value: object) -> object:
    return printable(value, _MAX_TEXT) if type(value) is str else value


def _newest_rows(data: Report) -> tuple[list[Day], int]:
    """Return the days with at most MAX_ROWS rows, and how many rows are left out.

    The last day comes first; within a day, the session that began first.
    """
    left, days = MAX_ROWS, []
    for day in reversed(data.days):
        rows = day.rows[max(0, len(day.rows) - left) :] if left else []
        left -= len(rows)
        if rows:
            days.append(day._replace(rows=rows))
    return days, sum(len(day.rows) for day in data.days) - MAX_ROWS + left


def _period(data: Report) -> str:
    zone = time.strftime("%Z", time.localtime(data.until))
    return f"{local_time(data.since)} to {local_time(data.until)}, {zone}"


def _figures(total: Sum) -> list[tuple[str, str]]:
    figures = [
        (str(total.sessions), "session" if total.sessions == 1 else "sessions"),
        (hours(total.open), "open"),
        (hours(total.busy), "busy"),
        (hours(total.waiting), "waiting for you"),
    ]
    return [*figures, (dollars(total.cost), "cost")] if total.cost else figures


def _sums(sums: list[Named]) -> list[dict[str, Any]]:
    """Return the rows of a table; a bar's percentages are of the longest bar."""
    longest = max((each.open for _, each in sums if each), default=0.0) or 1.0
    return [
        {"name": name, **(_sum(each, longest) if each else {})} for name, each in sums
    ]


def _sum(each: Sum, longest: float) -> dict[str, Any]:
    return {
        "sessions": each.sessions,
        "open": hours(each.open),
        "busy": hours(each.busy),
        "waiting": hours(each.waiting),
        "cost": dollars(each.cost),
        "has_bar": each.open > 0,
        "busy_percent": f"{100 * each.busy / longest:.1f}",
        "rest_percent": f"{100 * (each.open - each.busy) / longest:.1f}",
    }


def _timeline(day: Day, number: int) -> str:
    sessions = count(len(day.rows), "session")
    title = f"Timeline of {day_title(day.name)}, {sessions}"
    return "\n".join(svg.timeline(day, title, day.rows, number))


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{title_of(row)} ({row.session['session_id'][:8]})",
        formatting.place(*row.place),
        local_time(row.begin),
        local_time(row.end),
        hours(row.seconds()),
        hours(row.seconds("busy")),
        hours(row.seconds("waiting")),
        ending_of(row),
    )
