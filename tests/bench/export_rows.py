"""`headcount export`: everything, from the end, and following while nothing happens."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Any

import place
import psutil
from measure import Cell
from table import Row, at_least, limit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contest import Bench

SESSIONS = 10_000
DAYS = ("2026-11-01", "2026-11-02")  # every other session is archived in one of them
ENTRIES_PER_SECOND = 50_000
SINCE_SECONDS = 0.3
IDLE_SECONDS = 40.0
IDLE_SHARE = 0.01
MEGABYTES = 30


def export(bench: Bench) -> Iterator[Row]:
    """Yield the speed of an export, and the cost of one that is at its end."""
    count = bench.size(SESSIONS)
    store = _fill(bench, count)
    whole = [_export(bench, store) for _ in range(bench.few_rounds)]
    rate = Cell([entries / seconds for seconds, entries, _ in whole])
    entries, cursor = whole[0][1:]
    what = f"export of {entries:,} entries, {count:,} sessions"
    goal = at_least(ENTRIES_PER_SECOND, "/s")
    yield Row(what, "/s", {"ours": rate}, goal)
    rounds = bench.rounds_for(count)
    seconds = [_export(bench, store, cursor)[0] for _ in range(rounds)]
    goal = limit(SINCE_SECONDS, "s")
    yield Row("export --since the end", "s", {"ours": Cell(seconds)}, goal)
    used, megabytes = _idle(bench, store, cursor)
    what = f"export --follow, idle for {IDLE_SECONDS:.0f} s: CPU"
    goal = limit(IDLE_SECONDS * IDLE_SHARE, "s")
    yield Row(what, "s", {"ours": Cell([used])}, goal)
    yield Row("  memory", "MB", {"ours": Cell([megabytes])}, limit(MEGABYTES, "MB"))


def _fill(bench: Bench, count: int) -> str:
    store = bench.place.store("export")
    archive = [os.path.join(store, "archive", day) for day in DAYS]
    for folder in archive:
        os.makedirs(folder, 0o700)
    folders = (store, archive[0], store, archive[1])
    for number in range(count):
        session_id = str(uuid.uuid4())
        content = place.session(session_id, bench.place.dead)
        place.write(folders[number % len(folders)], session_id, content)
    os.sync()
    return store


def _start(bench: Bench, store: str, cursor: str, *words: str) -> subprocess.Popen[Any]:
    command = subprocess.Popen(
        [bench.place.headcount, "export", *words, *(["--since", "-"] * bool(cursor))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=bench.place.environ(store),
    )
    assert command.stdin is not None
    command.stdin.write(cursor.encode())
    command.stdin.close()
    return command


def _export(bench: Bench, store: str, cursor: str = "") -> tuple[float, int, str]:
    """Export once; return the seconds, the number of entries, and the last cursor."""
    began = time.perf_counter()
    command = _start(bench, store, cursor)
    assert command.stdout is not None
    entries, last = 0, b""
    for line in command.stdout:
        if line.startswith(b'{"type":"cursor"'):
            last = line
        else:
            entries += 1
    command.wait()
    return time.perf_counter() - began, entries, json.loads(last)["cursor"]


def _idle(bench: Bench, store: str, cursor: str) -> tuple[float, float]:
    """Follow an export in which nothing happens; return its CPU seconds and MB."""
    command = _start(bench, store, cursor, "--follow")
    assert command.stdout is not None
    command.stdout.readline()
    process = psutil.Process(command.pid)
    before = process.cpu_times()
    time.sleep(IDLE_SECONDS)
    after = process.cpu_times()
    megabytes = process.memory_info().rss / 2**20
    command.kill()
    command.wait()
    command.stdout.close()
    return after.user + after.system - before.user - before.system, megabytes
