"""The table of `headcount list`, fitted to the terminal."""

from __future__ import annotations

from ...record.schema import URGENCY
from ...text import printable
from ...views.session_view import last_heartbeat, name_of, state_of
from ..formatting import MAX_TEXT, NONE, ago, since, where
from .width import truncate, truncate_line, truncate_start, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ...views.session_view import SessionView

# Basic colours that are readable on light and on dark, which yellow is not.
_BOLD_MAGENTA, _GREEN, _RED, _DIM = "1;35", "32", "31", "2"
_COLOURS = {"waiting": _BOLD_MAGENTA, "busy": _GREEN, "unreadable": _RED}
_COLOURS.update(stale=_DIM, dead=_DIM)

STATE, WAIT, DURATION, ID, NAME, WHERE, AGE, HEARTBEAT, NOTE = range(9)
_HEADINGS = ("STATE", "", "", "ID", "NAME", "WHERE", "AGE", "HEARTBEAT", "NOTE")
_OPTIONAL = (WAIT, DURATION, NOTE)  # shown only if a session has it
_GAP = 2
_COMFORTABLE, _MIN_COLUMNS = 10, 8  # widths of name and place
# Which columns to drop in turn, until name and place have at least this width each.
_DROPS = (
    ((), _COMFORTABLE),
    ((AGE,), _COMFORTABLE),
    ((AGE, HEARTBEAT), _COMFORTABLE),
    ((AGE, HEARTBEAT, ID), _MIN_COLUMNS),
    ((AGE, HEARTBEAT, ID, DURATION, WAIT), 0),
)


def table(
    sessions: list[SessionView],
    short: dict[str, str],
    *,
    now: float,
    columns: int | None,
    colour: bool,
) -> list[str]:
    """Return the table of *sessions*, in their order, a line for each.

    *short* has the short form of each id. *columns* is the width to fit into, None for
    no limit. If it is narrow, names and places are truncated, then the columns of
    _DROPS are dropped; without the ids, a session that nobody named is named by its id.
    In colour, a name that the client derived is dim.
    """
    rows = [_HEADINGS, *(_row(session, short, now) for session in sessions)]
    empty = {n for n in _OPTIONAL if not any(row[n] for row in rows[1:])}
    shown = [n for n in range(len(_HEADINGS)) if n not in empty]
    room = [max(map(width, cells)) for cells in zip(*rows, strict=True)]
    if columns is not None:
        room, shown = _fit(room, shown, columns)
    if ID not in shown:
        pairs = zip(rows[1:], sessions, strict=True)
        rows[1:] = [row if _is_named(s) else _named_by_id(row) for row, s in pairs]
        room[NAME] = min(room[NAME], max(width(row[NAME]) for row in rows))
    lines = [truncate_line(_line(row, room, shown), columns) for row in rows]
    if not colour:
        return lines
    painted = [
        _paint(line if _is_named(session) else _dim_name(line, row, room, shown), row)
        for line, row, session in zip(lines[1:], rows[1:], sessions, strict=True)
    ]
    return [lines[0], *painted]


def ordered(sessions: Iterable[SessionView], by: str = "state") -> list[SessionView]:
    """Return *sessions* sorted by state, age, heartbeat, label or where.

    By state, the most urgent first, of those that wait the one that has waited longest,
    and archived ones last; by age, the youngest first. Otherwise equal ones are sorted
    by heartbeat, the latest first. A session without a value comes last.
    """
    latest = sorted(sessions, key=last_heartbeat, reverse=True)
    if by == "age":
        return sorted(latest, key=lambda s: s["start_time"] or "", reverse=True)
    keys: dict[str, Callable[[SessionView], Any]] = {
        "state": _urgency,
        "label": _label,
        "where": where,
    }
    return sorted(latest, key=keys[by]) if by in keys else latest


def _urgency(session: SessionView) -> tuple[bool, int, str]:
    state = state_of(session)
    since = str(session["state_since"]) if state == "waiting" else ""
    return session["archived"], URGENCY.index(state), since


def _label(session: SessionView) -> tuple[bool, str]:
    name = name_of(session)
    return not name, str(name).casefold()


# ---- Cells ----------------------------------------------------------------------


