"""Who is alive: a file on disk in every condition, reused pids, clocks that move."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from support import DEAD_PID, ID, ROOT, only_with_proc, other_thread
from support import changed_fingerprint as other

from lib import sessions
from lib.record import timestamps
from lib.system import proc, process

HOUR = 3600.0
HOST = process.host_name()
FRESH, OLD = True, False
linux = only_with_proc("makes Linux namespaces, which psutil does not tell apart")


@pytest.fixture(scope="module")
def conditions():
    """Each condition a process can be in: its fields in the record, and what is so."""
    with contextlib.ExitStack() as stack:
        running, stopped, undead, ended = (_sleeper(stack) for _ in range(4))
        prints = {pid: process.fingerprint(pid) for pid in (undead, ended)}
        os.kill(stopped, signal.SIGSTOP)
        os.waitid(os.P_PID, stopped, os.WSTOPPED | os.WNOWAIT)
        os.kill(undead, signal.SIGKILL)
        os.waitid(os.P_PID, undead, os.WEXITED | os.WNOWAIT)
        os.kill(ended, signal.SIGKILL)
        os.waitpid(ended, 0)
        known = process.fingerprint(running)
        thread = stack.enter_context(other_thread())
        yield {
            "running": ("running", running, known, HOST),
            "stopped": ("running", stopped, process.fingerprint(stopped), HOST),
            "running, no fingerprint": ("running", running, None, HOST),
            "ended": ("gone", ended, prints[ended], HOST),
            "ended, no fingerprint": ("gone", ended, None, HOST),
            "zombie": ("gone", undead, prints[undead], HOST),
            "zombie, no fingerprint": ("gone", undead, None, HOST),
            "reused a tick later": ("gone", running, other(running, earlier=1), HOST),
            "reused a day later": ("gone", running, other(running, start="1"), HOST),
            "rebooted": ("gone", running, other(running, boot="x"), HOST),
            "pid above all": ("gone", DEAD_PID, known, HOST),
            "a thread's number": ("gone", thread, None, HOST),
            "other host": ("unknown", running, other(running, boot="x"), "elsewhere"),
            "other host, number": ("unknown", running, None, "elsewhere"),
            "other host, gone": ("unknown", DEAD_PID, None, "elsewhere"),
            "other system": ("unknown", running, _of_other_system(running), HOST),
            "no process": ("unknown", None, None, HOST),
            "pid true": ("unknown", True, None, HOST),
            "pid as text": ("unknown", str(running), known, HOST),
            "pid 0": ("unknown", 0, None, HOST),
            "pid -1": ("unknown", -1, None, HOST),
            "pid too large": ("unknown", 2**31, None, HOST),
            **(_only_with_proc(running) if proc.READS_PROC else {}),
        }


def _only_with_proc(running):
    known, in_other = process.fingerprint(running), other(running, namespace="1")
    return {
        "running, host renamed": ("running", running, known, "its-old-name"),
        "other namespace": ("unknown", running, in_other, HOST),
    }


def _of_other_system(pid):
    return f"psutil:1:{pid}:1.00" if proc.READS_PROC else f"linux:1:1:{pid}:1"


def _sleeper(stack):
    pid = os.fork()
    if pid == 0:
        while True:
            signal.pause()
    stack.callback(_end, pid)
    return pid


def _end(pid):
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


# How old the heartbeat is, or what stands in its place, and whether it is fresh. The
# file is as old as the heartbeat, or older than the limit where that says nothing.
HEARTBEATS = {
    "now": (0.0, FRESH),
    "1 h": (HOUR, FRESH),
    "just within": (24 * HOUR - 60, FRESH),
    "just beyond": (24 * HOUR + 60, OLD),
    "60 h": (60 * HOUR, OLD),
    "10 y": (87_600 * HOUR, OLD),
    "1 min ahead": (-60.0, FRESH),
    "1 d ahead": (-24 * HOUR, OLD),
    "10 y ahead": (-87_600 * HOUR, OLD),
    "nonsense": ("soon", OLD),
    "a number": (7, OLD),
    "missing": (None, OLD),
}
VERDICTS = {
    ("running", FRESH): "alive",
    ("running", OLD): "stale",
    ("gone", FRESH): "dead",
    ("gone", OLD): "dead",
    ("unknown", FRESH): "unknown",
    ("unknown", OLD): "stale",
}


def write(path, process_fields, heartbeat, now):
    pid, known, host = process_fields
    stamp = (
        timestamps.from_epoch(now - heartbeat)
        if type(heartbeat) is float
        else heartbeat
    )
    entry = {
        "type": "session_metadata",
        "session_id": path.stem,
        "pid": pid,
        "process": known,
        "host": host,
        "last_heartbeat": stamp,
    }
    path.write_text(
        json.dumps({k: v for k, v in entry.items() if v is not None}) + "\n"
    )
    path.chmod(0o600)
    age = heartbeat if type(heartbeat) is float and heartbeat >= 0 else 30 * HOUR
    os.utime(path, (now - age,) * 2)


def test_verdict_of_every_condition_on_disk_matches_the_table(
    store, conditions, figure
):
    store.mkdir(mode=0o700)
    now, expected = time.time(), {}
    for row, (said, *fields) in enumerate(conditions.values()):
        for column, (heartbeat, fresh) in enumerate(HEARTBEATS.values()):
            path = store / f"cell-{row}-{column}.jsonl"
            write(path, fields, heartbeat, now)
            expected[path.stem] = VERDICTS[said, fresh]
    found = {
        info.id: sessions.verdict(info.metadata, now=now).verdict
        for info in sessions.discover_sessions()
    }
    names = [*conditions], [*HEARTBEATS]
    assert found == expected, names
    over = {info.id for info in sessions.cleanup_stale_sessions(now=now, dry_run=True)}
    kept = {name for name, said in expected.items() if said in ("alive", "unknown")}
    assert not over & kept
    assert {name for name, said in expected.items() if said == "dead"} <= over
    figure(
        f"liveness truth table, {len(conditions)} conditions x {len(HEARTBEATS)} "
        f"heartbeats on disk: {len(expected)} cells right"
    )


def need_root():
    if os.geteuid() != 0:
        pytest.skip("needs root to make namespaces")


REUSE = """
import os, signal, sys, time
from lib.system import proc, process
times, pid, alive, used = int(sys.argv[1]), 30_000, 0, 0

