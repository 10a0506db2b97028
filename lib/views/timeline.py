"""The history of a session: its events, and how long it stayed in each state.

Heartbeats with the same state form one stretch. Entries of other tools are counted by
type.
"""

from __future__ import annotations

from collections import deque

from ..record import transitions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..record.transitions import Transition

    # what, from, to, heartbeats, last_heartbeat and text. Times are timestamps; None
    # stands for what is not known.
    Moment = dict[str, Any]

HEAD = 4  # the moments at the beginning that are always kept
# Where the entry of an event says more about it.
_TEXT_KEYS = {
    transitions.STARTED: "source",
    transitions.RESUMED: "source",
    transitions.CLOSED: "reason",
    transitions.LEFT: "reason",
}


class Timeline:
    """Collects the moments of a session from its transitions, given in order.

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

    def add(self, transition: Transition) -> None:
        """Add the next transition."""
        if transition.event == transitions.CUSTOM:
            kind = str(transition.entry.get("type"))
            self.others[kind] = self.others.get(kind, 0) + 1
        elif transition.event == transitions.UPDATED:
            self._add_update(transition)
        elif transition.event == transitions.STATE:
            self._add_state(transition)
        elif transition.event == transitions.LOST:
            self._end_stretch(transition.time)
        else:
            self._add_event(transition)

    def _add_state(self, transition: Transition) -> None:
        if transition.time is None:
            return
        if self._stretch is None or self._stretch["what"] != transition.state:
            self._end_stretch(transition.time)
            self._stretch = _moment(transition.state, transition.time)
        self._stretch["heartbeats"] += 1
        self._stretch["last_heartbeat"] = transition.time

    def _add_event(self, transition: Transition) -> None:
        event = transition.event
        text = transition.entry.get(_TEXT_KEYS.get(event, ""))
        self._end_stretch(transition.time)
        what = transitions.CLOSED if event == transitions.LEFT else event
        self._keep(_moment(what, transition.time, text))

    def _add_update(self, transition: Transition) -> None:
        """Add a new label or new tasks, which do not end a stretch, after it."""
        label, tasks = map(transition.entry.get, ("label", "tasks"))
        if isinstance(label, str):
            self._pending_updates.append(_moment("label", transition.time, label))
        if isinstance(tasks, list):
            number = str(len(tasks))
            self._pending_updates.append(_moment("tasks", transition.time, number))
        if self._stretch is None:
            self._keep_pending()
        elif self._limit and len(self._pending_updates) > self._limit - HEAD:
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


def _moment(what: str, when: str | None, text: object = None) -> Moment:
    return {
        "what": what,
        "from": when,
        "to": None,
        "heartbeats": 0,
        "last_heartbeat": None,
        "text": text if isinstance(text, str) else None,
    }
