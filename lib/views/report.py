"""What sessions did over some days: hours open and busy, by day and by worktree.

Hours are sums over sessions: two that are open for the same hour add up to two. A
session is busy from the heartbeat that says so to the next.
"""

from __future__ import annotations

from itertools import chain, pairwise
from typing import NamedTuple

from ..record import schema, timestamps
from ..store import reader
from . import local_days, lookup, session_view, spans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ..model import SessionEntry
    from .session_view import SessionView
    from .spans import OpenPeriod

    Files = tuple[SessionView, list[str]]
    Place = tuple[str | None, str | None]  # a worktree, and the branch there

HOUR = 3600


class Row(NamedTuple):
    """A session, where it works, and its open periods within the report's time."""

    session: SessionView
    place: Place
    periods: list[OpenPeriod]
    branches: list[tuple[float, str | None]]  # since when which was checked out
    costs: list[tuple[float, float]]  # when how many dollars were added

    @property
    def begin(self) -> float:
        """When the first period began, in epoch seconds."""
        return self.periods[0].begin

    @property
    def end(self) -> float:
        """When the last period ended, in epoch seconds."""
        return self.periods[-1].end

    def seconds(self, state: str = "") -> float:
        """Return how long it was open, or in *state* if given."""
        return sum(
            span.end - span.begin
            for period in self.periods
            for span in period.spans
            if state in ("", span.state)
        )


class Sum(NamedTuple):
    """The number of sessions and the seconds of a day, or of a place, or of all."""

    name: str | None  # the day, or the root of the worktree
    branch: str | None
    sessions: int
    open: float
    busy: float
    waiting: float
    cost: float | None  # in dollars; None if no status line reported it


class Day(NamedTuple):
    """A local day from *begin* to *end*, in epoch seconds, and its part of each row."""

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
    by_worktree: list[Sum]  # the most hours first; a row for each branch
    unreadable: int  # how many sessions are not in it


def build(since: float, now: float) -> Report:
    """Return the report on all sessions, live and archived, from *since* to *now*."""
    files = list(_files(now))
    unreadable = sum(session["verdict"] is None for session, _ in files)
    rows = sorted(_rows(files, since, now), key=lambda row: (row.begin, row.end))
    midnights = [*local_days.between(since, now), local_days.next_after(now)]
    days = [
        Day(local_days.name(begin), begin, end, _within(rows, begin, end))
        for begin, end in pairwise(midnights)
    ]
    places: dict[Place, list[Row]] = {}
    for row in chain.from_iterable(map(_by_branch, rows)):
        places.setdefault(row.place, []).append(row)
    by_day = [_sum(day.rows, day.name) for day in days]
    by_worktree = [_sum(group, *place) for place, group in places.items()]
    by_worktree.sort(key=lambda s: (-s.open, s.name or "", s.branch or ""))
    total = _sum(rows, "all")
    return Report(since, now, days, total, by_day, by_worktree, unreadable)


def _rows(files: list[Files], since: float, now: float) -> Iterator[Row]:
    places: dict[tuple[str | None, str | None], Place] = {}
    last_costs = {s["session_id"]: s.get("cost_usd", 0.0) for s, _ in files}
    for session, paths in files:
        heartbeat = timestamps.parse(session["last_heartbeat"])
        too_old = heartbeat is not None and heartbeat < since
        if session["verdict"] is None or too_old:
            continue
        branches: list[tuple[float, str | None]] = []
        read = chain.from_iterable(reader.stream(path, _ignore) for path in paths)
        costs: list[tuple[float, float]] = []
        before = last_costs.get(session.get("previous_session_id", ""), 0.0)
        entries = _noting_costs(_noting_branches(read, branches), costs, before)
        periods = spans.open_periods(entries, session["verdict"], now)
        within = spans.cut(periods, since, now + 1)
        if within:
            key = (session["cwd"], session.get("branch"))
            if key not in places:
                places[key] = session_view.place_of(session)
            yield Row(session, places[key], within, branches, _between(costs, since))


def _ignore(_level: str, _warning: str) -> None:
    """Leave damaged lines to `headcount show`, which reports them."""


