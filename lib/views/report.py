"""What sessions did over some days: hours open and busy, by day and by tree.

Hours are sums over sessions: two that are open for the same hour make two. Busy is a
session from the sign that says so to the next.
"""

from __future__ import annotations

from itertools import chain, pairwise
from typing import NamedTuple

from .. import sessions
from ..cli.terminal.width import truncate
from ..record import timestamps
from ..text import count, printable
from . import local_days, lookup, session_view, spans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ..model import Session
    from .spans import Part

_HOUR = 3600
_FIGURES = "  sessions      open      busy"
_NARROWEST = 8
_WIDEST_BAR = 40
_LABEL_LENGTH = 4096
_ID_LENGTH = 8


class Row(NamedTuple):
    """A session, and its parts within the report's time."""

    session: Session
    tree: str
    parts: list[Part]

    @property
    def begin(self) -> float:
        """When the first part began, in epoch seconds."""
        return self.parts[0].begin

    @property
    def end(self) -> float:
        """When the last part ended, in epoch seconds."""
        return self.parts[-1].end

    def seconds(self, state: str = "") -> float:
        """Return how long it was open, or in *state* if given."""
        return sum(
            span.end - span.begin
            for part in self.parts
            for span in part.spans
            if state in ("", span.state)
        )


class Sum(NamedTuple):
    """How many sessions, and for how many seconds."""

    name: str
    sessions: int
    open: float
    busy: float
    waiting: float


class Day(NamedTuple):
    """A local day, from *begin* to *end* in epoch seconds, and its part of each row."""

    name: str
    begin: float
    end: float
    rows: list[Row]


class Report(NamedTuple):
    """Everything between *since* and *until*, in epoch seconds."""

    since: float
    until: float
    days: list[Day]
    total: Sum
    by_day: list[Sum]
    by_tree: list[Sum]


def make(since: float, now: float) -> Report:
    """Return the report of every session, live or archived, from *since* to *now*."""
    rows = sorted(_rows(since, now), key=lambda row: (row.begin, row.end))
    made = [
        Day(local_days.name(begin), begin, end, _within(rows, begin, end))
        for begin, end in pairwise(
            [*local_days.between(since, now), local_days.next_after(now)]
        )
    ]
    trees: dict[str, list[Row]] = {}
    for row in rows:
        trees.setdefault(row.tree, []).append(row)
    by_day = [_sum(day.name, day.rows) for day in made]
    by_tree = [_sum(tree, of_tree) for tree, of_tree in trees.items()]
    by_tree.sort(key=lambda one: (-one.open, one.name))
    return Report(since, now, made, _sum("all", rows), by_day, by_tree)


def _rows(since: float, now: float) -> Iterator[Row]:
    trees: dict[str, str] = {}
    for session, paths in _files(now):
        beat = timestamps.parse(session["last_heartbeat"])
        if session["verdict"] is None or (beat is not None and beat < since):
            continue
        entries = chain.from_iterable(map(sessions.iter_session_jsonl, paths))
        parts = spans.parts_of(entries, session["verdict"], now)
        within = [spans.cut(part, since, now + 1) for part in parts]
        if any(within):
            place = str(session["cwd"])
            if place not in trees:
                trees[place] = session_view.where(session)
            yield Row(session, trees[place], [part for part in within if part])


def _files(now: float) -> Iterator[tuple[Session, list[str]]]:
    """Yield each session once, as its newest file has it, with all its files in order.

    One that was archived twice has two.
    """
    known: dict[str, list[Session]] = {}
    for archived in (False, True):
        for session in lookup.discover(now, archived=archived):
            known.setdefault(session["session_id"], []).append(session)
    for found in known.values():
        found.sort(key=lambda one: (not one["archived"], one["last_heartbeat"] or ""))
        yield found[-1], [one["path"] for one in found]


def _within(rows: Iterable[Row], since: float, until: float) -> list[Row]:
    found = []
    for row in rows:
        if row.end < since or row.begin >= until:
            continue
        parts = [spans.cut(part, since, until) for part in row.parts]
        if any(parts):
            found.append(row._replace(parts=[part for part in parts if part]))
    return found