def sleeper():
    with open("/proc/sys/kernel/ns_last_pid", "w") as last:
        last.write(str(pid - 1))
    child = os.fork()
    if child == 0:
        while True:
            signal.pause()
    return child

def ticks():
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))

for _ in range(times):
    first = sleeper()
    known = process.fingerprint(first)
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)
    born = int(known.rpartition(":")[2])
    while ticks() <= born + 1:
        os.sched_yield()
    second = sleeper()
    used += first == second
    alive += process.probe(second, known, process.host_name())[0] != process.GONE
    own = process.fingerprint(second)
    assert process.probe(second, own, None)[0] == process.RUNNING
    os.kill(second, signal.SIGKILL)
    os.waitpid(second, 0)
print(used, alive)
"""


@linux
def test_reused_pid_is_never_judged_alive(size, figure):
    need_root()
    times = size(50, 1000)
    command = ["unshare", "-pf", "--mount-proc", sys.executable, "-c", REUSE]
    said = subprocess.run(
        [*command, str(times)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    used, alive = map(int, said.stdout.split())
    assert (used, alive) == (times, 0)
    figure(f"{times} pids forced to be used again: {alive} judged alive")


@linux
@pytest.mark.parametrize("hides", [False, True], ids=["shown", "hidden"])
def test_hidden_or_foreign_process_is_never_judged_dead(tmp_path, hides):
    need_root()
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from lib.system import process\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "print(process.probe(int(sys.argv[2]), sys.argv[3], process.host_name())[0])"
    )
    mount = "mount -t proc -o hidepid=2 proc /proc && " if hides else ""
    words = [str(ROOT), str(os.getpid()), process.fingerprint(os.getpid())]
    command = ["unshare", "-m", "sh", "-c", mount + 'exec "$0" "$@"']
    said = subprocess.run(
        [*command, sys.executable, "-B", "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode:
        pytest.skip(f"no such mount here: {said.stderr.strip()[-200:]}")
    assert said.stdout.strip() == ("unknown" if hides else "running")


@linux
def test_containers_with_the_same_name_never_judge_each_other_dead(store, figure):
    """They share the store, the host name and the boot id; not the processes."""
    need_root()
    make = f"from lib import sessions; sessions.create_session(session_id={ID!r})"
    clean = "from lib import sessions; print(sessions.cleanup_stale_sessions())"
    cleaned = []
    for namespaces in ("-pf", "-pfu", "-pfi"):
        for code in (make if not cleaned else "", clean):
            command = ["unshare", namespaces, "--mount-proc", sys.executable, "-c"]
            said = subprocess.run(
                [*command, code], cwd=ROOT, capture_output=True, text=True, check=True
            )
        cleaned.append(said.stdout.strip())
    assert sessions.cleanup_stale_sessions() == []
    assert cleaned == ["[]"] * 3
    (info,) = sessions.discover_sessions()
    assert sessions.verdict(info.metadata).verdict == "unknown"
    figure("3 containers and the host share a store: none archives another's session")


def test_clock_changes_never_archive_a_live_session(
    store, conditions, figure, monkeypatch
):
    _, pid, *_ = conditions["running"]
    for number in range(20):
        sessions.create_session(session_id=f"session-{number}", pid=pid)
        sessions.update_heartbeat(f"session-{number}", state="busy")
    years, flips, steps, began = 87_600 * HOUR, 0, 0, time.time
    shifts = (-years, -24 * HOUR, -HOUR, -1, 1, HOUR, 23 * HOUR, 25 * HOUR, years)
    for shift in shifts:
        monkeypatch.setattr(time, "time", lambda shift=shift: began() + shift)
        assert sessions.cleanup_stale_sessions() == []
        if abs(shift) < 24 * HOUR:
            for info in sessions.discover_sessions():
                flips += not sessions.is_session_alive(info.metadata)
        steps += 1
    assert flips == 0
    figure(f"clock set {steps} times, by 1 s to 10 y: 0 of 20 live sessions archived")
