"""The `headcount` command run as people run it, and sessions for it to show.

A pytest plugin: `tests/conftest.py` names it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest
import schemas
from support import DEAD_PID, ID, ROOT

from lib import sessions
from lib.record import timestamps

DAY = 86_400
USAGE = 2  # the exit code of a command that was typed wrongly
# What each session has in JSON, also where there is no value.
KEYS = {
    *("session_id", "verdict", "reasons", "state", "pid", "cwd", "label"),
    *("start_time", "last_heartbeat", "path", "archived"),
}
HOSTILE = "\x1b]0;pwned\x07\x1b[31mred\nnext\u202elanif\r\x9b2J 日本語 😀"


def environment(store, **more):
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(store.parent / "home"),
        "HEADCOUNT_DIR": str(store),
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        **more,
    }


@pytest.fixture
def headcount(store):
    """Run the command; return its exit code, stdout and stderr."""

    def run(*words, stdin="", cwd=ROOT, **more):
        done = subprocess.run(
            [sys.executable, "-m", "lib", *words],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            cwd=cwd,
            env=environment(store, **more),
            check=False,
        )
        assert "Traceback" not in done.stderr
        if "--json" in words and done.returncode != USAGE:
            schemas.check_output(words, done.stdout)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def start_watch(store):
    """Start a watch into pipes, polling fast; it ends with the test."""
    started = []

    def start(*words, **more):
        process = subprocess.Popen(
            [sys.executable, "-m", "lib", "watch", "--interval", "0.1", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            cwd=ROOT,
            env=environment(store, **more),
            start_new_session=True,  # without the terminal of the tests
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with the command that it runs
        process.communicate()


@pytest.fixture
def terminal(store):
    """Run the command on a terminal, of 80 columns; return what it writes there."""

    def run(*words, columns=80, **more):
        ours, theirs = pty.openpty()
        size = struct.pack("HHHH", 24, columns, 0, 0)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
        command = subprocess.Popen(
            [sys.executable, "-m", "lib", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment(store, **{"TERM": "xterm", **more}),
        )
        os.close(theirs)
        seen = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
        command.wait()
        return seen.decode().replace("\r\n", "\n")

    return run


def _read(descriptor):
    select.select([descriptor], [], [], 20)
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # Linux: the other side is closed
        return b""


def create(session_id=ID, label=None, state=None, **more):
    """A session of this very process, which is alive."""
    sessions.create_session(label, session_id=session_id, **more)
    if state:
        sessions.update_heartbeat(session_id, state=state)
    return session_id


def write(store, session_id, **changes):
    """A metadata line by hand: by default of a process that is gone."""
    store.mkdir(exist_ok=True)
    now = timestamps.from_epoch(time.time())
    entry = {
        "type": "session_metadata",
        "v": 1,
        "id": "0" * 16,
        "session_id": session_id,
        "pid": DEAD_PID,
        "start_time": now,
        "last_heartbeat": now,
        **changes,
    }
    path = store / f"{session_id}.jsonl"
    path.write_text(json.dumps(entry) + "\n")
    return path


def archive(store, session_id, **changes):
    path = write(store, session_id, **changes)
    return sessions.archive_session(path)


@pytest.fixture
def shop(tmp_path):
    """A working tree on a branch, as git leaves it on disk."""
    folder = tmp_path / "shop"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (folder / "cart").mkdir()
    return folder


def cell(heading, name, row):
    """The first word in the column of this *name*."""
    return row[heading.index(name) :].split()[0]


def listed(headcount, *words):
    """The sessions that `list --json` prints, by id."""
    found = json.loads(headcount("list", "--json", *words)[1])["sessions"]
    return {session["session_id"]: session for session in found}
