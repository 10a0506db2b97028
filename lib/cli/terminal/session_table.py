"""The lines of `headcount list`: a table that fits, who waits for you first."""

from __future__ import annotations

from ...text import printable
from ...views.session_view import LONGEST, NONE, ago, place_of, since, state_of
from .width import truncate, truncate_line, truncate_start, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...model import Session

# The states of the living, the most urgent first, then the verdicts on the others.
_ORDER = ("waiting", "busy", "idle", "unknown", "stale", "dead", "unreadable")
_URGENCY = {state: len(_ORDER) - index for index, state in enumerate(_ORDER)}
# Of the basic colours those that can be read on light and on dark: yellow cannot.
_BOLD_MAGENTA, _GREEN, _RED, _DIM = "1;35", "32", "31", "2"
_COLOURS = {"waiting": _BOLD_MAGENTA, "busy": _GREEN, "unreadable": _RED}
_COLOURS.update(stale=_DIM, dead=_DIM)

STATE, ID, NAME, WHERE, AGE, HEARTBEAT, NOTE = range(7)
_HEADINGS = ("STATE", "ID", "NAME", "WHERE", "AGE", "HEARTBEAT", "NOTE")
_GAP = 2
_NARROW, _NARROWEST = 10, 8  # of name and place: with all columns, and without some


def table(
    sessions: Iterable[Session],
    short: dict[str, str],
    *,
    now: float,
    columns: int | None,
    colour: bool,
) -> list[str]:
    """Return the table of *sessions*, in their order, each in one line.

    *short* gives what is shown of each id. *columns* is the width to fit into, None
    for no limit: where it is short, names and places are cut, then the ids go (a
    session without a label is named by its id), then the age.
    """
    rows = [_HEADINGS, *(_row(session, short, now) for session in sessions)]
    shown = _columns_shown(rows)
    room = _widths(rows, shown)
    if columns is not None:
        shown = _fit(room, shown, columns)
    if ID not in shown:
        rows = [_named_by_id(row) for row in rows]
        room[NAME] = min(room[NAME], max(width(row[NAME]) for row in rows))
    lines = [_line(row, room, shown) for row in rows]
    if columns is not None:
        lines = [truncate_line(line, columns) for line in lines]
    if not colour:
        return lines
    return [_paint(line, row[STATE]) for line, row in zip(lines, rows, strict=True)]


def ordered(sessions: Iterable[Session], by: str = "state") -> list[Session]:
    """Return *sessions* sorted by state, age, heartbeat, label or where.

    By state the most urgent come first, and among them, as by heartbeat, the last heard
    of; by age the youngest. What has no value comes last, as do archived ones by state.
    """
    latest = sorted(sessions, key=_last_sign, reverse=True)
    if by == "state":
        return sorted(latest, key=_urgency, reverse=True)
    if by == "age":
        return sorted(latest, key=_start, reverse=True)
    if by == "label":
        return sorted(latest, key=_label)
    if by == "where":
        return sorted(latest, key=place_of)
    return latest


def _urgency(session: Session) -> tuple[bool, int]:
    return not session["archived"], _URGENCY.get(state_of(session), 0)


def _last_sign(session: Session) -> str:
    return session["last_heartbeat"] or ""  # stamps sort like the times they name


def _start(session: Session) -> str:
    return session["start_time"] or ""


def _label(session: Session) -> tuple[bool, str]:
    return not session["label"], str(session["label"]).casefold()


# ---- Cells ----------------------------------------------------------------------


def _row(session: Session, short: dict[str, str], now: float) -> tuple[str, ...]:
    state = state_of(session)
    place, branch = place_of(session)
    return (
        f"{state}, archived" if session["archived"] else state,
        printable(short[session["session_id"]], LONGEST),
        printable(session["label"] or NONE, LONGEST),
        f"{place} ({branch})" if branch else place,
        since(session["start_time"], now) or NONE,
        ago(session["last_heartbeat"], now) or NONE,
        note(session),
    )


def note(session: Session) -> str:
    """Return what collides with the session, in words; empty if nothing does."""
    processes = len(session.get("processes", ()))
    others = session.get("same_tree_count", 0)
    notes = [f"open in {processes} processes"] * (processes > 1)
    notes += [f"same tree as {others} other{'s' * (others > 1)}"] * (others > 0)
    return ", ".join(notes)


def _columns_shown(rows: list[tuple[str, ...]]) -> list[int]:
    noted = any(row[NOTE] for row in rows[1:])
    return [index for index in range(len(_HEADINGS)) if noted or index != NOTE]


def _widths(rows: list[tuple[str, ...]], shown: list[int]) -> list[int]:
    return [
        max(map(width, cells)) if index in shown else 0
        for index, cells in enumerate(zip(*rows, strict=True))
    ]


def _named_by_id(row: tuple[str, ...]) -> tuple[str, ...]:
    name = row[ID] if row[NAME] == NONE else row[NAME]
    return (*row[:NAME], name, *row[NAME + 1 :])


# ---- Fitting --------------------------------------------------------------------


def _fit(room: list[int], shown: list[int], columns: int) -> list[int]:
    """Narrow *room*, the columns' widths, to what fits; return the columns left."""
    for dropped, least in (((), _NARROW), ((ID,), _NARROWEST), ((ID, AGE), 0)):
        left = [index for index in shown if index not in dropped]
        if ID in dropped:
            room[NAME] = max(room[NAME], room[ID])
        free = columns - _taken(room, left) + room[NAME] + room[WHERE]
        if free >= min(least, room[NAME]) + min(least, room[WHERE]):
            break
    room[NAME], room[WHERE] = _shares(
        room[NAME], room[WHERE], max(free, 2 * _NARROWEST)
    )
    return left


def _taken(room: list[int], shown: list[int]) -> int:
    return sum(room[index] for index in shown) + _GAP * (len(shown) - 1)


def _shares(name: int, place: int, free: int) -> tuple[int, int]:
    """Return what name and place get of *free* columns: the wider one gives way."""
    if name + place <= free:
        return name, place
    half = free // 2
    if name <= half:
        return name, free - name
    if place <= half:
        return free - place, place
    return half, free - half


def _line(row: tuple[str, ...], room: list[int], shown: list[int]) -> str:
    cells = [_cell(row[index], index, room[index]) for index in shown]
    return (" " * _GAP).join(cells).rstrip()


def _cell(text: str, index: int, room: int) -> str:
    """Return *text* clipped or filled up to exactly *room* columns."""
    free = room - width(text)
    if free < 0:
        text = _clip_place(text, room) if index == WHERE else truncate(text, room)
        free = room - width(text)
    return text + " " * free


def _clip_place(text: str, room: int) -> str:
    """Return *text*, a path and perhaps a branch, in *room*: the ends of both stay."""
    path, bracket, branch = text.rpartition(" (")
    if not bracket or width(branch) + len(bracket) > room // 2:
        return truncate_start(path if bracket else text, room)
    return truncate_start(path, room - width(branch) - len(bracket)) + bracket + branch


def _paint(line: str, state: str) -> str:
    code = _COLOURS.get(state.partition(",")[0], "")
    if not (code and line.startswith(state)):
        return line
    return f"\x1b[{code}m{state}\x1b[0m{line[len(state) :]}"
