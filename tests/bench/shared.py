"""How much memory the server needs for many machines, and how long a list takes.

    tests/.venv/bin/python tests/bench/shared.py [--stores N] [--sessions N]

It starts a redis-server of its own, and shares made-up sessions on it, as `headcount
share` does. The seconds of a list are those of the processor: what reads, decompresses,
parses and checks runs on one core. Exit status: 0; 1 if a goal was missed.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lib.fleet.shared import encoding, keys, reader  # noqa: E402
from lib.record import timestamps  # noqa: E402

MEMORY_GOAL, READ_GOAL = 30.0, 0.5  # MB, seconds
LOGS = 50  # stores whose logs are filled
TRANSACTIONS = 2000
DAY = 86_400.0
WORDS = ("shop", "blog", "docs", "api", "infra", "web", "data", "mobile")
STATES = ("busy", "idle", "idle", "waiting")


def main() -> int:
    """Share, measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", type=int, default=1000)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        print("needs redis-server or valkey-server", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="shared-") as folder:
        path = f"{folder}/socket"
        words = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
        with subprocess.Popen([program, *words], stdout=subprocess.DEVNULL) as server:
            os.environ["HEADCOUNT_REDIS_URL"] = f"unix://{path}"
            try:
                return measure(connect(path), args)
            finally:
                server.kill()


def connect(path: str) -> Any:  # a client of `redis`
    """Return a client of the server, once it listens."""
    import redis

    while True:
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(path)
            return redis.Redis(unix_socket_path=path)
        except OSError:
            time.sleep(0.01)


def measure(client: Any, args: argparse.Namespace) -> int:
    """Print each figure; return 1 if a goal was missed."""
    chance = random.Random(1)
    what = f"{args.stores} machines with {args.sessions} sessions each"
    before = memory(client)
    values = [machine(chance, n, args.sessions) for n in range(args.stores)]
    stores = [f"{chance.getrandbits(128):032x}" for _ in values]
    for store, value in zip(stores, values, strict=True):
        client.set(keys.of(store).now, value, ex=keys.EXPIRY_SECONDS)
    renew(client, stores)
    megabytes = memory(client) - before
    length = sum(map(len, values)) / len(values)
    print(f"{what}: {megabytes:.1f} MB of memory (goal {MEMORY_GOAL:g} MB)")
    print(f"a value of {args.sessions} sessions: {length / 1000:.1f} kB")
    seconds = []
    for _ in range(args.rounds):
        renew(client, stores)
        seconds.append(read(args.stores * args.sessions))
    median = statistics.median(seconds)
    spread = f"fastest {min(seconds):.2f} s, slowest {max(seconds):.2f} s"
    print(f"a list of them: {median:.2f} s ({spread}, goal {READ_GOAL:g} s)")
    print(f"logs: {logs(client, chance, stores[:LOGS]):.2f} MB for each machine")
    microseconds = transaction(client, stores[0], values[0])
    print(f"a transaction: {microseconds:.0f} us of the server's processor")
    return int(megabytes > MEMORY_GOAL or median > READ_GOAL)


def memory(client: Any) -> float:
    """Return the memory that the data takes on the server, in MB."""
    return float(client.info("memory")["used_memory"]) / 1e6


def renew(client: Any, stores: list[str]) -> None:
    """Renew the lease of each of *stores*."""
    with client.pipeline(transaction=False) as request:
        for store in stores:
            request.set(keys.of(store).lease, b"x" * 250, px=keys.LEASE_MS)
        request.execute()


def read(number: int) -> float:
    """Return the seconds of the processor that one whole list takes."""
    began = time.process_time()
    fleet = reader.Reader().listed()
    seconds = time.process_time() - began
    assert [each["verdict"] for each in fleet.sessions] == ["alive"] * number
    return seconds


def logs(client: Any, chance: random.Random, stores: list[str]) -> float:
    """Fill the logs of *stores*; return how much memory one takes, in MB."""
    before = memory(client)
    for store in stores:
        process = f"linux:{uuid.UUID(int=chance.getrandbits(128))}:4026531836:4211:99"
        with client.pipeline(transaction=False) as request:
            for _ in range(2 * keys.LOG_ENTRIES):
                entry = heartbeat(chance, process)
                fields = {keys.FIELD: json.dumps(entry, separators=(",", ":"))}
                log = keys.of(store).log
                request.xadd(log, fields, maxlen=keys.LOG_ENTRIES, approximate=True)
            request.execute()
    return (memory(client) - before) / len(stores)


