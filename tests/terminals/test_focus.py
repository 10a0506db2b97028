"""`headcount go` in real terminals: tmux with two servers, and GNU screen."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys

import psutil
import pytest
from command_line import environment
from multiplexers import needs_tmux, session_command, wait_for
from support import ID, ROOT

from lib import sessions
from lib.system import process as process_module
from lib.terminals import kinds, place

needs_screen = pytest.mark.skipif(not shutil.which("screen"), reason="needs screen")
GO = [sys.executable, "-m", "lib", "go"]
WAIT = ["cat"]


def recorded(session_id=ID):
    wait_for(
        lambda: sessions.get_session_path(session_id).exists(), "the session starts"
    )
    return session_id


def session_in(server):
    """A session in the second pane of the second window, neither of which is shown."""
    server.start("work", *WAIT)
    server("new-window", "-d", "-t", "work:", *WAIT)
    pane = server.split("work:1", *session_command(ID))
    server("select-pane", "-t", "work:1.0")
    server("select-window", "-t", "work:0")
    recorded()
    return pane


# ---- tmux -----------------------------------------------------------------------


@needs_tmux
def test_go_switches_the_client_of_the_same_tmux_server(tmux_server, on_terminal):
    server = tmux_server("one")
    pane = session_in(server)
    server.start("mine", *WAIT)
    person = on_terminal(*server.command, "attach", "-t", "mine")
    wait_for(lambda: server.shown_on(person.tty), "the person is attached")
    server("new-window", "-t", "mine:", *GO, ID)
    wait_for(lambda: server.shown_on(person.tty) == pane, "the session is shown")


@needs_tmux
def test_go_shows_another_pane_of_the_same_tmux_window(tmux_server, on_terminal):
    server = tmux_server("one")
    server.start("work", *session_command(ID))
    recorded()
    pane = server("list-panes", "-t", "work", "-F", "#{pane_id}")
    person = on_terminal(*server.command, "attach", "-t", "work")
    wait_for(lambda: server.shown_on(person.tty) == pane, "the person is attached")
    other = server.split("work", "sh", "-c", 'read line; exec "$@"', "sh", *GO, ID)
    wait_for(lambda: server.shown_on(person.tty) == other, "the other pane is shown")
    person.type(b"\n")
    wait_for(lambda: server.shown_on(person.tty) == pane, "the session is shown")


@needs_tmux
def test_go_attaches_to_another_tmux_server_from_within_one(tmux_server, on_terminal):
    theirs, ours = tmux_server("theirs"), tmux_server("ours")
    pane = session_in(theirs)
    ours.start("mine", *WAIT)
    person = on_terminal(*ours.command, "attach", "-t", "mine")
    wait_for(lambda: ours.shown_on(person.tty), "the person is attached")
    ours("new-window", "-t", "mine:", *GO, ID)
    inner = ours("display-message", "-p", "-t", "mine:", "#{pane_tty}")
    wait_for(lambda: theirs.shown_on(inner) == pane, "the session is shown")


@needs_tmux
def test_go_attaches_to_tmux_from_outside(tmux_server, on_terminal):
    server = tmux_server("one")
    pane = session_in(server)
    person = on_terminal(*GO, ID)
    wait_for(lambda: server.shown_on(person.tty) == pane, "the session is shown")
    server("detach-client", "-t", person.tty)
    assert person.end()[0] == 0


@needs_tmux
def test_go_without_a_terminal_selects_the_pane_and_says_how_to_attach(
    tmux_server, headcount, tmp_path
):
    server = tmux_server("one")
    pane = session_in(server)
    code, said, told = headcount("go", ID)
    assert (code, said) == (1, "")
    tty = server("display-message", "-p", "-t", pane, "#{pane_tty}")
    attach = f"tmux -S {tmp_path}/one attach-session -t '{pane}'"
    assert told == (
        f"headcount: this is not a terminal; to show tmux on {tty} run: {attach}\n"
    )
    assert server("display-message", "-p", "-t", "work", "#{pane_id}") == pane


@needs_tmux
def test_go_says_that_the_program_of_the_terminal_is_missing(
    tmux_server, headcount, tmp_path
):
    session_in(tmux_server("one"))
    code, said, told = headcount("go", ID, PATH=str(tmp_path))
    assert (code, said) == (1, "")
    assert told == "headcount: tmux cannot show it: No such file or directory\n"


# ---- GNU screen -----------------------------------------------------------------


@pytest.fixture
def screen(store, tmp_path):
    """GNU screen with the session in window 1, while window 0 is shown."""
    (tmp_path / "sockets").mkdir(mode=0o700)
    env = environment(store, SCREENDIR=str(tmp_path / "sockets"), TERM="xterm")

    def run(*words):
        command = ["screen", "-S", "work", *words]
        done = subprocess.run(
            command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL, check=False
        )
        return done.returncode == 0

    assert run("-c", "/dev/null", "-d", "-m", *WAIT)
    wait_for(lambda: run("-X", "select", "0"), "screen has started")
    assert run("-X", "screen", *session_command(ID))
    recorded()
    assert run("-X", "select", "0")
    run.folder = str(tmp_path / "sockets")
    yield run
    run("-X", "quit")


@needs_screen
def test_go_attaches_to_screen_from_outside(screen, on_terminal):
    person = on_terminal(*GO, ID, SCREENDIR=screen.folder)
    person.until(b"ready")


@needs_screen
def test_go_selects_the_window_of_the_same_screen(screen, on_terminal):
    person = on_terminal("screen", "-x", "work", SCREENDIR=screen.folder)
    person.until(b"\x1b[")
    screen("-X", "screen", *GO, ID)
    person.until(b"ready")


# ---- Terminals that are not here: calls recorded by stand-ins -------------------


@pytest.fixture
def stand_in(store, tmp_path):
    """Run a command in a stand-in for a terminal program; fakes log their calls."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("zellij", "kitty", "wezterm", "osascript"):
        (programs / name).write_text(
            f'#!/bin/sh\n{{ printf "[%s]" "$@"; echo "$WEZTERM_UNIX_SOCKET"; }} '
            f">>{tmp_path}/{name}.log\n"
        )
        (programs / name).chmod(0o755)
    started = []

    def run(name, *command, **variables):
        path = f"{programs}:{os.environ['PATH']}"
        started.append(
            subprocess.Popen(
                [sys.executable, ROOT / "tests/fake_terminal.py", name, *command],
                stdout=subprocess.PIPE,
                cwd=ROOT,
                env=environment(store, PATH=path, **variables),
            )
        )
        return started[-1]

    yield run
    for each in started:
        each.kill()
        each.communicate()


