"""The life of a session in few lines: what became of it when, and for how long.

Heartbeats of one state are one spell, however many; entries of other tools are counted
by their type.
"""

from __future__ import annotations

from collections import deque

from ..cli.terminal.width import truncate_line
from ..record import schema, timestamps
from ..text import humanize, printable
from .session_view import NONE, ago

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model import SessionEntry

    # what, from, to, signs and text; times are stamps, None where there is no value.
    Moment = dict[str, Any]

_HEAD = 4
_CLOSED, _LABEL, _TASKS = "closed", "label", "tasks"
_MOST_TYPES = 8
_LINE_LENGTH = 200


class Timeline:
    """What became of a session, fed with its entries one by one, in order.

    `moments` are the first few and the last that are over, at most *most* (None for
    all), and the spell that goes on with the labels set in it; `left_out` says how many
    are missing, `others` how many entries there are of each foreign type.
    """

    def __init__(self, most: int | None = None) -> None:
        self.others: dict[str, int] = {}
        self.left_out = 0
        self._most = most
        self._head: list[Moment] = []
        self._tail: deque[Moment] = deque()
        self._spell: Moment | None = None
        self._meanwhile: list[Moment] = []

    @property
    def moments(self) -> list[Moment]:
        """Return what is known so far; the last spell has no end yet."""
        current = [] if self._spell is None else [self._spell]
        return [*self._head, *self._tail, *current, *self._meanwhile]

    def add(self, entry: SessionEntry) -> None:
        """Take the next entry."""
        kind = entry.get("type")
        when = timestamps.normalize(entry.get("timestamp", entry.get("start_time")))
        if kind in (schema.HEARTBEAT, schema.TURN_CLOSE):
            self._see_state(entry.get("state"), when)
        elif kind == schema.METADATA:
            self._see_event("started", when, entry.get("source"))
        elif kind == schema.RESUME:
            compacted = entry.get("source") == "compact"
            what = "compacted" if compacted else "resumed"
            self._see_event(what, when, None if compacted else entry.get("source"))
        elif kind == schema.CLOSE:
            self._see_event(_CLOSED, when, entry.get("reason"))
        elif kind == schema.UPDATE:
            self._see_update(entry, when)
        else:
            self.others[str(kind)] = self.others.get(str(kind), 0) + 1

    def _see_state(self, state: object, when: str | None) -> None:
        spell = self._spell
        if not isinstance(state, str) or state not in schema.LIVE_STATES:
            state = "busy" if spell is None else spell["what"]
        if spell is None or spell["what"] != state:
            self._end_spell(when)
            self._spell = spell = _moment(state, when, None)
        spell["signs"] += 1
        spell["last"] = when or spell["last"]

    def _see_event(self, what: str, when: str | None, text: object) -> None:
        self._end_spell(when)
        self._keep(_moment(what, when, text))

    def _see_update(self, entry: SessionEntry, when: str | None) -> None:
        """A new label or new tasks end no spell: they come after it."""
        if isinstance(entry.get(_LABEL), str):
            self._meanwhile.append(_moment(_LABEL, when, entry[_LABEL] or "taken away"))
        if isinstance(entry.get(_TASKS), list):
            tasks = len(entry[_TASKS])
            self._meanwhile.append(_moment(_TASKS, when, str(tasks)))
        if self._spell is None:
            self._keep_meanwhile()
        elif self._most is not None and len(self._meanwhile) > self._most - _HEAD:
            self._meanwhile.pop(0)
            self.left_out += 1

    def _end_spell(self, when: str | None) -> None:
        if self._spell is not None:
            self._spell["to"] = when
            self._keep(self._spell)
            self._spell = None
        self._keep_meanwhile()

    def _keep_meanwhile(self) -> None:
        for moment in self._meanwhile:
            self._keep(moment)
        self._meanwhile.clear()

    def _keep(self, moment: Moment) -> None:
        if self._most is None or len(self._head) < _HEAD:
            self._head.append(moment)
            return
        self._tail.append(moment)
        if len(self._tail) > self._most - _HEAD:
            self._tail.popleft()
            self.left_out += 1


def _moment(what: str, when: str | None, text: object) -> Moment:
    told = text if isinstance(text, str) else None
    return {
        "what": what,
        "from": when,
        "to": None,
        "last": when,
        "signs": 0,
        "text": told,
    }


def lines(
    timeline: Timeline, now: float, *, alive: bool, columns: int | None
) -> list[str]:
    """Return a line for each moment, what was left out, and what others added.

    *alive* says whether the last spell still goes on. *columns* is the width to fit
    into, None for no limit.
    """
    told = [_line(moment, now, alive=alive) for moment in timeline.moments]
    if timeline.left_out:
        told.insert(_HEAD, f"{'...':>10}  {timeline.left_out} more between")
    if timeline.others:
        told.append(f"{'others':>10}  {_counts(timeline.others)}")
    shown = [printable(line, _LINE_LENGTH) for line in told]
    return (
        shown if columns is None else [truncate_line(line, columns) for line in shown]
    )


def _line(moment: Moment, now: float, *, alive: bool) -> str:
    when = ago(moment["from"], now) or NONE
    text = _spell(moment, now, alive=alive) if moment["signs"] else moment["text"]
    return f"{when:>10}  {moment['what']:<9}  {text or ''}".rstrip()


def _spell(moment: Moment, now: float, *, alive: bool) -> str:
    begun, end, last = (timestamps.parse(moment[key]) for key in ("from", "to", "last"))
    signs = f", {moment['signs']} signs" if moment["signs"] > 1 else ""
    if begun is None:
        return signs.removeprefix(", ")
    if end is not None:
        return humanize(end - begun) + signs
    if alive:
        return f"{humanize(now - begun)} so far{signs}"
    return f"{humanize((last or begun) - begun)}{signs}, then nothing more"


def _counts(others: dict[str, int]) -> str:
    """Return `12 build.done, 3 note.a`, the most frequent first."""
    ordered = sorted(others.items(), key=lambda item: -item[1])
    told = [f"{number} {kind}" for kind, number in ordered[:_MOST_TYPES]]
    more = len(ordered) - _MOST_TYPES
    return ", ".join(told + [f"and {more} more types"] * (more > 0))
