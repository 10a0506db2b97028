"""`headcount watch` with `--on`, `--exec` and `--notify`: what it starts, and when."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import socket
import struct
import subprocess
import sys
import termios
import time

import pytest
from command_line import HOSTILE, create, environment
from multiplexers import Terminal, needs_tmux
from support import ID, ROOT, Client

from lib import sessions
from lib.cli import notifications
from lib.views import changes

OTHER = "0aa1f931-8a2e-4bc2-841e-e420ad80648c"
WATCH = [sys.executable, "-m", "lib", "watch", "--interval", "0.1"]
# One line for each run.
LOG = (
    'printf "%s|%s|%s|%s|%s\\n" "$HEADCOUNT_SESSION_ID" "$HEADCOUNT_NAME" '
    '"$HEADCOUNT_STATE" "$HEADCOUNT_WAITING_FOR" "$HEADCOUNT_WHERE" >&2'
)


@pytest.fixture
def watch(start_watch):
    """Start a watch, and wait until it has seen the sessions there are."""

    def start(*words, known=1, **more):
        process = start_watch(*words, **more)
        for _ in range(known):
            process.stdout.readline()
        return process

    return start


def runs(process, number):
    """The next runs of LOG."""
    lines = [process.stderr.readline().rstrip("\n") for _ in range(number)]
    return [line.split("|") for line in lines]


@pytest.fixture
def programs(tmp_path):
    """Make programs that log their arguments, and exit with a code; return the log."""
    folder = tmp_path / "programs"
    folder.mkdir()

    def make(name, code=0):
        program = folder / name
        log = tmp_path / f"{name}.log"
        program.write_text(
            f"#!/bin/sh\n{{ printf '[%s]' \"$@\"; echo; }} >>{log}\nexit {code}\n"
        )
        program.chmod(0o755)
        os.mkfifo(log)
        return log

    make.path = f"{folder}:{os.environ['PATH']}"
    return make


# ---- Exec -----------------------------------------------------------------------


def test_exec_runs_once_for_each_session_that_begins_to_wait(watch, store):
    create(ID, label="publish", cwd="/somewhere", state="busy")
    create(OTHER, state="waiting")
    seen = watch("--on", "waiting", "--exec", LOG, known=2)
    sessions.update_heartbeat(ID, state="waiting", waiting_for="permission")
    assert runs(seen, 1) == [[ID, "publish", "waiting", "permission", "/somewhere"]]
    sessions.append_to_session(ID, {"type": "session_update", "label": "new"})
    sessions.update_heartbeat(ID, state="waiting", waiting_for="permission")
    seen.stdout.readline()
    seen.stdout.readline()
    sessions.update_heartbeat(ID, state="waiting", waiting_for="question")
    assert runs(seen, 1) == [[ID, "new", "waiting", "question", "/somewhere"]]


def test_exec_runs_for_each_of_several_sessions(watch, store):
    ids = [create(f"s{number}", state="busy") for number in range(3)]
    seen = watch("--exec", LOG, known=3)
    for session_id in ids:
        sessions.update_heartbeat(session_id, state="waiting")
    assert sorted(run[0] for run in runs(seen, 3)) == ids


class Clock:
    """A clock that goes on only while somebody sleeps."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_actions_are_done_for_at_most_one_session_a_second(store, monkeypatch):
    clock, times = Clock(), []
    monkeypatch.setattr(notifications, "time", clock)
    ids = [create(f"s{number}", state="busy") for number in range(3)]
    poller = changes.Poller()
    with notifications.Notifications(
        frozenset({"waiting"}), [lambda _: times.append(clock.now)]
    ) as requested:
        requested.add(poller.poll(time.time()))
        for session_id in ids:
            sessions.update_heartbeat(session_id, state="waiting")
        requested.add(poller.poll(time.time()))
    assert times == [100.0, 101.0, 102.0]


def test_exec_is_not_run_for_a_session_that_has_gone_on_in_the_meantime(watch, store):
    for session_id in ("a", "b"):
        create(session_id, state="busy")
    create("slow", state="busy")
    seen = watch("--on", "waiting", "--exec", f"{LOG}; read line <{store}/go", known=3)
    os.mkfifo(store / "go")
    sessions.update_heartbeat("slow", state="waiting")
    assert runs(seen, 1)[0][0] == "slow"
    for state in ("waiting", "busy"):
        sessions.update_heartbeat("a", state=state)
        while "  a  " not in seen.stdout.readline():
            pass
    sessions.update_heartbeat("b", state="waiting")
    while "  b  " not in seen.stdout.readline():
        pass
    (store / "go").write_text("\n")
    assert runs(seen, 1)[0][0] == "b"


