"""What comes through the stream of a store, compared with what is in the store."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict

import redis
from machine import LATER
from share import report

from lib.fleet.shared import keys

ROOT = pathlib.Path(__file__).resolve().parents[3]
WRITER = pathlib.Path(__file__).with_name("writer.py")
END_SECONDS = 60.0
CURSOR = b'{"type":"cursor"'  # is not an entry


class Follower(threading.Thread):
    """A program on another machine that reads the log of *store* from its beginning.

    If the server goes away, it continues behind the last entry that it has.
    """

    def __init__(self, server: redis.Redis, store: str) -> None:
        super().__init__(daemon=True)
        self.lines: list[bytes] = []
        self._server = server
        self._log = keys.of(store).log
        self._last = b"0"
        self._is_over = threading.Event()
        self.start()

    def run(self) -> None:
        """Read until `end`."""
        os.setpriority(os.PRIO_PROCESS, self.native_id or 0, os.nice(0) + LATER)
        while not self._is_over.is_set():
            with contextlib.suppress(redis.ConnectionError, redis.TimeoutError):
                self._read()
                continue
            time.sleep(0.02)

    def _read(self) -> None:
        found = self._server.xread({self._log: self._last}, block=200)
        for _, items in found or ():
            for self._last, fields in items:
                self.lines.append(fields[keys.FIELD.encode()])

    def await_lines(self, number: int) -> None:
        """Return when so many lines have come, or after a minute."""
        deadline = time.monotonic() + END_SECONDS
        while len(self.lines) < number and time.monotonic() < deadline:
            time.sleep(0.05)

    def end(self) -> list[bytes]:
        """Return all lines, once it has come to the end of the log."""
        (last, _), *_ = self._server.xrevrange(self._log, count=1)
        while self._last != last:
            time.sleep(0.05)
        self._is_over.set()
        self.join()
        return self.lines


def start_writer(
    environment: dict[str, str], *numbers: int, inside: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    """Start the writer of entries; *inside* are the words that run it on a host."""
    words = [*inside, sys.executable, str(WRITER), *map(str, numbers)]
    return subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def end(process: subprocess.Popen[str]) -> int:
    """Ask *process* to end; return its exit code."""
    process.terminate()
    return process.wait(60)


def exported(environment: dict[str, str]) -> list[bytes]:
    """Return the entries of the store."""
    words = [sys.executable, "-m", "lib", "export"]
    done = subprocess.run(
        words, env=environment, cwd=ROOT, capture_output=True, check=True
    )
    lines = done.stdout.splitlines()
    return [line for line in lines if not line.startswith(CURSOR)]


def compare(
    what: str, environment: dict[str, str], followed: list[bytes]
) -> list[bool]:
    """Print how many entries of the store were lost or doubled; none should be."""
    stored = exported(environment)
    lost = Counter(stored) - Counter(followed)
    doubled = Counter(followed) - Counter(stored)
    is_wrong = by_session(stored) != by_session(followed)
    return [
        report(f"{what}: entries", len(stored), "", None),
        report(f"{what}: lost", lost.total(), "", 0),
        report(f"{what}: more than once", doubled.total(), "", 0),
        report(f"{what}: in another order", is_wrong, "", 0),
    ]


def by_session(lines: list[bytes]) -> dict[str, list[bytes]]:
    """Return the lines of each session, in their order."""
    found = defaultdict(list)
    for line in lines:
        found[json.loads(line)["session_id"]].append(line)
    return found
