"""The sharer is killed, and the server is killed, while entries are written."""

from __future__ import annotations

import contextlib
import random
import time
from typing import TYPE_CHECKING

import entries
from machine import Machine, Server, await_words

if TYPE_CHECKING:
    import pathlib

SESSIONS, RATE = 5, 500  # entries per second
COMMIT_SECONDS = 0.01  # about how long the sharer needs for a transaction


def measure(folder: pathlib.Path, sharers: int, servers: int) -> list[bool]:
    """Kill that many sharers and servers; return which goals were missed."""
    return [*kill_sharers(folder, sharers), *kill_servers(folder, servers)]


class Scene(contextlib.ExitStack):
    """A store that is shared and written to, and who follows its log elsewhere.

    *numbers* are the arguments of the writer.
    """

    def __init__(self, folder: pathlib.Path, *numbers: int, fsync: str = "always"):
        super().__init__()
        folder.mkdir()
        self.server = Server(folder / "redis", fsync=fsync)
        self.callback(self.server.kill)
        self.machine = Machine(folder, self.server.url)
        self.sharer = self.machine.start_sharer()
        self.callback(self._kill_sharer)
        self.follower = entries.Follower(self.server.client, self.machine.store_id())
        self.writer = entries.start_writer(self.machine.environment, *numbers)
        self.callback(self.writer.kill)
        self.follower.await_lines(1)

    def await_commit(self) -> None:
        """Return at some moment of a transaction of the sharer, or just after it."""
        with self.server.client.monitor() as monitor:
            while not monitor.next_command()["command"].startswith("WATCH"):
                pass
        time.sleep(random.uniform(0, COMMIT_SECONDS))

    def _kill_sharer(self) -> None:
        self.sharer.kill()  # the last one that was started

    def compare(self, what: str) -> list[bool]:
        """End the writer and the sharer; return which goals were missed."""
        entries.end(self.writer)
        assert entries.end(self.sharer) == 0
        followed = self.follower.end()
        return entries.compare(what, self.machine.environment, followed)


def kill_sharers(folder: pathlib.Path, number: int) -> list[bool]:
    """Kill a sharer while it shares, and start the next one."""
    with Scene(folder / "sharers", SESSIONS, RATE) as scene:
        for _ in range(number):
            scene.await_commit()
            scene.sharer.kill()
            scene.sharer.wait()
            scene.sharer = scene.machine.start_sharer()
        return scene.compare(f"kill -9 of the sharer x {number}")


def kill_servers(folder: pathlib.Path, number: int) -> list[bool]:
    """Kill the server, and start it again when the sharer has seen that."""
    with Scene(folder / "servers", SESSIONS, RATE) as scene:
        for _ in range(number):
            scene.await_commit()
            scene.server.kill()
            await_words(scene.sharer, "trying again")
            scene.server.start()
            await_words(scene.sharer, "sharing ")
        return scene.compare(f"kill -9 of redis-server x {number}")
