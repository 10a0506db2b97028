"""What people ask of real clients: watch, recover, and the status line."""

from __future__ import annotations

import json
import re

from .client import MARK, Terminal, wait_until

TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def recoverable(box):
    """What `headcount recover --json` lists."""
    return json.loads(box.run("headcount", "recover", "--json").stdout)["sessions"]


def test_watch_reports_the_changes_of_two_clients(box, records):
    watching = box.start("headcount", "watch", "--json", "--interval", "0.2")

    def told(**like):
        """Wait for a line of the watch in which the session has all of *like*."""
        while line := watching.stdout.readline():
            change = json.loads(line)
            seen = {"event": change["event"], **change["session"]}
            if all(seen[key] == value for key, value in like.items()):
                return change
        raise AssertionError(f"the watch ended before {like}")

    first = box.terminal("--permission-mode", "default")
    first_id = records.new_id()
    assert told(session_id=first_id)["event"] == "started"
    second = box.terminal()
    second_id = records.new_id(first_id)
    assert told(session_id=second_id, event="started")["session"]["same_worktree"] == [
        first_id
    ]

    waiting = box.start("headcount", "watch", "--until", "waiting", "--json")
    first.type("RUN: touch made")
    told(session_id=first_id, event="changed", state="busy")
    told(session_id=first_id, event="changed", state="waiting")
    said, _ = waiting.communicate(timeout=30)
    assert json.loads(said)["session"]["session_id"] == first_id
    assert waiting.returncode == 0

    second.kill()
    ended = told(session_id=second_id, event="ended")["session"]
    assert (ended["verdict"], ended["pid"]) == ("dead", second.pid)
    assert str(second.pid) in ended["reasons"][0]  # gone, or not buried yet


def test_recover_prints_the_command_that_resumes_a_killed_session(box, records):
    other = box.add_project("other")
    terminal = box.terminal()
    session_id = records.new_id()
    terminal.ask("hello")  # without a prompt there is nothing to resume
    closed = box.terminal(cwd=other)
    records.new_id(session_id)
    closed.exit()
    assert not recoverable(box)

    terminal.kill()
    (lost,) = recoverable(box)
    assert lost["session_id"] == session_id
    line = f"cd -- {box.project} && claude --resume {session_id}"
    assert line in box.run("headcount", "recover").stdout
    assert box.run("headcount", "recover", "--print0").stdout == f"{line}\0"

    resumed = box.terminal("--resume", session_id)
    records.wait_for(session_id, type="session_resume", pid=resumed.pid)
    assert not recoverable(box)


def test_go_shows_the_pane_of_a_client_and_resumes_it_when_it_has_ended(box, records):
    (box.home / ".local/bin/claude").symlink_to(box.program)
    other = box.add_project("other")
    tmux = ("tmux", "-f", "/dev/null", "-S", box.root / "work")
    start = ("new-session", "-d", "-s", "work", "-c", box.project, "-x", "160")
    assert box.run(*tmux, *start, "--", box.program).returncode == 0
    session_id = records.new_id()
    wait_until(lambda: MARK in pane(box, tmux), "the client takes input")

    assert records.wait_for(session_id, type="session_metadata")["pid"]
    shown = box.run("headcount", "show", session_id).stdout.splitlines()[-1]
    assert shown.endswith(", tmux work:@0.%0; `headcount go` goes there")
    refused = box.run("headcount", "resume", session_id)
    assert refused.returncode == 1
    assert f"{session_id} is open in pid" in refused.stderr

    person = Terminal(box, "person")
    person.start(["headcount", "go", session_id[:8]], other)
    person.wait_for(MARK)
    assert box.run(*tmux, "list-clients").stdout.count("\n") == 1
    person.type("hello")  # reaches the client through the tmux that is shown
    records.wait_for(session_id, type="turn_close")
    person.close()

    fork = Terminal(box, "fork")
    fork.open(["headcount", "resume", "--force", session_id], other)
    fork_id = records.new_id(session_id)
    assert records.wait_for(fork_id, type="session_metadata")["source"] == "fork"
    fork.exit()

    box.run(*tmux, "kill-server")
    records.wait_for(session_id, type="session_close")
    resumed = Terminal(box, "resumed")
    resumed.open(["headcount", "go", session_id], other)
    entry = records.wait_for(session_id, type="session_resume")
    assert (entry["pid"], entry["cwd"]) == (resumed.pid, str(box.project))


def pane(box, tmux):
    return box.run(*tmux, "capture-pane", "-p", "-t", "work").stdout


def test_status_line_counts_sessions_and_beats_for_an_idle_session(
    box, records, checkout
):
    done = box.run(checkout / "install.sh", "--statusline")
    assert done.returncode == 0, done.stdout + done.stderr
    other = box.add_project("other")
    first = box.terminal()
    first_id = records.new_id()
    first.ask("hello")
    first.wait_for("1 session")
    box.terminal(cwd=other)
    records.new_id(first_id)
    first.ask("hello once more")
    first.wait_for("2 sessions")

    both = {"type": "turn_close"}
    wait_until(lambda: len(records.entries(first_id, **both)) > 1, "both turns ended")
    # As one that was idle for long: the client runs it again, of its own accord.
    path = records.path(first_id)
    path.write_text(TIME.sub("2026-01-01T00:00:00.000Z", path.read_text()))
    beat = records.wait_for(first_id, type="heartbeat", event="statusline")
    assert (beat["state"], beat["pid"]) == ("idle", first.pid)
    wait_until(first.is_running, "the client goes on")
