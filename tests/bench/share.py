"""What sharing through Redis costs, and how soon others see that a session waits.

    tests/.venv/bin/python tests/bench/share.py [--sessions N] [--waits N] [--idle S]

It starts a redis-server and a `headcount share` of its own, with a store of N live
sessions. Exit status: 0; 1 if a goal was missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import psutil

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/bench")]
WAIT_GOAL, CPU_GOAL, RSS_GOAL, HOOK_GOAL = 1.0, 2.0, 40.0, 3.0
HOOK_RUNS = 400  # of each kind, in turns


def main() -> int:
    """Measure, print a line for each figure, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--waits", type=int, default=200)
    parser.add_argument("--idle", type=float, default=60.0)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="share-") as folder,
        contextlib.ExitStack() as processes,
    ):
        server = start_server(pathlib.Path(folder), processes)
        os.environ.update(
            HOME=folder,
            HEADCOUNT_DIR=f"{folder}/store",
            HEADCOUNT_REDIS_URL=f"redis://127.0.0.1:{server}",
        )
        ids = fill(args.sessions, processes)
        sharer = start_sharer(processes)
        missed = [
            *waits(server, ids, args.waits),
            *idle(sharer, server, args.idle),
            *hooks(sharer, ids[0]),
        ]
    return 1 if any(missed) else 0


def report(what: str, value: float, unit: str, goal: float | None) -> bool:
    """Print a figure; return whether it missed its *goal*."""
    missed = goal is not None and value > goal
    limit = "" if goal is None else f"  (goal: {goal:g}{', MISSED' * missed})"
    print(f"{what:<44} {value:8.3f} {unit}{limit}", flush=True)
    return missed


# ---- What is measured -----------------------------------------------------------


def waits(port: int, ids: list[str], number: int) -> list[bool]:
    """How long after a session begins to wait the server tells it to others."""
    import redis

    from lib import sessions
    from lib.fleet.shared import identity, keys

    reader = redis.Redis(port=port)
    log = keys.of(identity.store_id()).log
    seconds = []
    for turn in range(number):
        session_id = ids[turn % len(ids)]
        sessions.update_heartbeat(session_id, state="busy")
        time.sleep(0.3 + turn % 10 / 37)  # at any point of the sharer's round
        (last, _), *_ = reader.xrevrange(log, count=1)
        began = time.perf_counter()
        sessions.update_heartbeat(session_id, state="waiting", waiting_for="permission")
        entry = ""
        while '"waiting"' not in entry:
            ((_, items),) = reader.xread({log: last}, count=1, block=10_000)
            last, entry = items[0][0], items[0][1][keys.FIELD.encode()].decode()
        seconds.append(time.perf_counter() - began)
    seconds.sort()
    p99 = seconds[int(len(seconds) * 0.99) - 1]
    return [
        report("a wait is on the server, p50", statistics.median(seconds), "s", None),
        report("a wait is on the server, p99", p99, "s", WAIT_GOAL),
        report("a wait is on the server, slowest", seconds[-1], "s", None),
    ]


def idle(sharer: psutil.Process, port: int, seconds: float) -> list[bool]:
    """What the sharer needs while no session does anything."""
    import redis

    server = redis.Redis(port=port)
    before, sent = used(sharer), server.info("stats")
    time.sleep(seconds)
    after, received = used(sharer), server.info("stats")
    key = "total_net_{}put_bytes"
    total = sum(received[key.format(k)] - sent[key.format(k)] for k in ("in", "out"))
    commands = "total_commands_processed"
    rss = sharer.memory_info().rss / (1 << 20)
    return [
        report("idle: of a core", (after - before) / seconds * 100, "%", CPU_GOAL),
        report("idle: resident memory", rss, "MiB", RSS_GOAL),
        report("idle: to and from the server", total / seconds, "byte/s", None),
        report(
            "idle: commands",
            (received[commands] - sent[commands] - 1) / seconds,
            "/s",
            None,
        ),
    ]


def used(process: psutil.Process) -> float:
    """Return the CPU time of *process*, in seconds."""
    times = process.cpu_times()
    return float(times.user + times.system)


def hooks(sharer: psutil.Process, session_id: str) -> list[bool]:
    """How long a hook takes with a sharer, compared with one that is stopped."""
    import measure

    measure.become_the_client()
    fields = {"hook_event_name": "UserPromptSubmit", "session_id": session_id}
    script = f"{sys.executable} -I -S {ROOT}/hooks/heartbeat.py $PPID"
    command = measure.Command(script, json.dumps(fields).encode(), dict(os.environ))
    samples: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * HOOK_RUNS):
        shares = bool(turn // 20 % 2)
        if turn % 20 == 0:
            (sharer.resume if shares else sharer.suspend)()
        samples[shares].append(measure.run(command) * 1000)
    sharer.resume()
    with_it, without = (statistics.median(samples[shares]) for shares in (True, False))
    return [
        report("a hook without a sharer, p50", without, "ms", None),
        report("a hook with a sharer, p50", with_it, "ms", None),
        report(
            "a hook with a sharer is slower by",
            (with_it / without - 1) * 100,
            "%",
            HOOK_GOAL,
        ),
    ]


# ---- What is needed for it ------------------------------------------------------


def start_server(folder: pathlib.Path, processes: contextlib.ExitStack) -> int:
    """Start a server, and return its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    words = ["redis-server", "--port", str(port), "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    processes.callback(server.kill)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return port
        time.sleep(0.01)
    raise SystemExit("redis-server did not start")


def fill(number: int, processes: contextlib.ExitStack) -> list[str]:
    """Make that many sessions, each of a process that is alive; return their ids."""
    from lib import sessions

    ids = []
    for index in range(number):
        client = subprocess.Popen(["sleep", "infinity"])
        processes.callback(client.kill)
        ids.append(f"{index:08x}-8a2e-4bc2-841e-e420ad80648c")
        sessions.create_session(session_id=ids[-1], pid=client.pid, cwd=str(ROOT))
    return ids


def start_sharer(processes: contextlib.ExitStack) -> psutil.Process:
    """Start a sharer, and return it once it shares."""
    words = [sys.executable, "-m", "lib", "share"]
    sharer = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    processes.callback(sharer.kill)
    assert sharer.stderr is not None
    if "sharing" not in sharer.stderr.readline():
        raise SystemExit("it does not share")
    return psutil.Process(sharer.pid)


if __name__ == "__main__":
    sys.exit(main())
