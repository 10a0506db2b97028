"""SIGKILL at random moments: the acknowledged is on record, and no lock is stuck."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback

from reliability import forked
from reliability.sights import files_of, only_file_of
from support import ID, ROOT, given_up, payload

from lib import file_lock, sessions
from lib.errors import LockTimeoutError
from lib.store import journal

GENERATIONS = 10  # of two writers, on one file
LONGEST_LIFE_SECONDS = 0.012
STUCK_SECONDS = 0.5


class Writer:
    """A forked process that writes to one session until it is killed.

    It says the name of each entry once that is on record.
    """

    def __init__(self, session_id, name):
        self._acks, said = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._acks)
            try:
                _write_for_ever(session_id, name, said)
            except BaseException:  # noqa: BLE001
                traceback.print_exc()  # for pytest to show: it should never end
            finally:
                os._exit(1)
        os.close(said)

    def await_start(self):
        assert os.read(self._acks, 1) == b"!"

    def kill(self):
        """Return what it acknowledged."""
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        with os.fdopen(self._acks) as acks:
            whole = acks.read().split("\n")[:-1]
        assert os.WIFSIGNALED(status), f"it ended by itself, after {whole[-3:]}"
        return whole


def _write_for_ever(session_id, name, said):
    os.write(said, b"!")
    sessions.resume_session(session_id, source="startup")
    number = 0
    while True:
        number += 1
        event = f"{name}.{number}"
        _write_once(session_id, number, event)
        os.write(said, event.encode() + b"\n")


def _write_once(session_id, number, event):
    """Append, beat, close and archive, in turn."""
    if number % 4:
        entry = {"type": "n", "event": event, "pad": "x" * (number % 3 * 4000)}
        sessions.append_to_session(session_id, entry)
    else:
        sessions.update_heartbeat(session_id, state="busy", event=event)
    if number % 7 == 6:
        try:
            path = sessions.get_session_path(session_id)
            sessions.archive_session(path, timeout=0)
        except (FileNotFoundError, LockTimeoutError):
            pass  # the other one was quicker, or writes just now


def on_record(store, session_id):
    """Return the events on record, after one more entry, which settles the file."""
    began = time.monotonic()
    try:
        sessions.append_to_session(session_id, {"type": "n", "event": "last"})
    except sessions.SessionNotFoundError:
        return set()  # both were killed before there was a file
    waited = time.monotonic() - began
    path = only_file_of(store, session_id)
    assert path.stat().st_nlink == 1
    with journal.locked(str(path), 0):
        pass
    found = {entry.get("event") for entry in sessions.load_session_jsonl(path)}
    assert "last" in found
    assert waited < STUCK_SECONDS, f"the lock was stuck for {waited} s"
    return found


def test_killed_writers_lose_no_acknowledged_entry(store, size, chance, figure):
    kills, acknowledged, torn = size(400, 9000), 0, 0
    files = kills // (2 * GENERATIONS)
    for number in range(files):
        session_id, acks = f"session-{number}", []
        for generation in range(GENERATIONS):
            pair = [Writer(session_id, f"{generation}.{half}") for half in range(2)]
            for writer in pair:
                writer.await_start()
            for writer in chance.sample(pair, 2):
                time.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))  # is the test
                acks += writer.kill()
        lost = set(acks) - on_record(store, session_id)
        assert not lost, f"{session_id}: {sorted(lost)}"
        acknowledged += len(acks)
        torn += torn_lines(store, session_id)
    figure(
        f"kill -9 at random points of library writers, 2 a file: {files * 20} kills, "
        f"{acknowledged} acknowledged, 0 lost, {torn} torn lines passed over, "
        "0 locks stuck"
    )


def torn_lines(store, session_id):
    damaged = 0
    for path in files_of(store, session_id):
        lines = path.read_bytes().split(b"\n")[:-1]
        damaged += len(lines) - len(sessions.load_session_jsonl(path))
    return damaged


class WaitingHook:
    """A forked Stop hook that waits for its payload, and for its end soon after."""

    def __init__(self, session_id, event, output):
        self.event = event
        self._raw = json.dumps(payload(event, session_id)).encode()
        given, self._input = os.pipe()
        stop = forked.ACTIONS["Stop"]
        self.pid = forked.start_hook(stop, given, output, self._input)
        os.close(given)

    def let_loose(self):
        os.write(self._input, self._raw)
        os.close(self._input)

    def kill(self):
        """Return whether that was soon enough."""
        os.kill(self.pid, signal.SIGKILL)  # not waited for yet: the number is its own
        _, status = os.waitpid(self.pid, 0)
        return os.WIFSIGNALED(status)


def test_killed_hooks_lose_no_acknowledged_entry(store, size, chance, figure):
    """Two at once on each session; a hook acknowledges by its exit status 0."""
    output, acks, kills, number = forked.memory(), {}, 0, 0
    while kills < size(100, 900):
        session_id = f"session-{number // 20}"
        names = [f"{number}.{half}" for half in range(2)]
        pair = [WaitingHook(session_id, name, output) for name in names]
        for hook in pair:
            hook.let_loose()
        for hook in pair:
            time.sleep(chance.uniform(0, 0.002))  # the moment is the test
            if hook.kill():
                kills += 1
            else:
                acks.setdefault(session_id, set()).add(hook.event)
        number += 1
    os.close(output)
    lost = sum(len(events - on_record(store, sid)) for sid, events in acks.items())
    assert lost <= given_up(store)
    figure(
        f"kill -9 at random points of hooks, 2 a file: {kills} kills, "
        f"{sum(map(len, acks.values()))} acknowledged, {lost} lost, 0 locks stuck"
    )


def test_installed_hooks_lose_nothing_when_killed(store, size, chance, figure):
    command = [sys.executable, "-I", "-S", f"{ROOT}/hooks/stop.py"]
    acks, kills, event = set(), 0, 0
    while kills < size(20, 100):
        event += 1
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        process.stdin.write(json.dumps(payload(f"{event}")).encode())
        process.stdin.close()
        time.sleep(chance.uniform(0.005, 0.03))  # the moment is the test
        process.kill()
        if process.wait() == 0:
            acks.add(f"{event}")
        else:
            kills += 1
    assert not acks or not acks - on_record(store, ID)
    figure(
        f"kill -9 at random points of the installed hook: {kills} kills, "
        f"{len(acks)} acknowledged, 0 lost"
    )


def test_killed_lock_holder_frees_its_lock(store, size, figure):
    sessions.create_session(session_id=ID)
    path, longest, rounds = str(store / f"{ID}.jsonl"), 0.0, size(100, 1000)
    for _ in range(rounds):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            descriptor = os.open(path, os.O_RDWR)
            file_lock.acquire(descriptor, path, 1)
            os.write(writing, b"held")
            signal.pause()
        os.read(reading, 4)
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        with journal.locked(path, 5):
            longest = max(longest, time.monotonic() - began)
        os.waitpid(pid, 0)
        for descriptor in (reading, writing):
            os.close(descriptor)
    figure(
        f"holder killed {rounds} times: lock free after at most {longest * 1000:.0f} ms"
    )
    assert longest < STUCK_SECONDS