def transaction(client: Any, store: str, now: bytes) -> float:
    """Return the microseconds of the server's processor that a transaction takes.

    It is what `headcount share` sends when it renews the lease, and an entry.
    """
    own = keys.of(store)
    before = processor(client)
    for _ in range(TRANSACTIONS):
        with client.pipeline() as request:
            request.watch(own.lease)
            request.get(own.lease)
            request.time()
            request.multi()
            request.xadd(own.log, {keys.FIELD: b"x" * 300}, maxlen=keys.LOG_ENTRIES)
            request.set(own.now, now, ex=keys.EXPIRY_SECONDS)
            request.set(own.cursor, b"x" * 1000, ex=keys.EXPIRY_SECONDS)
            request.expire(own.log, keys.EXPIRY_SECONDS)
            request.pexpire(own.lease, keys.LEASE_MS)
            request.execute()
    return (processor(client) - before) / TRANSACTIONS * 1e6


def processor(client: Any) -> float:
    """Return the seconds that the server has used of the processor."""
    usage = client.info("cpu")
    return float(usage["used_cpu_user"] + usage["used_cpu_sys"])


# ---- Sessions -------------------------------------------------------------------


def some_id(chance: random.Random) -> str:
    """Return an id as Claude Code makes them."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def moment(chance: random.Random) -> str:
    """Return a time within the last day."""
    return timestamps.from_epoch(time.time() - chance.random() * DAY)


def heartbeat(chance: random.Random, process: str) -> dict[str, object]:
    """Return an entry such as are most of them."""
    return {
        "type": "heartbeat",
        "v": 1,
        "id": f"{chance.getrandbits(64):016x}",
        "session_id": some_id(chance),
        "timestamp": moment(chance),
        "event": "UserPromptSubmit",
        "state": chance.choice(STATES),
        "pid": chance.randrange(1000, 4_000_000),
        "process": process,
        "branch": "main",
    }


def machine(chance: random.Random, number: int, sessions: int) -> bytes:
    """Return what a machine with that many sessions shares."""
    boot = some_id(chance)
    common = {"host": f"web{number}", "machine": f"{chance.getrandbits(128):032x}"}
    home = f"/home/{chance.choice(['ada', 'bob', 'eve'])}{number}"
    projects = [f"{chance.choice(WORDS)}-{chance.randrange(99)}" for _ in range(10)]
    found: list[Any] = [
        {**session(chance, home, chance.choice(projects), boot), **common}
        for _ in range(sessions)
    ]
    for each in found:
        here = [s["session_id"] for s in found if s["cwd"] == each["cwd"]]
        others = [other for other in here if other != each["session_id"]]
        each.update(same_worktree=others[:10], same_worktree_count=len(others))
    now = time.time()
    return encoding.encode(encoding.Now(f"web{number}", now, now, found))


def session(
    chance: random.Random, home: str, project: str, boot: str
) -> dict[str, object]:
    """Return a session with everything that one usually has."""
    session_id, pid = some_id(chance), chance.randrange(1000, 4_000_000)
    state, folder = chance.choice(STATES), f"{home}/{project}"
    transcripts = f"{home}/.claude/projects/{folder.replace('/', '-')}"
    return {
        "session_id": session_id,
        "verdict": "alive",
        "reasons": [f"pid {pid} is running", f"last heartbeat {pid % 60} min ago"],
        "state": state,
        "waiting_for": "permission" if state == "waiting" else None,
        "state_since": moment(chance),
        "stopped": False,
        "pid": pid,
        "cwd": folder,
        "label": f"task {pid % 100}" if pid % 5 == 0 else None,
        "name": f"{project}-{pid % 256:02x}",
        "name_source": "client",
        "start_time": moment(chance),
        "last_heartbeat": moment(chance),
        "path": f"{home}/.local/state/headcount/{session_id}.jsonl",
        "archived": False,
        "tasks": [],
        "process": f"linux:{boot}:4026531836:{pid}:{chance.randrange(10**8)}",
        "source": "startup",
        "project_dir": folder,
        "transcript_path": f"{transcripts}/{session_id}.jsonl",
        "entrypoint": "cli",
        "client_version": "2.1.332",
        "cost_usd": round(chance.random() * 20, 4),
        "context_percent": chance.randrange(100),
        "usage_time": moment(chance),
        "worktree": folder,
        "subfolder": None,
        "branch": chance.choice(["main", "main", f"fix/{project}"]),
        "processes": [pid],
    }


if __name__ == "__main__":
    raise SystemExit(main())
