"""The table of `headcount list`, fitted to the terminal."""

from __future__ import annotations

from itertools import accumulate

from ...record.schema import URGENCY
from ...views.session_view import last_heartbeat, name_of, state_of
from ..formatting import where
from . import columns as cells
from .columns import COLUMNS, DEFAULT, DEFAULT_OF_HOSTS, OPTIONAL, Context
from .width import truncate, truncate_line, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ...views.session_view import SessionView

    Row = tuple[str, ...]

# Basic colours that are readable on light and on dark, which yellow is not.
_BOLD_MAGENTA, _GREEN, _RED, _DIM = "1;35", "32", "31", "2"
_COLOURS = {"waiting": _BOLD_MAGENTA, "busy": _GREEN, "unreadable": _RED, "dead": _RED}
_COLOURS.update(stale=_DIM, closed=_DIM)

_GAP = 2
_COMFORTABLE, _MIN = 5, 4  # widths of name and place, by weight
# Which of the default columns to drop in turn, until name and place have at least this
# width each. The id stays: it is what can be typed.
_DROPS = (
    ((), _COMFORTABLE),
    (("age",), _COMFORTABLE),
    (("age",), _MIN),
    (("age", "for"), _MIN),
    (("age", "for", "since"), _MIN),
    (("age", "for", "since", "where"), _MIN),
    (("age", "for", "since", "where", "name"), 0),
)
_URGENCIES = {state: rank for rank, state in enumerate(URGENCY)}
_LATEST_FIRST = ("age", "heartbeat")
_CAN_DROP = (DEFAULT, DEFAULT_OF_HOSTS)


def table(
    sessions: list[SessionView],
    short: dict[str, str],
    *,
    now: float,
    columns: int | None,
    colour: bool,
    names: tuple[str, ...] = DEFAULT,
) -> list[str]:
    """Return the table of *sessions*, in their order, a line for each.

    *short* has the short form of each id, *names* are columns of COLUMNS. *columns* is
    the width to fit into, None for no limit. If it is narrow, names and places are
    truncated, then of the default columns those of _DROPS are dropped. In colour, a
    name that the client derived is dim.
    """
    context = Context(now, short)
    rows = [cells.cells(session, names, context) for session in sessions]
    shown = [
        index
        for index, name in enumerate(names)
        if name not in OPTIONAL or any(row[index] for row in rows)
    ]
    headings = tuple(COLUMNS[name].heading for name in names)
    room = [max(map(width, texts)) for texts in zip(headings, *rows, strict=True)]
    if columns is not None:
        room, shown = _fit(room, shown, columns, names)
    lines = []
    for session, row in zip([None, *sessions], [headings, *rows], strict=True):
        texts = [_padded(row[n], names[n], room[n], session) for n in shown]
        line = truncate_line((" " * _GAP).join(texts).rstrip(), columns)
        if colour and session is not None:
            codes = [_colour(names[n], session) for n in shown]
            line = _painted(line, texts, codes)
        lines.append(line)
    return lines


def ordered(sessions: Iterable[SessionView], by: str = "state") -> list[SessionView]:
    """Return *sessions* sorted by state, age, heartbeat, label or where.

    By state, the most urgent first, of those that wait the one that has waited longest,
    and archived ones last; by age, the youngest first. Otherwise equal ones are sorted
    by heartbeat, the latest first. A session without a value comes last.
    """
    return ordered_by_rank(sessions, by, RANKS[by])


def ordered_by_rank(
    sessions: Iterable[SessionView], by: str, rank: Callable[[SessionView], Any]
) -> list[SessionView]:
    """Return what `ordered` does; *rank* returns the value of RANKS[by] for a session.

    Besides that, only the last heartbeat of each is read.
    """
    latest = sorted(sessions, key=last_heartbeat, reverse=True)
    return sorted(latest, key=rank, reverse=by in _LATEST_FIRST)


def urgency(session: SessionView) -> tuple[bool, int, str]:
    """Return what sessions are sorted by, the most urgent first."""
    state = state_of(session)
    since = str(session["state_since"]) if state == "waiting" else ""
    return session["archived"], _URGENCIES[state], since


def _label(session: SessionView) -> tuple[bool, str]:
    name = name_of(session)
    return not name, str(name).casefold()


def _started(session: SessionView) -> str:
    return session["start_time"] or ""


# The choices of `--sort`, and what each compares.
RANKS: dict[str, Callable[[SessionView], Any]] = {
    "state": urgency,
    "age": _started,
    "heartbeat": last_heartbeat,
    "label": _label,
    "where": where,
}


# ---- Fitting --------------------------------------------------------------------


def _fit(
    room: list[int], shown: list[int], columns: int, names: tuple[str, ...]
) -> tuple[list[int], list[int]]:
    """Return the widths with which the table fits, and the columns to keep."""
    weights = [COLUMNS[name].weight for name in names]
    for dropped, least in _DROPS if names in _CAN_DROP else (((), 0),):
        left = [index for index in shown if names[index] not in dropped]
        flexible = [index for index in left if weights[index]]
        fixed = sum(room[index] for index in left if not weights[index])
        free = columns - fixed - _GAP * (len(left) - 1)
        if free >= sum(min(least * weights[n], room[n]) for n in flexible):
            break
    return _shared(room, weights, flexible, free), left


def _shared(
    room: list[int], weights: list[int], flexible: list[int], free: int
) -> list[int]:
    """Return *room*, in which the *flexible* columns share *free* ones by weight.

    One that needs less than its share leaves the rest to the others.
    """
    room = [*room]
    weight = sum(weights[index] for index in flexible)
    for index in sorted(flexible, key=lambda index: room[index] / weights[index]):
        share = max(free * weights[index] // weight, _MIN * weights[index])
        room[index] = min(room[index], share)
        free -= room[index]
        weight -= weights[index]
    return room


def _padded(text: str, name: str, room: int, session: SessionView | None) -> str:
    """Return the *text* of a cell, truncated or padded to exactly *room* columns."""
    if width(text) > room:
        if name == "where" and session is not None:
            text = cells.where(session, room)
        else:
            text = truncate(text, room)
    return text + " " * (room - width(text))


# ---- Colours --------------------------------------------------------------------


def coloured(text: str, state: str) -> str:
    """Return *text* in the colour of *state*, which may be a verdict."""
    code = _COLOURS.get(state)
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


def _colour(name: str, session: SessionView) -> str:
    """Return the colour of the cell in the column of this *name*, "" for none."""
    if name == "state":
        return _COLOURS.get(state_of(session), "")
    if name == "name":
        derived = not session["label"] and session["name_source"] == "client"
        return _DIM if derived else ""
    return ""


def _painted(line: str, texts: list[str], codes: list[str]) -> str:
    """Return *line*, which is made of *texts* and perhaps cut, with its cells coloured.

    From the end, so that what is before keeps its place.
    """
    ends = [*accumulate(len(text) + _GAP for text in texts)]
    for end, text, code in reversed([*zip(ends, texts, codes, strict=True)]):
        start = end - len(text) - _GAP
        cell = line[start : start + len(text)].rstrip()
        if cell and code:
            rest = line[start + len(cell) :]
            line = f"{line[:start]}\x1b[{code}m{cell}\x1b[0m{rest}"
    return line