def test_exec_runs_for_the_states_asked_for_and_tells_closed_from_dead(watch, store):
    create(ID, state="busy")
    with Client() as client:
        client.fire("SessionStart", OTHER)
        words = ("--on", "idle,closed", "--on", "dead", "--exec", LOG)
        seen = watch(*words, known=2)
        sessions.update_heartbeat(ID, state="waiting")
        sessions.update_heartbeat(ID, state="idle")
        assert runs(seen, 1)[0][:3:2] == [ID, "idle"]
        sessions.close_session(ID, reason="logout")
        assert runs(seen, 1)[0][2] == "closed"
        client.kill()
    assert runs(seen, 1)[0][:3:2] == [OTHER, "dead"]


def test_session_that_starts_idle_has_not_become_idle(watch, store):
    create(ID, state="busy")
    seen = watch("--on", "idle,waiting", "--exec", LOG)
    create("new", state="idle")
    create("asks", state="waiting")
    assert runs(seen, 1)[0][0] == "asks"


def test_exec_gets_the_text_of_a_session_as_data_only(watch, store, tmp_path):
    create(ID, label=f"$(touch {tmp_path}/made) `touch {tmp_path}/made` '\"; {HOSTILE}")
    seen = watch("--exec", LOG)
    sessions.update_heartbeat(ID, state="waiting")
    (run,) = runs(seen, 1)
    assert run[1].startswith(f"$(touch {tmp_path}/made) `touch")
    assert run[1].isprintable()
    assert not (tmp_path / "made").exists()


def test_failure_of_exec_is_reported_and_the_watch_goes_on(watch, store):
    create(ID, state="busy")
    seen = watch("--exec", "exit 3")
    sessions.update_heartbeat(ID, state="waiting")
    said = seen.stderr.readline()
    assert said == "headcount: --exec 'exit 3' failed: exit code 3\n"
    assert seen.poll() is None


def test_exec_of_the_last_changes_ends_before_the_watch_does(watch, store):
    create(ID, state="busy")
    seen = watch("--exec", LOG, "--timeout", "2s")
    sessions.update_heartbeat(ID, state="waiting")
    assert seen.wait(60) == 0
    assert ID in seen.stderr.read()


def test_exec_beside_the_screen_leaves_the_screen_alone(store, tmp_path):
    create(ID, state="busy")
    log = tmp_path / "log"
    os.mkfifo(log)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = f'echo disturbed; echo disturbed >&2; echo "$HEADCOUNT_STATE" >{log}'
    process = subprocess.Popen(
        [*WATCH, "--exec", command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=environment(store, TERM="xterm"),
    )
    os.close(theirs)
    written = read_until(ours, b"busy")
    sessions.update_heartbeat(ID, state="waiting")
    assert log.read_text() == "waiting\n"
    os.write(ours, b"q")
    written += read_until(ours, b"")
    assert process.wait(60) == 0
    os.close(ours)
    assert b"disturbed" not in written


def test_leaving_the_screen_does_not_wait_for_a_command(store, tmp_path):
    create(ID, state="busy")
    log = tmp_path / "log"
    os.mkfifo(log)
    person = Terminal(
        [*WATCH, "--exec", f"echo >{log}; read line <{log}"],
        environment(store, TERM="xterm-256color"),
    )
    person.until(ID[:8].encode())
    sessions.update_heartbeat(ID, state="waiting")
    assert log.read_text() == "\n"
    person.type(b"q")
    assert person.process.wait(30) == 0
    os.close(os.open(log, os.O_RDWR))  # ends the command, if it still runs
    person.close()


def read_until(descriptor, text):
    """Read until *text* was read, or to the end if it is empty."""
    written = b""
    while not text or text not in written:
        assert select.select([descriptor], [], [], 30)[0], written
        try:
            block = os.read(descriptor, 65_536)
        except OSError:  # Linux: the other side is closed
            break
        if not block:
            break
        written += block
    return written


# ---- Notify ---------------------------------------------------------------------


def test_notify_calls_notify_send_with_the_session(watch, store, programs):
    log = programs("notify-send")
    create(ID, label="<b>a & b", cwd="/some<where", state="busy")
    watch("--notify", PATH=programs.path, DISPLAY=":0")
    sessions.update_heartbeat(ID, state="waiting", waiting_for="plan")
    assert log.read_text() == (
        "[--app-name=headcount][--][<b>a & b is waiting (plan)][/some&lt;where]\n"
    )


def test_notify_calls_osascript_on_macos(monkeypatch, programs):
    log = programs("osascript")
    monkeypatch.setenv("PATH", programs.path)
    from lib.terminals import desktop

    notifier = desktop.find_notifier()
    with open(os.open(log, os.O_RDWR), "rb") as reader:
        notifier("a title", '"; do shell script "x"')
        said = reader.readline().decode()
    assert said.startswith("[-e][on run argv][-e][display notification")
    assert said.endswith('[end run][a title]["; do shell script "x"]\n')


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param({}, b"\x1b]9;publish is waiting, /somewhere\a\a", id="OSC-9"),
        pytest.param({"TMUX": "/tmp/t,1,0"}, b"\a", id="tmux-bell"),
    ],
)
def test_notify_uses_the_terminal_where_notify_send_fails(
    store, programs, variables, expected
):
    log = programs("notify-send", code=1)
    create(ID, label="publish", cwd="/somewhere", state="busy")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *WATCH, "--notify", "--json"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment(store, PATH=programs.path, DISPLAY=":0", **variables),
    )
    os.close(theirs)
    process.stdout.readline()
    sessions.update_heartbeat(ID, state="waiting")
    assert "publish is waiting" in log.read_text()
    assert read_until(ours, expected) == expected
    process.kill()
    assert process.communicate()[1] == b""
    os.close(ours)


