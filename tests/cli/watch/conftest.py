"""The interactive watch: played in process, and on real terminals."""

from __future__ import annotations

import asyncio
import time

import pytest

from lib.cli.watch.app import Watch
from lib.cli.watch.source import Source
from lib.text import count
from lib.views.changes import Poller

DEADLINE = 60.0


class Stage:
    """A watch without a terminal, and what a person would see of it."""

    def __init__(self, app, pilot):
        self.app, self.pilot = app, pilot

    @property
    def lines(self):
        strips = self.app.screen._compositor.render_strips()
        return [strip.text.rstrip() for strip in strips]

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def list(self):
        return self.app._list

    @property
    def ids(self):
        """The ids in the list, from top to bottom."""
        return [row.session["session_id"] for row in self.list.rows if row.session]

    @property
    def at_cursor(self):
        return self.list.session["session_id"]

    async def press(self, *keys):
        await self.pilot.press(*keys)

    async def until(self, condition):
        """Wait until *condition*, a function or a text on the screen, holds."""
        until = time.monotonic() + DEADLINE
        holds = condition if callable(condition) else lambda: condition in self.text
        while not holds():
            assert time.monotonic() < until, self.text
            await self.pilot.pause(0.01)

    async def polled(self):
        """Wait until the watch has polled once more."""
        board = self.app._board
        before = board.snapshot
        await self.until(lambda: board.snapshot is not before)


@pytest.fixture
def play(store):
    """Run a play, a coroutine that gets a Stage; return the app's result."""

    def run(
        play, *, columns=80, rows=24, select=lambda sessions: sessions, poller=None
    ):
        async def perform():
            app = Watch(
                Source(poller or Poller(), select=select, tell=lambda _: None),
                lambda sessions: count(len(sessions), "session"),
                interval=0.05,
                timeout=None,
            )
            async with app.run_test(size=(columns, rows)) as pilot:
                stage = Stage(app, pilot)
                await stage.until("STATE")
                await play(stage)
            return app.return_value

        return asyncio.run(perform())

    return run
