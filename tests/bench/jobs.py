"""Work of a library, timed from inside: run as `jobs.py CONTENDER JOB WORDS...`.

Prints one JSON object. Runs with the environment that the installer made; the folder
of the checkout comes in `CHECKOUT`. Nothing is imported within the time that is taken.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.environ["HEADCOUNT_DIR"]
TEXT = "x" * 100
LOOKS = 200


def peak_megabytes() -> float:
    """Return the most memory that this process has had, its parent's left out."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            kilobytes = next(line for line in status if line.startswith("VmHWM"))
        return int(kilobytes.split()[1]) / 1024
    except FileNotFoundError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


class Ours:
    """The front door, as other tools use it."""

    def __init__(self) -> None:
        sys.path.insert(0, os.environ["CHECKOUT"])
        from lib import model, sessions  # noqa: F401
        from lib.store import reader, snapshot  # noqa: F401

        self.sessions, self.record = sessions, snapshot

    def append(self, session_id: str) -> None:
        self.sessions.append_to_session(
            session_id, {"type": "note.added", "text": TEXT}
        )

    def load(self, path: str) -> int:
        return len(self.sessions.load_session_jsonl(path))

    def stream(self, path: str) -> int:
        return sum(1 for _ in self.sessions.iter_session_jsonl(path))

    def discover(self) -> int:
        return len(self.sessions.discover_sessions())

    def read(self, path: str) -> None:
        self.record.read(path, time.time())


class Naive:
    """The functions behind the naive hook."""

    def __init__(self) -> None:
        sys.path.insert(0, os.path.join(HERE, "others"))
        import naive

        self.naive = naive

    def append(self, session_id: str) -> None:
        entry = self.naive.common("note.added", session_id)
        path = Path(FOLDER) / f"{session_id}.jsonl"
        self.naive.append(path, {**entry, "text": TEXT})

    def load(self, path: str) -> int:
        return len(self.naive.load(Path(path)))

    def discover(self) -> int:
        return len(self.naive.discover())


class Append:
    """One append-mode write, no lock, no check: the limit."""

    locks = False

    def append(self, session_id: str) -> None:
        path = os.path.join(FOLDER, f"{session_id}.jsonl")
        entry = {"type": "note.added", "session_id": session_id, "text": TEXT}
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        if self.locks:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, json.dumps(entry).encode() + b"\n")
        os.close(descriptor)


class Flock(Append):
    """The same under the kernel's own lock, waited for in the kernel."""

    locks = True


CONTENDERS: dict[str, Callable[[], Any]] = {
    "ours": Ours,
    "naive": Naive,
    "append": Append,
    "flock": Flock,
}


def append(library: Any, session_id: str, count: str) -> dict[str, Any]:
    library.append(session_id)
    began = time.perf_counter()
    for _ in range(int(count)):
        library.append(session_id)
    return {"seconds": time.perf_counter() - began}


def writer(library: Any, session_id: str, count: str) -> dict[str, Any]:
    """Append as soon as stdin ends; return how long each entry took."""
    print("ready", flush=True)
    sys.stdin.read()
    waits, lost = [], 0
    for _ in range(int(count)):
        began = time.perf_counter()
        try:
            library.append(session_id)
        except OSError:
            lost += 1
        waits.append(time.perf_counter() - began)
    return {"waits": waits, "lost": lost, "ended": time.monotonic()}


def _timed(work: Callable[..., object], *words: str) -> dict[str, Any]:
    began = time.perf_counter()
    work(*words)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "megabytes": peak_megabytes()}


def load(library: Any, path: str) -> dict[str, Any]:
    return _timed(library.load, path)


def stream(library: Any, path: str) -> dict[str, Any]:
    if not hasattr(getattr(library, "sessions", library), "iter_session_jsonl"):
        return {"missing": "no call for it"}
    return _timed(library.stream, path)


def discover(library: Any) -> dict[str, Any]:
    return _timed(library.discover)


def read(library: Any, path: str) -> dict[str, Any]:
    """What a session is now, read often: the median of one look."""
    times = sorted(_timed(library.read, path)["seconds"] for _ in range(LOOKS))
    return {"seconds": times[LOOKS // 2]}


JOBS = {job.__name__: job for job in (append, writer, load, stream, discover, read)}


if __name__ == "__main__":
    contender, job, *words = sys.argv[1:]
    print(json.dumps(JOBS[job](CONTENDERS[contender](), *words)))
