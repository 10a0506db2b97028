"""Real tmux servers and terminals, and sessions in them: what a person would see.

A pytest plugin: `tests/conftest.py` names it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest
from command_line import environment
from support import ROOT

needs_tmux = pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux")
# A process that is the client of the session named by the argument.
SESSION = (
    "import os, signal, sys; from lib import sessions; "
    "sessions.create_session(session_id=sys.argv[1], pid=os.getpid()); "
    "print('ready', flush=True); signal.pause()"
)


def wait_for(condition, what):
    """Return the first true value of *condition*; fail, and say *what* was due."""
    give_up = time.monotonic() + 30
    while not (value := condition()):
        assert time.monotonic() < give_up, what
        time.sleep(0.02)
    return value


def session_command(session_id):
    return [sys.executable, "-c", SESSION, session_id]


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, command, env, cwd=ROOT):
        self.ours, theirs = pty.openpty()
        self.tty = os.ttyname(theirs)
        size = struct.pack("HHHH", 24, 100, 0, 0)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=cwd,
            env=env,
        )
        os.close(theirs)
        self.written = b""

    def read(self):
        """Read what has been written; return False once nobody can write any more."""
        while select.select([self.ours], [], [], 0)[0]:
            try:
                block = os.read(self.ours, 65_536)
            except OSError:  # Linux: the other side is closed
                return False
            self.written += block
        return True

    def until(self, text):
        wait_for(lambda: self.read() and text in self.written, f"{text!r} is written")

    def type(self, text):
        os.write(self.ours, text)

    def end(self):
        """Wait for its end; return its exit code, and all that it wrote."""
        wait_for(lambda: not self.read(), "the command ends")
        return self.process.wait(30), self.written.decode()

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGHUP)
        self.read()
        os.close(self.ours)
        self.process.kill()
        self.process.wait()


class Tmux:
    """A tmux server with the store of the test."""

    def __init__(self, socket, store, **more):
        self.command = ["tmux", "-f", "/dev/null", "-S", str(socket)]
        self.env = environment(store, TERM="xterm-256color", **more)

    def __call__(self, *words):
        done = subprocess.run(
            [*self.command, *words],
            env=self.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def start(self, name, *command):
        """Start a session with *command* in its only pane; return the pane's id."""
        form = ("-P", "-F", "#{pane_id}", "-x", "100", "-y", "24")
        return self("new-session", "-d", *form, "-s", name, "--", *command)

    def split(self, target, *command):
        return self("split-window", "-P", "-F", "#{pane_id}", "-t", target, *command)

    def shown_on(self, tty):
        """The pane that the client on this tty shows; "" if it is not attached."""
        lines = self("list-clients", "-F", "#{client_tty} #{pane_id}").splitlines()
        return dict(line.split() for line in lines).get(tty, "")

    def close(self):
        subprocess.run([*self.command, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def tmux_server(store, tmp_path):
    """Make a tmux server by name, or return it; by default with the test's store."""
    servers = {}

    def server(name, store=store, **more):
        if name not in servers:
            servers[name] = Tmux(tmp_path / name, store, **more)
        return servers[name]

    yield server
    for each in servers.values():
        each.close()


@pytest.fixture
def on_terminal(store):
    """Run a command on a terminal of its own."""
    opened = []

    def run(*command, **more):
        env = environment(store, TERM="xterm-256color", **more)
        opened.append(Terminal(command, env))
        return opened[-1]

    yield run
    for each in opened:
        each.close()
