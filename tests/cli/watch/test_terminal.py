"""The watch on real terminals: what is drawn, and that the terminal is restored."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
from types import SimpleNamespace

import multiplexers
import pytest
from command_line import create, environment, write
from multiplexers import session_command, wait_for
from support import ID, ROOT, Client

from lib import sessions
from lib.cli.watch.driver import TerminalDriver

pytestmark = pytest.mark.usefixtures("interruptible")
OTHER = "0aa1f931-8a2e-4bc2-841e-e420ad80648c"
HINT = "q quit"
_MODE = re.compile(r"\x1b\[\?(\d+)([hl])")
_TAKEN = "\x1b[?1049h"
_ON_BEFORE = {"7", "25"}  # lines wrap, and the cursor is visible
_COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:[349][0-7]|10[0-7]|[34]8)(?:;\d+)*m")


class Terminal:
    """A pseudo-terminal with `headcount watch`, and everything written to it."""

    def __init__(self, store, *words, columns=80, rows=24, **more):
        self.ours, self.theirs = pty.openpty()
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, size)
        self.modes = termios.tcgetattr(self.theirs)
        self.written = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lib", "watch", "--interval", "0.1", *words],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=environment(store, **{"TERM": "xterm-256color", **more}),
            preexec_fn=os.setpgrp,  # noqa: PLW1509  # else SIGTSTP may not stop it
        )

    def type(self, keys):
        os.write(self.ours, keys)

    def read(self):
        """Read what comes next; fail if nothing does."""
        assert select.select([self.ours], [], [], 60)[0], self.written[-2000:]
        self.written += os.read(self.ours, 65_536).decode()

    def until(self, text, *, after=0):
        """Read until *text* was written after so many characters."""
        while text not in self.written[after:]:
            self.read()

    def continues(self):
        """Continue the process, which is stopped, and see it draw again."""
        before = len(self.written)
        self.process.send_signal(signal.SIGCONT)
        self.until(_TAKEN, after=before)
        self.until(HINT, after=self.written.rindex(_TAKEN))

    def end(self):
        """Wait for its end; return its exit code and stderr."""
        while self.process.poll() is None:
            if select.select([self.ours], [], [], 0.02)[0]:
                self.read()
        while select.select([self.ours], [], [], 0)[0]:
            self.read()
        return self.process.returncode, self.process.stderr.read().decode()

    def is_restored(self):
        """Whether its modes, and those set by escape sequences, are as before."""
        last = dict(_MODE.findall(self.written))
        switched = {
            mode for mode, way in last.items() if (way == "h") != (mode in _ON_BEFORE)
        }
        keyboard = self.written.count("\x1b[>") == self.written.count("\x1b[<u")
        return (
            not switched and keyboard and termios.tcgetattr(self.theirs) == self.modes
        )


@pytest.fixture
def watch(store):
    started = []

    def start(*words, **more):
        started.append(Terminal(store, *words, **more))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        one.process.stderr.close()
        os.close(one.ours)
        os.close(one.theirs)


# ---- In tmux --------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 30, 2000], ids=str)
def test_watch_fits_terminals_of_each_width(shell, store, number):
    store.mkdir()
    for index in range(number):
        write(store, f"s{index:04}", label=f"number {index}", cwd=f"/repo/{index % 9}")
    shell.start()
    for columns in (80, 120, 200):
        shell.resize(columns)
        lines = shell.until(f"{HINT}")
        while len(lines[-1]) != columns:  # it has not been resized yet
            lines = shell.lines
        assert lines[0].startswith("STATE")
        assert sum(line.startswith("dead ") for line in lines) == min(number, 22)
        assert ("│" in lines[0]) == (columns > 80)
    shell.press("End")
    if number:
        shell.until("number 0 ")  # the oldest
    shell.press("q")
    shell.until("prompt>", gone=False)


def test_watch_stops_at_ctrl_z_and_continues_in_the_foreground(shell, store):
    create(ID, label="publish")
    shell.start()
    shell.until("publish")
    shell.press("C-z")
    shell.until("prompt>")
    assert "publish" not in "\n".join(shell.lines)
    shell.type("fg\n")
    shell.until("publish")
    shell.press("q")
    shell.until("prompt>")
    shell.type("stty -a | grep -c ' icanon.* echo '\n")
    shell.until("prompt>")


def test_watch_copies_to_the_clipboard_of_tmux(shell, store):
    write(store, ID)
    shell.start()
    shell.until(HINT)
    shell.tmux("set-option", "-s", "set-clipboard", "on")
    shell.press("r")
    shell.until("copied")
    assert shell.tmux("show-buffer") == f"claude --resume {ID}"


def test_enter_shows_the_window_of_the_session(shell, store):
    shell.tmux("new-window", "-d", "-n", "other", shlex.join(session_command(ID)))
    person = multiplexers.Terminal([*shell.tmux.command, "attach"], shell.tmux.env)
    wait_for(lambda: shell.tmux("list-clients"), "the client of tmux")
    shell.start("--interval", "0.1")
    shell.until(ID[:8])
    shell.press("Enter")
    wait_for(
        lambda: shell.tmux("display", "-p", "#{window_name}") == "other", "the window"
    )
    shell.tmux("select-window", "-t", ":0")
    shell.until("showing tmux")
    person.close()


def test_enter_leaves_the_watch_and_resumes_what_has_ended(shell, store, tmp_path):
    (tmp_path / "folder").mkdir()
    program = tmp_path / "bin/claude"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho in ${PWD##*/}: $*\n")
    program.chmod(0o755)
    write(store, ID, cwd=str(tmp_path / "folder"))
    shell.type(f"PATH={program.parent}:$PATH\n")
    shell.start()
    shell.until(HINT)
    shell.press("Enter")
    shell.until(f"in folder: --resume {ID}")
    shell.until("prompt>")


def test_enter_says_why_it_cannot_go_anywhere(watch, store):
    create(ID)
    write(store, OTHER, cwd="/")
    seen = watch(PATH="/nowhere", columns=160)
    seen.until(HINT)
    seen.type(b"\x1b[B\r")
    seen.until("`claude` is not on PATH")


# ---- Signals --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        (signal.SIGTERM, -signal.SIGTERM),
        (signal.SIGHUP, -signal.SIGHUP),
        (signal.SIGQUIT, -signal.SIGQUIT),
    ],
    ids=["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"],
)
def test_watch_ends_at_a_signal_and_restores_the_terminal(watch, store, number, code):
    seen = watch()
    seen.until(HINT)
    assert not seen.is_restored()
    seen.process.send_signal(number)
    assert seen.end() == (code, "")
    assert seen.is_restored()


@pytest.mark.parametrize(
    ("key", "code"), [(b"q", 0), (b"\x03", 130)], ids=["q", "ctrl-c"]
)
def test_watch_ends_at_a_key_and_restores_the_terminal(watch, store, key, code):
    create(ID)
    seen = watch()
    seen.until(HINT)
    seen.type(b"\x1b[A\xff\xfe ")  # an arrow, and what means nothing
    sessions.update_heartbeat(ID, state="waiting")
    seen.until("waiting")
    seen.type(key)
    assert seen.end() == (code, "")
    assert seen.is_restored()


def test_watch_restores_the_terminal_before_it_prints_an_error(watch, store):
    create(ID)
    seen = watch()
    seen.until(HINT)
    store.rename(store.with_name("elsewhere"))
    store.write_text("a file")
    code, said = seen.end()
    assert code == 1
    assert f"cannot read {store}" in said
    assert seen.is_restored()


def test_watch_restores_the_terminal_while_it_is_stopped(watch, store):
    create(ID)
    seen = watch()
    seen.until(HINT)
    seen.process.send_signal(signal.SIGTSTP)
    _, status = os.waitpid(seen.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    seen.until("\x1b[?1004l")
    assert seen.is_restored()
    seen.continues()
    assert not seen.is_restored()
    seen.type(b"q")
    assert seen.end() == (0, "")
    assert seen.is_restored()


def test_watch_draws_again_after_sigstop(watch, store):
    create(ID)
    seen = watch()
    seen.until(HINT)
    seen.process.send_signal(signal.SIGSTOP)
    os.waitpid(seen.process.pid, os.WUNTRACED)
    termios.tcsetattr(seen.theirs, termios.TCSANOW, seen.modes)  # as a shell does
    seen.continues()
    seen.type(b"q")
    assert seen.end() == (0, "")
    assert seen.is_restored()


@pytest.mark.parametrize("ignored", [False, True], ids=["SIGHUP", "ignored SIGHUP"])
def test_watch_ends_when_its_terminal_is_closed(store, ignored):
    ours, theirs = pty.openpty()
    hangup = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"] if ignored else []
    process = subprocess.Popen(
        ["setsid", "--ctty", *hangup, sys.executable, "-m", "lib", "watch"],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env=environment(store, TERM="xterm"),
    )
    os.close(theirs)
    written = b""
    while HINT.encode() not in written:
        written += os.read(ours, 65_536)
    os.close(ours)
    try:
        assert process.wait(60) == (0 if ignored else -signal.SIGHUP)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", ["_sigcont_application", "_sigtstp_application"])
def test_signal_handlers_only_schedule_what_they_do(name):
    """They may interrupt a write, which holds the lock that every write needs."""
    driver = object.__new__(TerminalDriver)
    scheduled = []
    driver._loop = SimpleNamespace(call_soon_threadsafe=scheduled.append)
    getattr(driver, name)()
    assert len(scheduled) == 1


def test_watch_timeout_restores_the_terminal(watch, store):
    seen = watch("--timeout", "1s")
    assert seen.end() == (0, "")
    assert seen.is_restored()


# ---- Kinds of terminals ---------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (5, 2), (20, 1)], ids=["1x1", "5x2", "20x1"])
def test_watch_works_in_a_tiny_terminal(watch, store, size):
    create(ID)
    seen = watch(columns=size[0], rows=size[1])
    seen.until("\x1b[?2004h")
    sessions.update_heartbeat(ID, state="waiting")
    seen.type(b"?\x1b[Blq\x1b")
    seen.type(b"\x03")
    assert seen.end() == (130, "")
    assert seen.is_restored()


def test_watch_has_no_colours_with_no_color(watch, store):
    create(ID, state="waiting")
    coloured, plain = watch(), watch(NO_COLOR="1")
    for seen in (coloured, plain):
        seen.until(HINT)
        seen.type(b"q")
        assert seen.end() == (0, "")
    assert _COLOUR.search(coloured.written)
    assert not _COLOUR.search(plain.written)


def test_watch_without_a_keyboard_prints_lines(store):
    create(ID)
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "lib", "watch", "--timeout", "1s"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment(store, TERM="xterm"),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    written = os.read(ours, 65_536)
    os.close(ours)
    os.close(theirs)
    assert b"(started)" in written
    assert b"\x1b" not in written


# ---- What is shown --------------------------------------------------------------


def test_watch_here_and_state_select_sessions(shell, store, tmp_path):
    (tmp_path / "a/.git").mkdir(parents=True)
    create(ID, cwd=str(ROOT), state="waiting")
    create(OTHER, cwd=str(tmp_path / "a"), state="waiting")
    create("busy-one", cwd=str(ROOT), state="busy")
    shell.start("--here", "--state", "waiting")
    shown = "\n".join(shell.until("1 session, waiting only, in "))
    assert ID[:8] in shown
    assert OTHER[:8] not in shown
    assert "busy-one" not in shown


def test_watch_shows_a_killed_client_as_dead(shell, store):
    with Client() as client:
        client.fire("SessionStart")
        shell.start("--interval", "0.1")
        shell.until("idle")
        client.kill()
        shell.until("dead")
        shell.until("0 sessions")


def test_watch_shows_a_client_that_asks_for_trust_until_it_has_it(shell, store):
    home = store.parent / "home"
    with Client() as client:
        folder = os.readlink(f"/proc/{client.pid}/cwd")
        (home / ".claude/sessions").mkdir(parents=True)
        (home / ".claude/sessions" / f"{client.pid}.d41d8cd9.key").touch()
        projects = {folder: {"hasTrustDialogAccepted": False}}
        config = home / ".claude.json"
        config.write_text(json.dumps({"projects": projects}))
        create(ID, state="busy")
        shell.start("--interval", "0.1")
        shell.until("waiting  trust")
        shell.until("1 session")
        shell.press("l", "a", "r")  # there is nothing to do it to
        projects[folder]["hasTrustDialogAccepted"] = True
        config.write_text(json.dumps({"projects": projects}))
        shell.until("trust", gone=True)


def test_watch_writes_the_command_with_osc_52(watch, store):
    write(store, ID)
    seen = watch()
    seen.until(HINT)
    seen.type(b"r")
    command = base64.b64encode(f"claude --resume {ID}".encode()).decode()
    seen.until(f"\x1b]52;c;{command}\x07")


def test_exec_runs_beside_the_screen_and_fails_once_it_is_gone(watch, store):
    create(ID, label="publish", state="busy")
    command = f"echo $HEADCOUNT_NAME >{store}/said; exit 3"
    seen = watch("--exec", command)
    seen.until(HINT)
    sessions.update_heartbeat(ID, state="waiting")
    seen.until("waiting")
    seen.type(b"q")
    code, said = seen.end()
    assert (store / "said").read_text() == "publish\n"
    assert code == 0
    assert said.startswith("headcount: --exec 'echo ")
    assert said.endswith("failed: exit code 3\n")