def test_notify_without_any_way_to_show_it_is_an_error(watch, store):
    seen = watch("--notify", known=0)
    assert seen.wait(60) == 1
    assert seen.stderr.read() == (
        "headcount: --notify needs a terminal, or notify-send in a graphical session\n"
    )


# ---- Until, and wrong usage -----------------------------------------------------


def test_until_new_ignores_a_session_that_already_waits(watch, store):
    create(ID, state="waiting")
    create(OTHER, state="busy")
    other = watch("--json", known=2)
    seen = watch("--until", "waiting", "--new", "--json", known=0)
    while seen.poll() is None:  # it may not have looked yet when it waits at first
        for state in ("waiting", "busy"):
            sessions.update_heartbeat(OTHER, state=state)
            other.stdout.readline()
    said = seen.stdout.readline()
    assert OTHER in said
    assert '"changed"' in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--on", "waiting"], "--on needs --exec CMD or --notify"),
        (["--on", "wating", "--notify"], "did you mean waiting?"),
        (["--new"], "--new needs --until STATE"),
        (["--until", "idle", "--exec", "true"], "--until excludes --on, --exec"),
    ],
    ids=["on-alone", "unknown-state", "new-alone", "until-and-exec"],
)
def test_wrong_options_exit_2(headcount, store, words, message):
    code, said, told = headcount("watch", *words)
    assert (code, said) == (2, "")
    assert message in told


# ---- Recipes --------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
@pytest.mark.parametrize(
    ("heading", "url", "expected"),
    [
        pytest.param(
            *("ntfy", "https://ntfy.sh/my-secret-topic"),
            ('Title: "a" \\ is waiting', "~/shop (main)"),
            id="ntfy",
        ),
        pytest.param(
            *("Slack", "https://hooks.slack.com/services/T000/B000/XXXX"),
            ("Content-Type: application/json", r'"text": "\"a\" \\ is waiting"'),
            id="slack",
        ),
    ],
)
def test_recipe_posts_the_session(tmp_path, heading, url, expected):
    section = (ROOT / "docs/notifications.md").read_text().split(f"## {heading}\n")[1]
    script = section.split("```sh\n")[1].split("```")[0]
    assert url in script
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        running = subprocess.Popen(
            ["/bin/sh", "-c", script.replace(url, address)],
            env={
                "PATH": os.environ["PATH"],
                "HEADCOUNT_NAME": '"a" \\',
                "HEADCOUNT_STATE": "waiting",
                "HEADCOUNT_WHERE": "~/shop (main)",
            },
        )
        connection, _ = server.accept()
        with connection:
            request = connection.recv(65_536)
            while not request.partition(b"\r\n\r\n")[2]:
                request += connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert running.wait(30) == 0
    assert request.startswith(b"POST / ")
    assert all(text in request.decode() for text in expected)


@needs_tmux
def test_tmux_recipe_shows_the_sessions_in_the_status_line(store, tmp_path):
    page = (ROOT / "docs/notifications.md").read_text()
    recipe = page.split("## tmux\n")[1].split("```\n")[1]
    (tmp_path / "headcount").write_text(
        f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m lib "$@"\n'
    )
    (tmp_path / "headcount").chmod(0o755)
    (tmp_path / "tmux.conf").write_text(recipe)
    create(ID, state="waiting")
    path = f"{tmp_path}:{os.environ['PATH']}"
    tmux = ["tmux", "-f", tmp_path / "tmux.conf", "-S", tmp_path / "socket"]
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    shown = subprocess.Popen(
        ["setsid", "--ctty", *tmux, "new-session", "cat"],
        stdin=theirs,
        stdout=theirs,
        env=environment(store, PATH=path, TERM="xterm"),
    )
    os.close(theirs)
    try:
        assert b"1 waiting" in read_until(ours, b"1 waiting")
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
        read_until(ours, b"")
        shown.wait(30)
        os.close(ours)