def go_from(stand_in, name, *words, **variables):
    """Run `headcount go` in a terminal; return its exit code and what it wrote."""
    process = stand_in(name, *GO, ID, *words, **variables)
    said = process.stdout.read().decode()
    return process.wait(30), said


def calls(tmp_path, name):
    log = tmp_path / f"{name}.log"
    return log.read_text() if log.exists() else ""


@pytest.fixture
def socket_path(tmp_path):
    """The path of a socket of ours."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        yield str(tmp_path / "socket")


def test_go_focuses_a_kitty_window(stand_in, tmp_path, socket_path):
    to = f"unix:{socket_path}"
    variables = {"KITTY_WINDOW_ID": "3", "KITTY_LISTEN_ON": to}
    stand_in("kitty", *session_command(ID), **variables)
    recorded()
    assert go_from(stand_in, "xterm") == (0, "")
    focus = f"[@][--to][{to}][focus-window][--match][id:3]\n"
    assert calls(tmp_path, "kitty") == focus


def test_go_focuses_a_wezterm_pane(stand_in, tmp_path, socket_path):
    variables = {"WEZTERM_PANE": "4", "WEZTERM_UNIX_SOCKET": socket_path}
    stand_in("wezterm-gui", *session_command(ID), **variables)
    recorded()
    assert go_from(stand_in, "xterm") == (0, "")
    call = f"[cli][activate-pane][--pane-id][4]{socket_path}\n"
    assert calls(tmp_path, "wezterm") == call


ZELLIJ = {"ZELLIJ_SESSION_NAME": "work", "ZELLIJ_PANE_ID": "5"}
FOCUS = "[--session][work][action][focus-pane-id][terminal_5]\n"
SWITCH = "[action][switch-session][work][--pane-id][terminal_5]\n"


@pytest.mark.parametrize(
    ("terminal_name", "ours", "expected"),
    [
        pytest.param("xterm", {}, FOCUS + "[attach][work]\n", id="outside"),
        pytest.param("zellij", {**ZELLIJ, "ZELLIJ_PANE_ID": "1"}, FOCUS, id="same"),
        pytest.param(
            "zellij", {**ZELLIJ, "ZELLIJ_SESSION_NAME": "mine"}, SWITCH, id="another"
        ),
    ],
)
def test_go_focuses_a_zellij_pane(stand_in, tmp_path, terminal_name, ours, expected):
    stand_in("zellij", *session_command(ID), **ZELLIJ)
    recorded()
    assert go_from(stand_in, terminal_name, **ours) == (0, "")
    assert calls(tmp_path, "zellij") == expected


def test_iterm_is_told_the_tty_as_an_argument():
    (kind,) = [kind for kind in kinds.KINDS if kind.name == "iTerm2"]
    address = kind.address(lambda _: "", "/dev/ttys003")
    (command,) = kind.plan(address, {}).commands
    assert command[:2] == ["osascript", "-e"]
    assert command[-1] == "/dev/ttys003"
    assert "item 1 of argv" in command[2]
    assert kind.address(lambda _: "", '/dev/ttys003" & quit & "') == {"tty": ""}


# ---- Places that cannot be shown ------------------------------------------------


def test_go_prints_terminal_and_tty_where_there_is_no_way(stand_in, headcount):
    process = stand_in("xterm", *session_command(ID))
    recorded()
    (child,) = psutil.Process(process.pid).children()
    tty = os.readlink(f"/proc/{child.pid}/fd/0")
    where = f"pid {child.pid}, xterm on {tty}"
    code, said, told = headcount("go", ID)
    assert (code, said) == (1, f"{where}\n")
    assert told == (
        "headcount: its terminal offers no way to show it; go there yourself\n"
    )
    assert headcount("show", ID)[1].splitlines()[-1] == f"it is open in {where}"


INVALID = {
    "option": {"KITTY_WINDOW_ID": "3", "KITTY_LISTEN_ON": "unix:@--help x"},
    "number": {"KITTY_WINDOW_ID": "3 or true", "KITTY_LISTEN_ON": "unix:@kitty"},
    "unset": {"KITTY_WINDOW_ID": "3"},
    "no-socket": {"KITTY_WINDOW_ID": "3", "KITTY_LISTEN_ON": "unix:/etc/passwd"},
    "network": {"KITTY_WINDOW_ID": "3", "KITTY_LISTEN_ON": "tcp:example.org:1"},
}


@pytest.mark.parametrize("variables", INVALID.values(), ids=INVALID)
def test_invalid_variables_of_a_process_reach_no_command(stand_in, tmp_path, variables):
    stand_in("kitty", *session_command(ID), **variables)
    recorded()
    code, said = go_from(stand_in, "xterm")
    assert code == 1
    assert re.match(r"pid \d+, kitty on /dev/pts/\d+\r\n", said)
    assert calls(tmp_path, "kitty") == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_socket_of_another_user_is_not_used(stand_in, tmp_path, socket_path):
    os.chown(socket_path, 65_534, 65_534)
    variables = {"WEZTERM_PANE": "4", "WEZTERM_UNIX_SOCKET": socket_path}
    stand_in("wezterm-gui", *session_command(ID), **variables)
    recorded()
    assert go_from(stand_in, "xterm")[0] == 1
    assert calls(tmp_path, "wezterm") == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_environment_of_another_user_is_not_read(stand_in):
    variables = {"KITTY_WINDOW_ID": "3", "KITTY_LISTEN_ON": "unix:@kitty"}
    command = ["setpriv", "--reuid", "65534", "--clear-groups", "sh", "-c"]
    process = stand_in("kitty", *command, "echo ready; exec cat", **variables)
    process.stdout.readline()
    (child,) = psutil.Process(process.pid).children()
    assert process_module.variable(child.pid, "KITTY_WINDOW_ID") == "3"
    assert place.of_process(child.pid).address == {}


def test_innermost_terminal_counts_where_one_runs_in_another(stand_in, tmp_path):
    inner = [sys.executable, str(ROOT / "tests/fake_terminal.py"), "kitty"]
    variables = {"KITTY_WINDOW_ID": "3", "KITTY_LISTEN_ON": "unix:@kitty"}
    stand_in("zellij", *inner, *session_command(ID), **ZELLIJ, **variables)
    recorded()
    assert go_from(stand_in, "xterm") == (0, "")
    assert "focus-window" in calls(tmp_path, "kitty")
    assert calls(tmp_path, "zellij") == ""


def test_session_without_a_terminal_cannot_be_shown(headcount, store):
    process = subprocess.Popen(
        session_command(ID),
        cwd=ROOT,
        env=environment(store, TMUX="/tmp/x,1,0", TMUX_PANE="%1"),
        start_new_session=True,
    )
    try:
        recorded()
        code, said, told = headcount("go", ID)
    finally:
        process.kill()
        process.wait()
    assert (code, said) == (1, f"pid {process.pid}, without a terminal\n")
    assert told == "headcount: it runs without a terminal\n"
