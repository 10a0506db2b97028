"""The history of a session: its events, and how long it stayed in each state.

Heartbeats with the same state form one stretch. Entries of other tools are counted by
type.
"""

from __future__ import annotations

from collections import deque

from ..record import schema, timestamps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model import SessionEntry

    # what, from, to, heartbeats, last_heartbeat and text. Times are timestamps; None
    # stands for what is not known.
    Moment = dict[str, Any]

HEAD = 4  # the moments at the beginning that are always kept
_CLOSED, _LABEL, _TASKS = "closed", "label", "tasks"


class Timeline:
    """Collects the moments of a session from its entries, given in order.

    `moments` are the first HEAD and the last completed ones, at most *limit* together
    (None: all of them), then the current stretch and the updates within it. `left_out`
    is the number of dropped moments, `others` the number of entries of other tools by
    type.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.others: dict[str, int] = {}
        self.left_out = 0
        self._limit = limit
        self._head: list[Moment] = []
        self._tail: deque[Moment] = deque()
        self._stretch: Moment | None = None
        self._pending_updates: list[Moment] = []

    @property
    def moments(self) -> list[Moment]:
        """The moments so far; the last stretch has no end yet."""
        current = [] if self._stretch is None else [self._stretch]
        return [*self._head, *self._tail, *current, *self._pending_updates]

    def add(self, entry: SessionEntry) -> None:
        """Add the next entry."""
        kind = entry.get("type")
        when = timestamps.normalize(entry.get("timestamp", entry.get("start_time")))
        if kind in (schema.HEARTBEAT, schema.TURN_CLOSE):
            self._add_state(entry.get("state"), when)
        elif kind == schema.METADATA:
            self._add_event("started", when, entry.get("source"))
        elif kind == schema.RESUME:
            compacted = entry.get("source") == "compact"
            what = "compacted" if compacted else "resumed"
            self._add_event(what, when, None if compacted else entry.get("source"))
        elif kind == schema.CLOSE:
            self._add_event(_CLOSED, when, entry.get("reason"))
        elif kind == schema.UPDATE:
            self._add_update(entry, when)
        else:
            self.others[str(kind)] = self.others.get(str(kind), 0) + 1

    def _add_state(self, state: object, when: str | None) -> None:
        stretch = self._stretch
        if not isinstance(state, str) or state not in schema.LIVE_STATES:
            state = "busy" if stretch is None else stretch["what"]
        if stretch is None or stretch["what"] != state:
            self._end_stretch(when)
            self._stretch = stretch = _moment(state, when, None)
        stretch["heartbeats"] += 1
        stretch["last_heartbeat"] = when or stretch["last_heartbeat"]

    def _add_event(self, what: str, when: str | None, text: object) -> None:
        self._end_stretch(when)
        self._keep(_moment(what, when, text))

    def _add_update(self, entry: SessionEntry, when: str | None) -> None:
        """Keep a new label or new tasks, which do not end a stretch, for after it."""
        if isinstance(entry.get(_LABEL), str):
            self._pending_updates.append(_moment(_LABEL, when, entry[_LABEL]))
        if isinstance(entry.get(_TASKS), list):
            tasks = len(entry[_TASKS])
            self._pending_updates.append(_moment(_TASKS, when, str(tasks)))
        if self._stretch is None:
            self._keep_pending()
        elif (
            self._limit is not None and len(self._pending_updates) > self._limit - HEAD
        ):
            self._pending_updates.pop(0)
            self.left_out += 1

    def _end_stretch(self, when: str | None) -> None:
        if self._stretch is not None:
            self._stretch["to"] = when
            self._keep(self._stretch)
            self._stretch = None
        self._keep_pending()

    def _keep_pending(self) -> None:
        for moment in self._pending_updates:
            self._keep(moment)
        self._pending_updates.clear()

    def _keep(self, moment: Moment) -> None:
        if self._limit is None or len(self._head) < HEAD:
            self._head.append(moment)
            return
        self._tail.append(moment)
        if len(self._tail) > self._limit - HEAD:
            self._tail.popleft()
            self.left_out += 1


def _moment(what: str, when: str | None, text: object) -> Moment:
    return {
        "what": what,
        "from": when,
        "to": None,
        "heartbeats": 0,
        "last_heartbeat": None,
        "text": text if isinstance(text, str) else None,
    }