def _noting_branches(
    entries: Iterable[SessionEntry], branches: list[tuple[float, str | None]]
) -> Iterator[SessionEntry]:
    """Yield *entries*; add to *branches* since when which one was checked out."""
    for entry in entries:
        branch = entry.get("branch")
        if isinstance(branch, str) and schema.is_lifecycle(entry):
            seconds = timestamps.parse(entry.get("timestamp", entry.get("start_time")))
            if seconds is not None and (branch or None) != (
                branches[-1][1] if branches else None
            ):
                branches.append((seconds, branch or None))
        yield entry


def _noting_costs(
    entries: Iterable[SessionEntry], costs: list[tuple[float, float]], before: float
) -> Iterator[SessionEntry]:
    """Yield *entries*; add to *costs* what was added when.

    A process begins at 0. After /clear some clients go on from the cost of the session
    *before*, and some begin again (Claude Code issues 33146 and 78979).
    """
    for entry in entries:
        cost = schema.amount_of(entry.get("cost_usd"))
        if cost is not None and schema.is_lifecycle(entry):
            seconds = timestamps.parse(entry.get("timestamp"))
            added = cost - before if cost >= before else cost
            before = cost
            if seconds is not None and added:
                costs.append((seconds, added))
        yield entry


def _between(
    costs: list[tuple[float, float]], since: float, until: float = float("inf")
) -> list[tuple[float, float]]:
    return [(time, dollars) for time, dollars in costs if since <= time < until]


def _by_branch(row: Row) -> Iterator[Row]:
    """Yield the part of *row* on each branch that was checked out meanwhile."""
    if len(row.branches) < 2:  # noqa: PLR2004
        yield row
        return
    root, _ = row.place
    begins = [0.0, *(begin for begin, _ in row.branches[1:]), float("inf")]
    for (begin, end), (_, branch) in zip(pairwise(begins), row.branches, strict=True):
        part = _part(row, begin, end)._replace(place=(root, branch))
        if part.seconds():
            yield part


def _files(now: float) -> Iterator[Files]:
    """Yield each session once, from its newest file, and the paths of its files.

    A session that was archived twice has two.
    """
    by_id: dict[str, list[SessionView]] = {}
    for archived in (False, True):
        for session in lookup.discover(now, archived=archived):
            by_id.setdefault(session["session_id"], []).append(session)
    for files in by_id.values():
        files.sort(key=lambda s: (not s["archived"], session_view.last_heartbeat(s)))
        yield files[-1], [file["path"] for file in files]


def _within(rows: Iterable[Row], since: float, until: float) -> list[Row]:
    parts = [_part(row, since, until) for row in rows]
    return [row for row in parts if row.periods]


def _part(row: Row, since: float, until: float) -> Row:
    """Return the part of *row* from *since* to *until*."""
    periods = spans.cut(row.periods, since, until)
    return row._replace(periods=periods, costs=_between(row.costs, since, until))


def _sum(rows: list[Row], name: str | None, branch: str | None = None) -> Sum:
    costs = [dollars for row in rows for _, dollars in row.costs]
    return Sum(
        name,
        branch,
        len(rows),
        sum(row.seconds() for row in rows),
        sum(row.seconds("busy") for row in rows),
        sum(row.seconds("waiting") for row in rows),
        sum(costs) if costs else None,
    )


def as_object(report: Report) -> dict[str, Any]:
    """Return the report's sums as `--json` prints them, in hours."""
    return {
        "since": timestamps.from_epoch(report.since),
        "until": timestamps.from_epoch(report.until),
        "total": {"name": "all", **_hours(report.total)},
        "days": [{"day": day.name, **_hours(day)} for day in report.by_day],
        "worktrees": [
            {"worktree": place.name, "branch": place.branch, **_hours(place)}
            for place in report.by_worktree
        ],
    }


def _hours(total: Sum) -> dict[str, Any]:
    return {
        "sessions": total.sessions,
        "open_hours": round(total.open / HOUR, 3),
        "busy_hours": round(total.busy / HOUR, 3),
        "waiting_hours": round(total.waiting / HOUR, 3),
        "cost_usd": None if total.cost is None else round(total.cost, 4),
    }
