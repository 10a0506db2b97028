"""A process stopped while it holds a session's lock costs no hook its entry."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest
from reliability.sights import only_file_of
from support import DEAD_PID, ID, Client, errors, lines

from lib import sessions

BOUND_SECONDS = 1.1
LOOSE_SECONDS = 5.0
EVENTS = ("SessionStart", "UserPromptSubmit", "Stop", "SessionEnd")
HOLD = (
    "import fcntl, os, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); "
    "print('held', flush=True); sys.stdin.read()"
)


@contextlib.contextmanager
def stopped_holder(path):
    holder = subprocess.Popen(
        [sys.executable, "-I", "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        holder.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, holder.pid, os.WSTOPPED | os.WNOWAIT)
        yield
    finally:
        holder.kill()
        holder.communicate()


def timed(client, event):
    began = time.monotonic()
    client.fire(event, source="resume", reason="other")
    return time.monotonic() - began


@pytest.mark.parametrize("event", EVENTS)
def test_hook_writes_in_time_despite_a_stopped_lock_holder(
    store, client, full, size, figure, event
):
    client.fire("SessionStart", source="startup")
    path, longest = store / f"{ID}.jsonl", 0.0
    with stopped_holder(path):
        for _ in range(size(1, 10)):
            before = len(lines(path))
            longest = max(longest, timed(client, event))
            # Of two heartbeats that say the same, the second is not written.
            assert len(lines(path)) > before or event == "UserPromptSubmit"
        assert "written without the lock" in errors(store)
    figure(f"lock holder stopped, {event}: entry there after {longest:.2f} s at most")
    assert longest <= (BOUND_SECONDS if full else LOOSE_SECONDS)


def test_hook_restores_an_archived_session_that_a_stopped_process_has_locked(
    store, client, full, figure
):
    sessions.create_session(session_id=ID, pid=DEAD_PID)
    archived = sessions.archive_session(store / f"{ID}.jsonl")
    with stopped_holder(archived):
        seconds = timed(client, "Stop")
        entries = lines(only_file_of(store, ID))
        assert [entry["type"] for entry in entries][-1] == "turn_close"
    figure(f"lock holder of an archived session stopped, Stop: {seconds:.2f} s")
    assert seconds <= (BOUND_SECONDS if full else LOOSE_SECONDS)


def test_cleaner_skips_a_session_that_a_stopped_process_has_locked(store):
    sessions.create_session(session_id=ID, pid=DEAD_PID)
    dead = store / f"{ID}.jsonl"
    with stopped_holder(dead):
        began = time.monotonic()
        assert sessions.cleanup_stale_sessions() == []
        assert time.monotonic() - began < LOOSE_SECONDS
        assert dead.exists()


def test_eight_concurrent_session_ends_finish_in_time(store, full, figure):
    """What the client does on exit; it gives SessionEnd 1.5 s unless told otherwise."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client()) for _ in range(8)]
        for number, client in enumerate(clients):
            client.fire("SessionStart", f"session-{number}", source="startup")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            seconds = list(pool.map(end, range(8), clients))
    assert {info.metadata["state"] for info in sessions.discover_sessions()} == {
        "closed"
    }
    figure(f"8 SessionEnd hooks at once: the slowest {max(seconds):.2f} s")
    assert max(seconds) <= (BOUND_SECONDS if full else LOOSE_SECONDS)


def end(number, client):
    began = time.monotonic()
    client.fire("SessionEnd", f"session-{number}", reason="other")
    return time.monotonic() - began
