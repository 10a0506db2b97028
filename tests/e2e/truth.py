"""What a client really does, told without the code under test.

The client's own file says it, but for three cases. A killed client leaves the file
behind, and a stopped one does not write it: /proc has the truth. And the file does not
say which dialog is open: the screen does.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .client import Box

Json = dict[str, Any]

GONE, WAITING = "gone", "waiting"
_STATES = {"busy": "busy", "shell": "busy", "idle": "idle", "waiting": WAITING}
# What the screen shows of each dialog in which a turn waits for the person. The client
# calls the last of them open, as it does with those that the person opens.
_DIALOGS = {
    "elicitation": r"Which colour do you like\?",
    "question": r"1\. Red",
    "permission": r"Do you want|needs your approval",
    "plan": r"Would you like|Exit plan mode\?",
    "dialog": r"stay in auto",
}


class Truth(NamedTuple):
    """What process *pid* does in which session; *words* are the client's own for it."""

    pid: int
    session_id: str
    state: str
    words: str
    is_stopped: bool = False
    waiting_for: str | None = None


class History:
    """What was true of one person's clients, and since when (monotonic seconds)."""

    def __init__(self) -> None:
        self.changes: list[tuple[float, Truth | None]] = [(0.0, None)]

    def add(self, when: float, truth: Truth | None) -> None:
        """Note the *truth* from now on; None if it is not known."""
        if truth != self.changes[-1][1]:
            self.changes.append((when, truth))

    def constant(self, begin: float, end: float) -> Truth | None:
        """Return what was true from *begin* to *end*; None if it changed."""
        when, truth = self._last(end)
        return truth if when <= begin else None

    def since(self, end: float) -> float:
        """Return since when that is true which was true at *end*."""
        return self._last(end)[0]

    def session_id(self) -> str:
        """Return the session that the person had last; "" if there was none."""
        ids = (truth.session_id for _, truth in reversed(self.changes) if truth)
        return next(ids, "")

    def _last(self, end: float) -> tuple[float, Truth | None]:
        return next(change for change in reversed(self.changes) if change[0] <= end)


def look_at(box: Box, pid: int, last_session_id: str) -> Truth | None:
    """Return what the client *pid* does now; None if that is not known.

    A client that is gone was in *last_session_id*.
    """
    process_state = box.process_state(pid)
    if process_state in ("", "Z"):
        known = bool(last_session_id)
        return Truth(pid, last_session_id, GONE, "no process") if known else None
    path = box.home / f".claude/sessions/{pid}.json"
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # it is being rewritten
        return None
    state = _STATES.get(str(entry.get("status")))
    words = f"{entry.get('status')} {entry.get('waitingFor', '')}".strip()
    is_stopped = process_state == "T"
    return Truth(pid, entry["sessionId"], state, words, is_stopped) if state else None


def dialog_on(screen: str) -> str | None:
    """Return what the dialog on *screen* waits for; None without such a dialog."""
    kinds = (kind for kind, shown in _DIALOGS.items() if re.search(shown, screen))
    return next(kinds, None)


def with_screen(truth: Truth, screen: str) -> Truth:
    """Return *truth* with what the dialog on *screen* waits for.

    A dialog that a person opens between turns is not one that a turn waits in.
    """
    if truth.state != WAITING:
        return truth
    waiting_for = dialog_on(screen)
    if truth.words == "waiting dialog open" and waiting_for is None:
        return truth._replace(state="idle")
    return truth._replace(waiting_for=waiting_for)
