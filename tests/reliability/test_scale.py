"""Large files and full folders: bounded in memory and in time."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from reliability.sights import copies
from support import DEAD_PID, ID, ROOT, payload, types

from lib import sessions
from lib.store import journal

MEMORY_MB = 64
HOOK_SECONDS = 1.1
LOOSE_SECONDS = 5.0
# A parent that is small itself: a child starts with what its parent had.
MEASURE = (
    "import resource, subprocess, sys, time; began = time.monotonic(); "
    "done = subprocess.run(sys.argv[1:], stdout=2).returncode; "
    "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
    "print(done, used.ru_maxrss // 1024, time.monotonic() - began)"
)


def measure(words, stdin=""):
    """Run a program; return its megabytes and seconds."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", MEASURE, *words],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    status, megabytes, seconds = done.stdout.split()
    assert status == "0", done.stderr
    return int(megabytes), float(seconds)


def fire(script, session_id):
    event = "SessionStart" if script == "session_start" else "Stop"
    given = json.dumps(payload(event, session_id, source="resume"))
    return measure([sys.executable, "-I", "-S", f"{ROOT}/hooks/{script}.py"], given)


def call(code):
    return measure([sys.executable, "-c", f"from lib import sessions; {code}"])


SCRIPTS = ("session_start", "heartbeat", "stop", "session_end")
CALLS = {
    "list": "sessions.discover_sessions()",
    "cleanup": "sessions.cleanup_stale_sessions()",
    "load": f"sessions.load_session_jsonl(sessions.get_session_path({ID!r}))",
    "append": f"sessions.append_to_session({ID!r}, {{'type': 'n'}})",
}


@pytest.fixture
def long_line(store, size):
    """A session whose second line is a gigabyte long; in quick runs, a quarter."""
    sessions.create_session(session_id=ID)
    path = store / f"{ID}.jsonl"
    os.truncate(path, size(2**28, 2**30))
    return path


def test_hook_memory_and_time_are_bounded_with_a_gigabyte_in_one_line(
    long_line, full, figure
):
    used = [fire(script, ID) for script in SCRIPTS]
    most, longest = (max(column) for column in zip(*used, strict=True))
    with open(long_line, "rb") as file:
        file.seek(-1000, os.SEEK_END)
        assert b'"type":"session_close"' in file.read()
    figure(
        f"{long_line.stat().st_size >> 20} MB in one line: hooks take at most "
        f"{most} MB and {longest:.2f} s"
    )
    assert most <= MEMORY_MB
    assert longest <= (HOOK_SECONDS if full else LOOSE_SECONDS)


@pytest.mark.parametrize("name", CALLS)
def test_library_memory_is_bounded_with_a_gigabyte_in_one_line(long_line, figure, name):
    megabytes, seconds = call(CALLS[name])
    figure(
        f"{long_line.stat().st_size >> 20} MB in one line: {name} takes {megabytes} MB "
        f"and {seconds:.2f} s"
    )
    assert megabytes <= MEMORY_MB


def populate(store, count, pid):
    sessions.create_session(session_id=ID, pid=pid, cwd="/somewhere/else")
    path = store / f"{ID}.jsonl"
    copies(path.read_text(), ID, (f"session-{n}" for n in range(count)), store)
    path.unlink()


@pytest.mark.parametrize("pid", [None, DEAD_PID], ids=["live", "dead"])
def test_hook_memory_and_time_are_bounded_with_a_full_store(
    store, size, full, figure, pid
):
    count = size(1000, 10_000)
    populate(store, count, pid)
    used = [fire(script, "mine") for script in SCRIPTS]
    most, longest = (max(column) for column in zip(*used, strict=True))
    assert types(store / "mine.jsonl")[0] == "session_metadata"
    assert types(store / "mine.jsonl")[-1] == "session_close"
    figure(
        f"{count} {'live' if pid is None else 'dead'} sessions in the folder: hooks "
        f"take at most {most} MB and {longest:.2f} s"
    )
    assert most <= MEMORY_MB
    assert longest <= (HOOK_SECONDS if full else LOOSE_SECONDS)


def test_full_store_is_listed_and_cleaned_within_bounds(store, size, figure):
    count = size(1000, 10_000)
    populate(store, count, DEAD_PID)
    listed, cleaned = call(CALLS["list"]), call(CALLS["cleanup"])
    assert len(sessions.discover_sessions(archived=True)) == count
    assert sessions.discover_sessions() == []
    figure(
        f"{count} dead sessions: listed in {listed[1]:.1f} s and {listed[0]} MB, "
        f"archived in {cleaned[1]:.1f} s and {cleaned[0]} MB"
    )
    assert max(listed[0], cleaned[0]) <= MEMORY_MB


def test_entries_after_an_overlong_line_still_count(store):
    """A tool that does not keep to 64 KiB hides nothing that comes after it."""
    sessions.create_session(session_id=ID, label="first")
    path = store / f"{ID}.jsonl"
    with open(path, "ab") as file:
        file.write(b'{"type":"bulk","x":"' + b"y" * (2 * journal.HEAD_BYTES) + b'"}\n')
    sessions.append_to_session(ID, {"type": "session_update", "label": "second"})
    sessions.update_heartbeat(ID, state="waiting")
    (info,) = sessions.discover_sessions()
    assert (info.metadata["label"], info.metadata["state"]) == ("second", "waiting")