def _row(session: SessionView, short: dict[str, str], now: float) -> tuple[str, ...]:
    alive = session["verdict"] == "alive"
    state = state_of(session) + (" (stopped)" if session["stopped"] else "")
    return (
        f"{state}, archived" if session["archived"] else state,
        session["waiting_for"] or "" if alive else "",
        since(session["state_since"], now) or "" if alive else "",
        printable(short[session["session_id"]], MAX_TEXT),
        printable(name_of(session) or NONE, MAX_TEXT),
        where(session),
        since(session["start_time"], now) or NONE,
        ago(session["last_heartbeat"], now) or NONE,
        _collision_note(session),
    )


def _collision_note(session: SessionView) -> str:
    """Say what collides with the session; empty if nothing does."""
    processes = len(session.get("processes", ()))
    others = session.get("same_worktree_count", 0)
    notes = [f"open in {processes} processes"] * (processes > 1)
    notes += [f"same worktree as {others} other{'s' * (others > 1)}"] * (others > 0)
    return ", ".join(notes)


def _named_by_id(row: tuple[str, ...]) -> tuple[str, ...]:
    return (*row[:NAME], row[ID], *row[NAME + 1 :])


def _is_named(session: SessionView) -> bool:
    """Whether a person named the session, with a label or in the client."""
    return bool(session["label"]) or session["name_source"] == "user"


# ---- Fitting --------------------------------------------------------------------


def _fit(
    widths: list[int], shown: list[int], columns: int
) -> tuple[list[int], list[int]]:
    """Return the widths with which the table fits, and the columns to keep."""
    for dropped, least in _DROPS:
        room = [*widths]
        left = [index for index in shown if index not in dropped]
        if ID in dropped:
            room[NAME] = max(room[NAME], room[ID])
        others = sum(room[index] for index in left if index not in (NAME, WHERE))
        free = columns - others - _GAP * (len(left) - 1)
        if free >= min(least, room[NAME]) + min(least, room[WHERE]):
            break
    room[NAME], room[WHERE] = _shares(
        room[NAME], room[WHERE], max(free, 2 * _MIN_COLUMNS)
    )
    return room, left


def _shares(name: int, place: int, free: int) -> tuple[int, int]:
    """Share *free* columns between name and place: the wider one is narrowed."""
    half = free // 2
    if name <= half:
        return name, min(place, free - name)
    if place <= half:
        return min(name, free - place), place
    return half, free - half


def _line(row: tuple[str, ...], room: list[int], shown: list[int]) -> str:
    return _padded(row, room, shown).rstrip()


def _padded(row: tuple[str, ...], room: list[int], shown: list[int]) -> str:
    return (" " * _GAP).join(_cell(row[index], index, room[index]) for index in shown)


def _cell(text: str, index: int, room: int) -> str:
    """Return *text* truncated or padded to exactly *room* columns."""
    free = room - width(text)
    if free < 0:
        text = _truncate_place(text, room) if index == WHERE else truncate(text, room)
        free = room - width(text)
    return text + " " * free


def _truncate_place(text: str, room: int) -> str:
    """Return *text*, a path and perhaps a branch, in *room*, with the ends of both."""
    path, bracket, branch = text.rpartition(" (")
    if not bracket or width(branch) + len(bracket) > room // 2:
        return truncate_start(path if bracket else text, room)
    return truncate_start(path, room - width(branch) - len(bracket)) + bracket + branch


# ---- Colours --------------------------------------------------------------------


def _paint(line: str, row: tuple[str, ...]) -> str:
    state = row[STATE]
    if not line.startswith(state):
        return line
    code = _COLOURS.get(state.partition(",")[0].partition(" ")[0], "")
    return _coloured(state, code) + line[len(state) :]


def _dim_name(
    line: str, row: tuple[str, ...], room: list[int], shown: list[int]
) -> str:
    """Return *line* with its name dim, unless that is the id."""
    if row[NAME] in (NONE, row[ID]):
        return line
    at = shown.index(NAME)
    start = len(_padded(row, room, shown[:at])) + _GAP
    end = len(_line(row, room, shown[: at + 1]))
    return line[:start] + _coloured(line[start:end], _DIM) + line[end:]


def _coloured(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if text and code else text
