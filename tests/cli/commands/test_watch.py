"""`headcount watch` on real terminals and pipes: what is drawn, and what is left."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios

import pytest
from command_line import HOSTILE, create, environment, write
from support import ID, ROOT, Client

from lib import sessions
from lib.cli.terminal import screen

OTHER = "0aa1f931-8a2e-4bc2-841e-e420ad80648c"
QUICK = ("--interval", "0.1")
LEFT = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_CONTROL = re.compile(r"\x1b\[(\??)([\d;]*)([A-Za-z])")


class Watched:
    """`headcount watch` on a terminal, of which we see what a person would."""

    def __init__(self, store, *words, columns=80, rows=24, **more):
        self.ours, self.theirs = pty.openpty()
        self._resize(columns, rows)
        self.modes = termios.tcgetattr(self.theirs)
        self.written = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lib", "watch", *QUICK, *words],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=environment(store, **{"TERM": "xterm", "NO_COLOR": "1", **more}),
            preexec_fn=os.setpgrp,  # noqa: PLW1509  # else SIGTSTP may not stop it
        )

    def _resize(self, columns, rows):
        fcntl.ioctl(
            self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0)
        )

    def resize(self, columns, rows):
        self._resize(columns, rows)
        self.process.send_signal(signal.SIGWINCH)

    def type(self, keys):
        os.write(self.ours, keys)

    def read(self):
        """Read what comes next; fail if nothing does."""
        assert select.select([self.ours], [], [], 30)[0], self.screen()
        self.written += os.read(self.ours, 65_536).decode()

    def until(self, text, *, gone=False):
        while (text in "\n".join(self.screen())) == gone:
            self.read()

    def until_written(self, text):
        while text not in self.written:
            self.read()

    def screen(self):
        """The lines of the screen, from everything that was written to it."""
        lines, row = {}, 1
        for part in re.split(r"(\x1b\[\??[\d;]*[A-Za-z])", self.written):
            control = _CONTROL.fullmatch(part)
            if not part:
                continue
            if control is None:
                lines[row] = lines.get(row, "") + part
            elif control[3] == "H":
                row = int(control[2].split(";")[0])
            elif control[3] == "K":
                lines[row] = ""
            elif control[3] == "J":
                lines = {}
        return [lines.get(row, "") for row in range(1, max(lines, default=0) + 1)]

    def end(self):
        """Wait for its end; return its exit code and stderr."""
        self.process.wait(60)
        while select.select([self.ours], [], [], 0)[0]:
            self.read()
        return self.process.returncode, self.process.stderr.read().decode()

    def was_given_back(self):
        return self.written.endswith(LEFT) and (
            termios.tcgetattr(self.theirs) == self.modes
        )


@pytest.fixture
def watch(store):
    started = []

    def start(*words, **more):
        started.append(Watched(store, *words, **more))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        one.process.stderr.close()
        os.close(one.ours)
        os.close(one.theirs)


@pytest.fixture
def follow(store):
    """`headcount watch` into a pipe; read from it line by line."""
    started = []

    def start(*words, **more):
        process = subprocess.Popen(
            [sys.executable, "-m", "lib", "watch", *QUICK, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            cwd=ROOT,
            env=environment(store, **more),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


# ---- The screen -----------------------------------------------------------------


def test_watch_shows_the_table_and_its_changes(watch, store):
    create(ID, label="publish", state="busy")
    seen = watch()
    seen.until("publish")
    assert seen.screen()[0].split() == [
        *("STATE", "SINCE", "ID", "NAME", "WHERE", "AGE")
    ]
    assert seen.screen()[-1] == "1 session; q quits"
    sessions.update_heartbeat(ID, state="waiting")
    seen.until("1 session, 1 waiting; q quits")
    create(OTHER)
    seen.until(OTHER[:8])
    sessions.archive_session(store / f"{OTHER}.jsonl")
    seen.until(OTHER[:8], gone=True)


def test_watch_shows_a_killed_client_as_dead(watch, store):
    with Client() as client:
        client.fire("SessionStart")
        seen = watch()
        seen.until("idle")
        client.kill()
        seen.until("dead")
        seen.until("0 sessions; q quits")


def test_watch_redraws_only_changed_lines(watch, store):
    create(ID)
    seen = watch()
    for state in ("busy", "idle") * 3:
        sessions.update_heartbeat(ID, state=state)
        seen.until(state)
    assert seen.written.count("\x1b[1;1H") == 1
    assert seen.written.count("\x1b[2J") == 1
    assert seen.written.count("\x1b[2;1H") >= 6


LEAVING = {"q": b"q", "Q": b"Q", "escape": b"\x1b"}


@pytest.mark.parametrize("key", LEAVING.values(), ids=LEAVING)
def test_watch_ends_at_a_key_and_restores_the_terminal(watch, store, key):
    create(ID)
    seen = watch()
    seen.until("q quits")
    assert not seen.was_given_back()
    seen.type(b"\x1b[Ax\r ")  # an arrow, and what means nothing
    sessions.update_heartbeat(ID, state="waiting")
    seen.until("waiting; q quits")
    seen.type(key)
    assert seen.end() == (0, "")
    assert seen.was_given_back()


def test_arrow_key_is_not_taken_for_escape(monkeypatch):
    keys, hand = os.pipe()
    really = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, _: really(descriptor, 1))
    display = screen.Screen()
    monkeypatch.setattr(display, "_keys", keys)
    os.write(hand, b"\x1b[A")
    assert display.pause(0.01)
    os.write(hand, b"\x1b")
    assert not display.pause(60)


@pytest.mark.usefixtures("interruptible")
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
    seen.until("q quits")
    seen.process.send_signal(number)
    assert seen.end() == (code, "")
    assert seen.was_given_back()


def test_watch_restores_the_terminal_before_it_prints_an_error(watch, store):
    create(ID)
    seen = watch()
    seen.until("q quits")
    store.rename(store.with_name("elsewhere"))
    store.write_text("a file")
    code, said = seen.end()
    assert code == 1
    assert f"cannot read {store}" in said
    assert seen.was_given_back()


def test_watch_restores_the_terminal_when_stopped_and_redraws_when_continued(
    watch, store
):
    create(ID)
    seen = watch()
    seen.until("q quits")
    seen.process.send_signal(signal.SIGTSTP)
    _, status = os.waitpid(seen.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    seen.until_written(LEFT)
    assert seen.was_given_back()
    seen.written = ""
    seen.process.send_signal(signal.SIGCONT)
    seen.until(ID[:8])
    seen.until("q quits")
    assert seen.written.startswith("\x1b[?1049h")
    assert termios.tcgetattr(seen.theirs) != seen.modes
    seen.type(b"q")
    assert seen.end() == (0, "")
    assert seen.was_given_back()


def test_watch_redraws_after_sigstop(watch, store):
    create(ID)
    seen = watch()
    seen.until("q quits")
    seen.process.send_signal(signal.SIGSTOP)
    os.waitpid(seen.process.pid, os.WUNTRACED)
    termios.tcsetattr(seen.theirs, termios.TCSANOW, seen.modes)  # as a shell does
    seen.written = ""
    seen.process.send_signal(signal.SIGCONT)
    seen.until(ID[:8])
    seen.until("q quits")
    seen.type(b"q")
    assert seen.end() == (0, "")
    assert seen.was_given_back()


def test_watch_redraws_a_resized_terminal(watch, store):
    create(ID, label="a label that is longer than there is room for it at first")
    seen = watch(columns=40)
    seen.until("q quits")
    assert "at first" not in "".join(seen.screen())
    seen.resize(200, 5)
    seen.until("at first")
    assert len(seen.screen()) == 5
    seen.resize(60, 3)
    seen.until("at first", gone=True)
    assert len(seen.screen()) == 3
    assert seen.screen()[-1] == "1 session; q quits"


def test_watch_counts_sessions_that_do_not_fit_and_never_wraps(watch, store):
    for number in range(30):
        create(f"s{number}", label=f"{HOSTILE} " * 20)
    seen = watch(columns=50, rows=10)
    seen.until("q quits")
    screen = seen.screen()
    assert len(screen) == 10
    assert screen[-2:] == [
        "\N{HORIZONTAL ELLIPSIS} and 23 more",
        "30 sessions; q quits",
    ]
    assert "\n" not in seen.written
    assert "\x1b]" not in seen.written
    assert all(len(line) <= 50 for line in screen)


@pytest.mark.parametrize("size", [(1, 1), (5, 2), (20, 1)], ids=["1x1", "5x2", "20x1"])
def test_watch_works_in_a_tiny_terminal(watch, store, size):
    create(ID)
    seen = watch(columns=size[0], rows=size[1])
    seen.until_written("\x1b[2K")
    seen.type(b"q")
    assert seen.end() == (0, "")


def test_watch_keeps_the_last_character_of_a_full_line(watch, store):
    create(ID)
    seen = watch(columns=19)
    seen.until("q quits")
    assert not re.search(r"quits\x1b\[[02]?K", seen.written)


def test_watch_here_and_state_filter_the_table(watch, store, tmp_path):
    (tmp_path / "a/.git").mkdir(parents=True)
    create(ID, cwd=str(ROOT), state="waiting")
    create(OTHER, cwd=str(tmp_path / "a"), state="waiting")
    create("busy-one", cwd=str(ROOT), state="busy")
    seen = watch("--here", "--state", "waiting")
    seen.until("1 session, waiting only, in ")
    assert ID[:8] in "\n".join(seen.screen())
    assert OTHER[:8] not in "\n".join(seen.screen())
    assert "busy-one" not in "\n".join(seen.screen())


def test_screen_shows_a_client_that_asks_for_trust_until_it_has_it(watch, store):
    home = store.parent / "home"
    with Client() as client:
        folder = os.readlink(f"/proc/{client.pid}/cwd")
        (home / ".claude/sessions").mkdir(parents=True)
        (home / ".claude/sessions" / f"{client.pid}.d41d8cd9.key").touch()
        projects = {folder: {"hasTrustDialogAccepted": False}}
        config = home / ".claude.json"
        config.write_text(json.dumps({"projects": projects}))
        create(ID, state="busy")
        seen = watch()
        seen.until("waiting  trust")
        seen.until("1 session; q quits")
        projects[folder]["hasTrustDialogAccepted"] = True
        config.write_text(json.dumps({"projects": projects}))
        seen.until("trust", gone=True)


def test_watch_timeout_restores_the_terminal(watch, store):
    seen = watch("--timeout", "1s")
    assert seen.end() == (0, "")
    assert seen.was_given_back()


# ---- Line by line ---------------------------------------------------------------


def test_watch_without_a_terminal_prints_a_line_per_change(follow, store):
    create(ID, label="publish", cwd="/somewhere")
    seen = follow()
    clock = r"\d\d:\d\d:\d\d  "
    line = rf"idle \(\d s\)  {ID[:8]}  publish  /somewhere  \(started\)\n"
    assert re.fullmatch(clock + line, seen.stdout.readline())
    sessions.update_heartbeat(ID, state="waiting")
    assert seen.stdout.readline()[10:] == (
        f"waiting  {ID[:8]}  publish  /somewhere  (state was idle)\n"
    )
    sessions.close_session(ID, reason="logout")
    said = seen.stdout.readline()[10:]
    assert said.startswith(
        f"closed   {ID[:8]}  publish  /somewhere  (ended: closed (lo"
    )


def test_watch_on_a_dumb_terminal_prints_lines_without_escapes(watch, store):
    create(ID, label=HOSTILE)
    seen = watch("--timeout", "1s", TERM="dumb")
    assert seen.end() == (0, "")
    assert "(started)\r\n" in seen.written
    assert "\x1b" not in seen.written


def test_watch_json_prints_an_object_per_change_with_the_previous_values(follow, store):
    create(ID, label=HOSTILE)
    seen = follow("--json")
    events = [json.loads(seen.stdout.readline())]
    sessions.update_heartbeat(ID, state="busy")
    events.append(json.loads(seen.stdout.readline()))
    sessions.close_session(ID)
    events.append(json.loads(seen.stdout.readline()))
    assert [one["event"] for one in events] == ["started", "changed", "ended"]
    assert [one.get("before") for one in events] == [None, {"state": "idle"}, None]
    assert {one["session"]["session_id"] for one in events} == {ID}
    assert events[2]["session"]["verdict"] == "dead"


def test_watch_state_reports_only_sessions_entering_or_leaving_it(follow, store):
    create(ID, state="busy")
    seen = follow("--json", "--state", "waiting")
    for state in ("idle", "busy", "waiting", "busy"):
        sessions.update_heartbeat(ID, state=state)
        if state == "waiting":
            assert json.loads(seen.stdout.readline())["session"]["state"] == "waiting"
    assert json.loads(seen.stdout.readline())["before"] == {"state": "waiting"}


def test_watch_ends_when_its_reader_is_gone(follow, store):
    seen = follow("--json")
    seen.stdout.close()
    create(ID)
    assert seen.wait(60) == 141
    seen.stdout = open(os.devnull)  # noqa: SIM115  # for communicate()


# ---- Until ----------------------------------------------------------------------


def test_until_prints_a_matching_session_at_once(headcount, store):
    create(ID, state="busy")
    create(OTHER, state="waiting", label="ask me")
    code, said, told = headcount("watch", "--until", "waiting")
    assert (code, told) == (0, "")
    line = rf".{{8}}  waiting \(\d s\)  {OTHER[:8]}  ask me  .*\(started\)\n"
    assert re.fullmatch(line, said)
    code, said, _ = headcount("watch", "--until", "waiting", "--json")
    assert json.loads(said)["session"]["session_id"] == OTHER
    assert said.count("\n") == 1


@pytest.mark.parametrize("state", ["closed", "dead"])
def test_until_waits_for_a_session_to_die_or_close(follow, store, state):
    with Client() as client:
        client.fire("SessionStart")
        create(OTHER)
        seen = follow("--until", state, "--json")
        other = follow("--json")
        other.stdout.readline()
        assert seen.poll() is None
        if state == "dead":
            client.kill()
        else:
            client.fire("SessionEnd", reason="logout")
        event = json.loads(seen.stdout.readline())
        assert seen.wait(60) == 0
        assert (event["event"], event["session"]["session_id"]) == ("ended", ID)


def test_until_sees_a_session_closed_and_archived_between_two_polls(follow, store):
    seen = follow("--until", "closed", "--json")
    beside = follow("--json")
    while seen.poll() is None:  # it may not have looked yet when the first one goes
        session_id = sessions.create_session()
        beside.stdout.readline()
        sessions.close_session(session_id)
        sessions.archive_session(store / f"{session_id}.jsonl")
        while json.loads(beside.stdout.readline())["event"] != "ended":
            pass
    event = json.loads(seen.stdout.readline())
    assert (event["event"], event["session"]["archived"]) == ("ended", True)


def test_until_matches_a_session_dead_at_the_start(headcount, store):
    write(store, ID)
    code, said, _ = headcount("watch", "--until", "dead", "--json")
    assert (code, json.loads(said)["event"]) == (0, "ended")


def test_until_exits_1_at_the_timeout(headcount, store):
    create(ID, state="busy")
    code, said, told = headcount("watch", "--until", "waiting", "--timeout", "1s")
    assert (code, said) == (1, "")
    assert told == "headcount: no session was waiting within 1 s\n"


@pytest.mark.parametrize(
    "words",
    [
        ["--interval", "0"],
        ["--interval", "nan"],
        ["--interval", "often"],
        ["--timeout", "soon"],
        ["--until", "shut"],
        ["--state", "asleep"],
    ],
    ids=" ".join,
)
def test_invalid_arguments_exit_2(headcount, store, words):
    code, said, told = headcount("watch", *words)
    assert (code, said) == (2, "")
    assert told.startswith("headcount: ")
