"""`headcount watch` line by line: into pipes, and until a session is in a state."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from command_line import HOSTILE, create, environment, write
from support import ID, ROOT, Client

from lib import sessions

OTHER = "0aa1f931-8a2e-4bc2-841e-e420ad80648c"


# ---- Line by line ---------------------------------------------------------------


def test_watch_without_a_terminal_prints_a_line_per_change(start_watch, store):
    create(ID, label="publish", cwd="/somewhere")
    seen = start_watch()
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


def test_watch_on_a_dumb_terminal_prints_lines_without_escapes(terminal, store):
    create(ID, label=HOSTILE)
    written = terminal("watch", "--timeout", "1s", TERM="dumb")
    assert "(started)\n" in written
    assert "\x1b" not in written


def test_watch_json_prints_an_object_per_change_with_the_previous_values(
    start_watch, store
):
    create(ID, label=HOSTILE)
    seen = start_watch("--json")
    events = [json.loads(seen.stdout.readline())]
    sessions.update_heartbeat(ID, state="busy")
    events.append(json.loads(seen.stdout.readline()))
    sessions.close_session(ID)
    events.append(json.loads(seen.stdout.readline()))
    assert [one["event"] for one in events] == ["started", "changed", "ended"]
    assert [one.get("before") for one in events] == [None, {"state": "idle"}, None]
    assert {one["session"]["session_id"] for one in events} == {ID}
    assert events[2]["session"]["verdict"] == "dead"


def test_watch_state_reports_only_sessions_entering_or_leaving_it(start_watch, store):
    create(ID, state="busy")
    seen = start_watch("--json", "--state", "waiting")
    for state in ("idle", "busy", "waiting", "busy"):
        sessions.update_heartbeat(ID, state=state)
        if state == "waiting":
            assert json.loads(seen.stdout.readline())["session"]["state"] == "waiting"
    assert json.loads(seen.stdout.readline())["before"] == {"state": "waiting"}


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["lines", "JSON"])
def test_watch_in_a_pipe_does_not_import_textual(store, options):
    code = (
        "import sys; from lib.cli.main import main; "
        f"main(['watch', '--timeout', '1s', *{options}]); "
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(store),
        cwd=ROOT,
        check=True,
    )
    modules = done.stderr.split()
    assert "lib.cli.commands.watch" in modules
    assert not {"textual", "rich", "lib.cli.watch"} & {*modules}


def test_watch_ends_when_its_reader_is_gone(start_watch, store):
    seen = start_watch("--json")
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
    code, said, _ = headcount("watch", "--until", "closed,waiting", "--json")
    assert json.loads(said)["session"]["session_id"] == OTHER
    assert said.count("\n") == 1


@pytest.mark.parametrize("state", ["closed", "dead"])
def test_until_waits_for_a_session_to_die_or_close(start_watch, store, state):
    with Client() as client:
        client.fire("SessionStart")
        create(OTHER)
        seen = start_watch("--until", state, "--json")
        other = start_watch("--json")
        other.stdout.readline()
        assert seen.poll() is None
        if state == "dead":
            client.kill()
        else:
            client.fire("SessionEnd", reason="logout")
        event = json.loads(seen.stdout.readline())
        assert seen.wait(60) == 0
        assert (event["event"], event["session"]["session_id"]) == ("ended", ID)


def test_until_sees_a_session_closed_and_archived_between_two_polls(start_watch, store):
    seen = start_watch("--until", "closed", "--json")
    beside = start_watch("--json")
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