def _sum(name: str, rows: list[Row]) -> Sum:
    return Sum(
        name,
        len(rows),
        sum(row.seconds() for row in rows),
        sum(row.seconds("busy") for row in rows),
        sum(row.seconds("waiting") for row in rows),
    )


# ---- In words -------------------------------------------------------------------


def hours(seconds: float) -> str:
    """Return *seconds* as hours with one decimal."""
    return f"{seconds / _HOUR:.1f} h"


def how_it_ended(row: Row) -> str:
    """Return how the session is, or ended, in a few words."""
    session, how = row.session, row.parts[-1].how
    if how == spans.GOES_ON:
        return how
    if session["verdict"] == "alive":
        return f"alive, {session['state']}"
    if session["state"] == "closed":
        return f"closed ({printable(str(session.get('close_reason', 'other')), 40)})"
    if how == spans.LOST:
        return "dead, never closed"
    return str(session["verdict"])


def title_of(row: Row) -> str:
    """Return the session's label, or how its id begins, as one line."""
    session = row.session
    return printable(
        session["label"] or session["session_id"][:_ID_LENGTH], _LABEL_LENGTH
    )


def day_title(day: str) -> str:
    """Return the day with its weekday: `Wed 2026-11-25`."""
    start = local_days.midnight(day)
    return f"{local_days.weekday(start)} {day}" if start is not None else day


def headline(report: Report) -> str:
    """Return what the report is about, in one line."""
    total = report.total
    return (
        f"{local_days.name(report.since)} to {local_days.name(report.until)}: "
        f"{count(total.sessions, 'session')}, "
        f"open {hours(total.open)}, busy {hours(total.busy)}"
    )


def lines(report: Report, columns: int, *, full: str, light: str) -> list[str]:
    """Return the report as text with bars, at most *columns* wide.

    *full* and *light* are what a bar's busy and other part is drawn with.
    """
    by_day = [one._replace(name=day_title(one.name)) for one in report.by_day]
    told = [headline(report), f"{full} busy  {light} open, but not busy"]
    names = max(session_view.width(one.name) for one in [*by_day, *report.by_tree])
    names = min(names, max(_NARROWEST, columns - len(_FIGURES)))
    for heading, sums in (("by day", by_day), ("by tree", report.by_tree)):
        told += ["", f"{heading:<{names}}{_FIGURES}"]
        told += _bars(sums, names, columns, full, light)
    return [truncate(line, columns) for line in told]


def _bars(
    sums: list[Sum], names: int, columns: int, full: str, light: str
) -> Iterator[str]:
    room = min(_WIDEST_BAR, columns - names - len(_FIGURES) - 2)
    most = max((one.open for one in sums), default=0.0)
    for one in sums:
        name = session_view.truncate_start(one.name, names)
        name += " " * (names - session_view.width(name))
        figures = f"{one.sessions:>10}{hours(one.open):>10}{hours(one.busy):>10}"
        bar = _bar(one, most, room, full, light) if room >= _NARROWEST else ""
        yield f"{name}{figures}  {bar}".rstrip()


def _bar(one: Sum, most: float, room: int, full: str, light: str) -> str:
    if not one.open:
        return ""
    length = max(1, round(room * one.open / most))
    busy = round(room * one.busy / most)
    if one.busy and not busy:
        busy = 1
    return full * busy + light * (length - busy)


def as_data(report: Report) -> dict[str, Any]:
    """Return the report's sums as `--json` has them, in hours."""
    return {
        "since": timestamps.from_epoch(report.since),
        "until": timestamps.from_epoch(report.until),
        "total": _data("name", report.total),
        "days": [_data("day", one) for one in report.by_day],
        "trees": [_data("tree", one) for one in report.by_tree],
    }


def _data(name: str, one: Sum) -> dict[str, Any]:
    return {
        name: one.name,
        "sessions": one.sessions,
        "open_hours": round(one.open / _HOUR, 3),
        "busy_hours": round(one.busy / _HOUR, 3),
        "waiting_hours": round(one.waiting / _HOUR, 3),
    }
