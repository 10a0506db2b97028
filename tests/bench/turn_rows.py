"""What a whole turn of the real client costs, with and without the hooks.

The client is in a terminal, on a machine of its own without a network, and talks to a
stand-in of the Messages API that answers at once. A turn is a prompt, one tool call and
the answer: from the return key until the client says that it is idle.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hook_rows import cells
from table import Row, at_most

from tests.e2e import fetch
from tests.e2e.client import missing, wait_until
from tests.e2e.situations import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contest import Bench

    from tests.e2e.client import Terminal

PROMPT = "RUN: true"
MIN_ROUNDS = 15
ADDED_SECONDS = 0.06


class Turn:
    """A client that has a turn at each call."""

    lost = 0

    def __init__(self, terminal: Terminal, store: Path) -> None:
        self.terminal = terminal
        self.store = str(store)

    def __call__(self) -> float:
        self.terminal.fill_in(PROMPT)
        began = time.time()
        self.terminal.submit(PROMPT)
        return wait_until(lambda: self._idle_since(began), "the turn's end") - began

    def _idle_since(self, began: float) -> float:
        """Return when the client became idle, epoch seconds; 0 if not since *began*."""
        entry = self.terminal.own_entry()
        since = float(entry.get("statusUpdatedAt", 0)) / 1000
        return since if entry.get("status") == "idle" and since > began else 0.0


def turn(bench: Bench) -> Iterator[Row]:
    """Yield a turn with hooks, beside one without ("bare")."""
    with contextlib.ExitStack() as stack:
        try:
            tries = {name: _turn(bench, name, stack) for name in ("ours", "bare")}
        except (fetch.FetchError, LookupError) as reason:
            print(f"no turns: {reason}")
            return
        found = cells(tries, max(bench.rounds, MIN_ROUNDS))
    goal = at_most(1, plus=ADDED_SECONDS)
    yield Row("turn with a tool call (bare: no hooks)", "s", found, goal)


def _turn(bench: Bench, name: str, stack: contextlib.ExitStack) -> Turn:
    if reason := missing():
        raise LookupError(reason)
    home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    program, checkout = fetch.client(fetch.CURRENT), Path(bench.place.checkout)
    stage = stack.enter_context(Stage(program, checkout, home))
    if name == "bare":
        (stage.box.home / ".claude/settings.json").unlink()
    terminal = stage.box.terminal("--allowedTools=Bash")
    return Turn(terminal, stage.box.home / ".local/state/headcount")
