"""What the library costs other tools: append, wait, load, discover."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import place
from contest import ID, Bench
from measure import Cell, compete
from table import Goal, Row, at_least, at_most, both, limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIBRARIES = ("ours", "naive", "node", "flock", "append")
READERS = ("ours", "naive", "node")
APPENDS, WRITERS, EACH = 20_000, 128, 20
# The slow are not asked for as many.
_SHARE = {"node": 20, "naive": 10}
MEGABYTE = 1_000_000
LOAD_BYTES, STREAM_BYTES = 100 * MEGABYTE, 1000 * MEGABYTE
STREAM_MEGABYTES = 40
SESSIONS = 10_000


def append(bench: Bench) -> Iterator[Row]:
    """Yield entries a second from one process, lock and all."""
    count = bench.size(APPENDS)

    def of(name: str) -> Callable[[], float]:
        def once() -> float:
            store = bench.place.store(f"append-{name}")
            place.write(store, ID, place.session(ID, bench.place.client))
            number = count // _SHARE.get(name, 1)
            said = bench.job(name, store, "append", ID, str(number))
            return number / float(said["seconds"])

        return once

    tries = {name: of(name) for name in bench.present(*LIBRARIES)}
    samples = compete(tries, bench.few_rounds, 0)
    found = {name: Cell(taken) for name, taken in samples.items()}
    yield Row("append, one process", "/s", found, at_least(5000, "/s"))


def writers(bench: Bench) -> Iterator[Row]:
    """Yield how long a writer among many waits for one entry, and until all is done."""
    many = bench.size(WRITERS) if bench.quick else WRITERS
    results = crowd_of_writers(bench, many, LIBRARIES, bench.few_rounds)
    p99 = {
        name: Cell([crowd.p99 for crowd in crowds], sum(c.lost for c in crowds))
        for name, crowds in results.items()
    }
    goal = both(at_most(0.5, "naive"), at_most(0.5, "node"))
    yield Row(f"{many} writers x {EACH} entries, p99 wait", "s", p99, goal)
    longest = {
        name: Cell([max(crowd.waits) for crowd in crowds])
        for name, crowds in results.items()
    }
    yield Row("  the longest wait", "s", longest, None)
    rate = {
        name: Cell([crowd.rate for crowd in crowds]) for name, crowds in results.items()
    }
    yield Row("  entries a second, all together", "/s", rate, None)


class WritersDone:
    """How a crowd of writers fared."""

    def __init__(self, waits: list[float], lost: int, rate: float) -> None:
        self.waits = waits
        self.lost = lost
        self.rate = rate
        self.p99 = Cell(waits).quantile(0.99)


def crowd_of_writers(
    bench: Bench, many: int, names: tuple[str, ...], rounds: int
) -> dict[str, list[WritersDone]]:
    """Let *many* processes of each contender write at once; return all their rounds."""
    results: dict[str, list[WritersDone]] = {name: [] for name in bench.present(*names)}

    def of(name: str) -> Callable[[], float]:
        def once() -> float:
            done = _write_together(bench, name, many)
            results[name].append(done)
            return done.p99

        return once

    compete({name: of(name) for name in results}, rounds, 0)
    return results


def load(bench: Bench) -> Iterator[Row]:
    """Yield speed and memory of a large session, whole, streamed, and judged."""
    size = bench.size(LOAD_BYTES)
    store = bench.place.store("load")
    path = large_session(store, size, bench)
    done: dict[str, list[dict[str, Any]]] = {name: [] for name in READERS}

    def of(name: str) -> Callable[[], float]:
        def once() -> float:
            done[name].append(bench.job(name, store, "load", path))
            return 0.0

        return once

    tries = {name: of(name) for name in bench.present(*READERS)}
    compete(tries, bench.few_rounds, 0)
    speed = {
        name: Cell([size / MEGABYTE / said["seconds"] for said in done[name]])
        for name in tries
    }
    what = f"load of {size // MEGABYTE} MB"
    yield Row(what, "MB/s", speed, at_least(100, "MB/s"))
    memory = {
        name: Cell([said["megabytes"] * 2**20 / size for said in done[name]])
        for name in tries
    }
    whole = Goal("<= 4 x the file", lambda cells: cells["ours"].value <= 4)
    yield Row("  memory, times the file", "x", memory, whole)
    yield from _streamed(bench)


def discover(bench: Bench) -> Iterator[Row]:
    """Yield all sessions of a folder, from inside one process."""
    count = bench.size(SESSIONS)
    for size, goal in ((1000, limit(0.2, "s")), (MEGABYTE, limit(0.3, "s"))):
        # Who reads whole files leaves 10 GB of them in memory, where it then takes
        # longer to find a few blocks of each. No store is like that.
        ours = bench.place.store("discover")
        theirs = bench.place.store("discover-whole")
        for store in (ours, theirs):
            place.fill(store, count, bench.place.other, size=size)
        tries = {
            name: _seconds_of(bench, name, ours if name == "ours" else theirs)
            for name in bench.present(*READERS)
        }
        samples = compete(tries, bench.few_rounds, 0)
        found = {name: Cell(taken) for name, taken in samples.items()}
        yield Row(f"discover {count:,} of {size // 1000} KB", "s", found, goal)


def _seconds_of(bench: Bench, name: str, store: str) -> Callable[[], float]:
    return lambda: float(bench.job(name, store, "discover")["seconds"])


def large_session(store: str, size: int, bench: Bench) -> str:
    """Put a session of *size* bytes into *store*: metadata, and entries of others."""
    content = place.session(ID, bench.place.client, entries=2)
    path = place.write(store, ID, content)
    block = b"".join(place.note(ID) for _ in range(1000))
    tail = content[content.index(b"\n") + 1 :]
    with open(path, "ab") as file:
        while file.tell() + len(block) < size:
            file.write(block)
        file.write(tail)
    return path


def _streamed(bench: Bench) -> Iterator[Row]:
    size = bench.size(STREAM_BYTES)
    store = bench.place.store("load")
    path = large_session(store, size, bench)
    said = bench.job("ours", store, "stream", path)
    taken = [said["megabytes"]] if "megabytes" in said else []
    cell = Cell(taken, note=said.get("missing", ""))
    what = f"stream of {size // MEGABYTE} MB, memory"
    yield Row(what, "MB", {"ours": cell}, limit(STREAM_MEGABYTES, "MB"))
    small_store = bench.place.store("small")
    small = place.write(small_store, ID, place.session(ID, bench.place.client))
    ratios = []
    for _ in range(bench.few_rounds):
        large_look = bench.job("ours", store, "read", path)["seconds"]
        small_look = bench.job("ours", small_store, "read", small)["seconds"]
        ratios.append(large_look / small_look)
    constant = Goal("<= 1.5 x", lambda cells: cells["ours"].value <= 1.5)
    what = f"head and tail: {size // MEGABYTE} MB against 20 KB"
    yield Row(what, "x", {"ours": Cell(ratios)}, constant)


def _write_together(bench: Bench, name: str, many: int) -> WritersDone:
    """Start the writers, loose them all at once, and count what came of it."""
    store = bench.place.store(f"writers-{name}")
    content = place.session(ID, bench.place.client)
    path = place.write(store, ID, content)
    reading, gate = os.pipe()
    started = [
        subprocess.Popen(
            bench.job_command(name, "writer", ID, str(EACH)),
            env=bench.place.environ(store),
            stdin=reading,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(many)
    ]
    os.close(reading)
    for one in started:
        assert one.stdout is not None
        one.stdout.readline()
    began = time.monotonic()
    os.close(gate)
    said = [json.loads(one.communicate()[0]) for one in started]
    waits = [wait for one in said for wait in one["waits"]]
    with open(path, "rb") as file:
        file.seek(len(content))
        kept = sum(b'"note.added"' in line for line in file)
    seconds = max(one["ended"] for one in said) - began
    return WritersDone(waits, many * EACH - kept, kept / seconds)
