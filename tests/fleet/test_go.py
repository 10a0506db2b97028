"""`go` and `resume` with `HOST:SESSION`: over real ssh, and to a real tmux there."""

from __future__ import annotations

import sys

import pytest
from command_line import write
from fleet.hosts import details, printing, write_script
from multiplexers import needs_tmux, session_command, wait_for
from support import ID

HEADCOUNT = [sys.executable, "-m", "lib"]
OPEN = {"pid": 7, "terminal": "tmux", "tty": "/dev/pts/3", "tmux": None}


@pytest.fixture
def go_on_terminal(hosts, on_terminal):
    """Run the command on a terminal; return its exit code and what it writes there."""

    def run(*words):
        return on_terminal(*HEADCOUNT, *words, **hosts.environment()).end()

    return run


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["go", "host0:a"], "go -- a", id="go"),
        pytest.param(["go", "a", "--on", "host0,host1"], "go -- a", id="go-on"),
        pytest.param(["resume", "host0:a"], "resume -- a", id="resume"),
        pytest.param(["resume", "a", "--on", "host0"], "resume -- a", id="resume-on"),
        pytest.param(
            ["resume", "--force", "host0:a"], "resume --force -- a", id="resume-force"
        ),
    ],
)
def test_command_runs_on_the_host_in_this_terminal(
    go_on_terminal, hosts, words, expected
):
    """Its stdin is our terminal there, and its exit code ours."""
    write(hosts.store("host0"), "a")
    real = (hosts.home("host0") / "bin/headcount").read_text()
    script = (
        '#!/bin/sh\nif [ "$1" != show ]; then test -t 0 && echo "runs: $*"; exit 7; fi'
    )
    hosts.install("host0", f"{script}\n{real}")
    code, shown = go_on_terminal(*words)
    assert f"runs: {expected}\r" in shown
    assert code == 7


def test_resume_starts_the_client_of_the_host_in_the_folder_there(
    go_on_terminal, hosts
):
    folder = hosts.home("host0") / "shop"
    folder.mkdir()
    write(hosts.store("host0"), ID, cwd=str(folder), label="nightly")
    client = hosts.home("host0") / "bin/claude"
    write_script(client, '#!/bin/sh\ntest -t 0 && echo "started: $* in $PWD"\n')
    code, shown = go_on_terminal("resume", "host0:nightly")
    assert code == 0
    assert f"started: --resume {ID} in {folder}" in shown


def test_resume_refuses_a_session_that_is_open_on_its_host(ask, hosts):
    hosts.install("host0", printing(details(open_in=[OPEN])))
    code, output, message = ask("resume", "host0:a")
    assert (code, output) == (1, "")
    assert message == (
        "headcount: host0:a is open in pid 7, tmux on /dev/pts/3; `headcount go "
        "host0:a` goes there, `headcount resume --force host0:a` resumes a fork of it\n"
    )


@pytest.mark.parametrize(
    ("reasons", "reason"),
    [
        pytest.param(["pid 7 is on web3"], "pid 7 is on web3", id="with-a-reason"),
        pytest.param([], "no reason is known", id="without-a-reason"),
    ],
)
def test_resume_refuses_a_session_that_may_be_open_elsewhere(
    ask, hosts, reasons, reason
):
    session = details(verdict="unknown", reasons=reasons)
    hosts.install("host0", printing(session))
    code, output, message = ask("resume", "host0:a")
    assert (code, output) == (1, "")
    assert f"headcount: host0:a may be open elsewhere: {reason}; `headcount" in message


def test_session_of_this_machine_is_resumed_here_although_hosts_are_asked(
    go_on_terminal, hosts, store, tmp_path
):
    write(store, ID, cwd=str(tmp_path))
    write_script(hosts.folder / "bin/claude", '#!/bin/sh\necho "started: $*"\n')
    code, shown = go_on_terminal("resume", ID, "--on", "local,host0")
    assert (code, shown) == (0, f"started: --resume {ID}\r\n")


# ---- tmux -----------------------------------------------------------------------


@pytest.fixture
def pane_of_host(hosts, tmux_server):
    """A session in a tmux of host0, in a window that is not shown; server and pane."""
    store = hosts.store("host0")
    server = tmux_server("theirs", store)
    server.start("work", "cat")
    command = session_command(ID)
    pane = server("new-window", "-d", "-P", "-F", "#{pane_id}", "-t", "work:", *command)
    wait_for((store / f"{ID}.jsonl").exists, "the session starts")
    return server, pane


@needs_tmux
def test_go_attaches_this_terminal_to_the_tmux_of_the_host(
    hosts, on_terminal, pane_of_host
):
    server, pane = pane_of_host
    person = on_terminal(*HEADCOUNT, "go", f"host0:{ID}", **hosts.environment())
    person.until(b"ready")
    assert server("display-message", "-p", "-t", "work", "#{pane_id}") == pane
    server("detach-client", "-s", "work")
    assert person.end()[0] == 0


@needs_tmux
def test_go_attaches_to_the_tmux_of_the_host_from_within_a_tmux_here(
    hosts, tmux_server, pane_of_host
):
    ours = tmux_server("ours", **hosts.environment())
    command = [*HEADCOUNT, "go", f"host0:{ID}"]
    inner = ours.start("mine", *command)
    wait_for(
        lambda: "ready" in ours("capture-pane", "-p", "-t", inner),
        "the pane of the host is shown in ours",
    )
