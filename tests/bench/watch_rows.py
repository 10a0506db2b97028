"""How soon `headcount watch` shows the sessions, on a terminal of 120 columns."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shlex
import signal
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

import place
from hook_rows import SESSIONS_FEW, cells
from table import Row, limit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contest import Bench

SESSIONS_MANY = 2000
FRAME_SECONDS, GIVE_UP_SECONDS = 0.6, 30
MIN_ROUNDS, MAX_ROUNDS = 5, 15
_SIZE = struct.pack("HHHH", 40, 120, 0, 0)
_STATE = b"busy"  # what each session is, and each row says


class FirstFrame:
    """A watch that is started, and ended once it has shown a session."""

    lost = 0

    def __init__(self, bench: Bench, store: str) -> None:
        command = bench.command("ours", store, "watch")
        self.words = shlex.split(command.words)
        self.store = store
        self.environ = {**command.environ, "TERM": "xterm-256color"}

    def __call__(self) -> float:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, _SIZE)
        began = time.perf_counter()
        watch = subprocess.Popen(
            self.words,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=self.environ,
            start_new_session=True,
        )
        os.close(theirs)
        seen = b""
        while _STATE not in seen:
            if not select.select([ours], [], [], GIVE_UP_SECONDS)[0]:
                raise TimeoutError(f"no row in {GIVE_UP_SECONDS} s: {seen[-500:]!r}")
            seen += os.read(ours, 1 << 16)
        seconds = time.perf_counter() - began
        os.killpg(watch.pid, signal.SIGKILL)
        watch.wait()
        os.close(ours)
        return seconds


def watch(bench: Bench) -> Iterator[Row]:
    """Yield the time to the first frame with few and with many live sessions."""
    rounds = min(MAX_ROUNDS, max(MIN_ROUNDS, bench.rounds))
    for count in (SESSIONS_FEW, bench.size(SESSIONS_MANY)):
        store = bench.place.store(f"watch-{count}")
        place.fill(store, count, bench.place.other)
        found = cells({"ours": FirstFrame(bench, store)}, rounds)
        goal = limit(FRAME_SECONDS, "s")
        yield Row(f"watch, first frame, {count:,} live", "s", found, goal)
