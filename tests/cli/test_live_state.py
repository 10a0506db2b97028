"""What a live session is doing: every command says the same, on the same evidence."""

from __future__ import annotations

import json
import os
import re
import signal
import time

import pytest
from command_line import write
from live_sessions import DERIVED, GIVEN, ago
from support import ID, Client, only_with_proc

from lib import sessions, statusline
from lib.claude import session_status
from lib.record import timestamps
from lib.system import process
from lib.views import lookup

OTHER = "0aa1f931-8a2e-4bc2-841e-e420ad80648c"
ASKS = {"status": "waiting", "waitingFor": "permission prompt"}


def state(view):
    return view["state"], view["waiting_for"]


# ---- The client's own file ------------------------------------------------------

WAITS = {"state": "waiting", "waiting_for": "question", "event": "PermissionRequest"}


@pytest.mark.parametrize(
    ("recorded", "says", "expected"),
    [
        pytest.param("busy", {"status": "idle"}, ("idle", None), id="escape"),
        pytest.param("busy", ASKS, ("waiting", "permission"), id="permission"),
        pytest.param("waiting", {"status": "busy"}, ("busy", None), id="answered"),
        pytest.param("idle", {"status": "shell"}, ("busy", None), id="shell"),
        pytest.param(
            "waiting",
            {"status": "waiting", "waitingFor": "input needed"},
            ("waiting", "question"),
            id="both",
        ),
        pytest.param(
            "idle",
            {"status": "waiting", "waitingFor": "dialog open"},
            ("idle", None),
            id="dialog-of-the-person",
        ),
        pytest.param("waiting", {}, ("waiting", "question"), id="no-status"),
        pytest.param("busy", {"status": "new"}, ("busy", None), id="unknown-status"),
    ],
)
def test_state_of_the_clients_file_is_shown_by_every_command(
    begin, client_says, shown, recorded, says, expected
):
    entry = WAITS if recorded == "waiting" else {"state": recorded}
    begin(ID, {**entry, "timestamp": ago(3000)})
    client_says(**says)
    assert state(shown()) == expected


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"sessionId": OTHER}, id="other-session"),
        pytest.param({"pid": 1}, id="other-pid"),
        pytest.param({"procStart": "1", "startedAt": 15e11}, id="other-process"),
        pytest.param(
            {"pidDomain": "linux:x:pid:[1]"},
            id="other-namespace",
            marks=only_with_proc("a psutil fingerprint names no pid namespace"),
        ),
    ],
)
def test_file_of_another_session_or_process_does_not_count(
    begin, client_says, shown, changes
):
    begin(ID, {"state": "busy", "timestamp": ago(60)})
    client_says(status="idle", **DERIVED, **changes)
    view = shown()
    assert state(view) == ("busy", None)
    assert view["name"] is None


def test_elicitation_on_record_is_newer_than_a_busy_file(begin, client_says, shown):
    waits = {"state": "waiting", "waiting_for": "elicitation"}
    begin(ID, {**waits, "timestamp": ago(60)})
    client_says(status="busy")
    assert state(shown()) == ("waiting", "elicitation")


def test_reasons_say_what_tells_the_state(begin, client_says, headcount):
    begin(ID, {"state": "busy", "timestamp": ago(60)})
    client_says(**ASKS)
    (view,) = json.loads(headcount("list", "--json")[1])["sessions"]
    assert view["reasons"][-1] == (
        "Claude Code's own session file says waiting: permission prompt"
    )
    assert view["reasons"][-1] in headcount("show", ID)[1]


HOSTILE = {
    "empty": b"",
    "not-json": b"\xff\0{",
    "list": b"[1]",
    "deep": b'{"a":' * 100_000,
    "huge": b'{"status":"idle"' + b" " * 3_000_000 + b"}",
    "wrong-types": json.dumps(
        {key: [{}] for key in ("pid", "sessionId", "procStart", "status", "name")}
    ).encode(),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_file_of_the_client_is_as_if_it_were_not_there(
    begin, client_says, shown, content
):
    begin(ID, {"state": "busy", "timestamp": ago(60)})
    client_says().write_bytes(content)
    assert state(shown()) == ("busy", None)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(os.mkfifo, id="fifo"),
        pytest.param(os.mkdir, id="folder"),
        pytest.param(lambda path: os.symlink(path, path), id="link-to-itself"),
        pytest.param(lambda path: os.symlink("/dev/zero", path), id="device"),
    ],
)
def test_client_folder_entries_that_are_not_files_do_not_block(
    begin, client_says, shown, make
):
    begin(ID, {"state": "busy", "timestamp": ago(60)})
    path = client_says()
    path.unlink()
    make(path)
    assert state(shown()) == ("busy", None)


def test_hostile_texts_of_the_client_do_not_reach_the_terminal(
    begin, client_says, headcount
):
    begin(ID, {"state": "busy", "timestamp": ago(60)})
    hostile = "\x1b]0;pwned\x07\x1b[31mred\u202e\ud800"
    client_says(status="waiting", waitingFor=hostile, name=hostile, nameSource="user")
    for words in (
        ["list", "--table"],
        ["show", ID],
        ["watch", "--timeout", "0s"],
        ["statusline"],
    ):
        code, out, _ = headcount(*words)
        assert code == 0
        assert all(line.isprintable() for line in out.split("\n"))


def test_file_left_by_a_killed_client_does_not_count(
    store, client_folder, begin, client_says
):
    with Client() as client:
        path = begin(ID, {**WAITS, "timestamp": ago(60)}, pid=client.pid)
        client_says(pid=client.pid, status="busy", **GIVEN)
        client.kill()
    (info,) = sessions.discover_sessions()
    assert os.fspath(info) == str(path)
    assert sessions.current_state(info.metadata) == {
        "state": "waiting",
        "waiting_for": "question",
        "state_since": info.metadata["last_heartbeat"],
        "name": None,
        "name_source": None,
        "stopped": False,
        "reasons": [],
    }


def test_recover_says_what_a_dead_session_waited_for(store, begin, headcount):
    with Client() as client:
        begin(ID, {**WAITS, "timestamp": ago(60)}, pid=client.pid, name="payments")
        client.kill()
    _, out, _ = headcount("recover", "--all")
    assert f"waiting (question)  {ID[:8]}  payments" in out
    (row,) = json.loads(headcount("recover", "--all", "--json")[1])["sessions"]
    assert (row["waiting_for"], row["name"]) == ("question", "payments")


def test_client_files_are_read_only_for_living_clients(
    store, begin, client_says, monkeypatch
):
    for number in range(100):
        write(store, f"dead-{number}")
    begin(ID, {"state": "busy", "timestamp": ago(60)})
    path = client_says(status="idle")
    read = []
    monkeypatch.setattr(session_status, "read", read.append)
    assert len(lookup.discover(time.time(), archived=False)) == 101
    assert read == [str(path)]


def test_live_state_comes_from_the_process_that_runs(store, begin, client, client_says):
    with Client() as gone:
        path = begin(ID, {"state": "busy", "timestamp": ago(70)})
        other = {"pid": client.pid, "process": process.fingerprint(client.pid)}
        last = {
            "type": "heartbeat",
            "v": 1,
            "id": "2" * 16,
            "session_id": ID,
            "timestamp": ago(60),
            "pid": gone.pid,
            "process": process.fingerprint(gone.pid),
            "state": "busy",
            "others": [{**other, "state": "idle"}],
        }
        with path.open("a") as file:
            file.write(json.dumps(last) + "\n")
        client_says(pid=gone.pid, status="busy")
        gone.kill()
    client_says(**ASKS)
    (info,) = sessions.discover_sessions()
    assert info.metadata["pid"] == gone.pid
    assert sessions.current_state(info.metadata)["waiting_for"] == "permission"


# ---- The transcript, and the process --------------------------------------------


@pytest.mark.parametrize("recorded", ["busy", "waiting"])
def test_interrupted_turn_is_idle_where_the_client_has_no_file(
    begin, transcript, shown, recorded
):
    begin(ID, {"state": recorded, "timestamp": ago(60)})
    transcript(30)
    view = shown()
    assert state(view) == ("idle", None)
    assert 29 < time.time() - timestamps.parse(view["state_since"]) < 60


def test_interruption_before_the_state_began_says_nothing(begin, transcript, shown):
    begin(ID, {"state": "busy", "timestamp": ago(20)})
    transcript(30)
    assert state(shown()) == ("busy", None)


def test_clients_file_counts_more_than_its_transcript(
    begin, client_says, transcript, shown
):
    begin(ID, {"state": "busy", "timestamp": ago(60)})
    transcript(30)
    client_says(status="busy")
    assert state(shown()) == ("busy", None)


def test_stopped_process_is_shown_as_stopped(begin, client, headcount, shown):
    begin(ID, {"state": "busy", "timestamp": ago(180)})
    client.send(signal.SIGSTOP)
    assert shown()["stopped"] is True
    _, row = headcount("list", "--table")[1].splitlines()
    assert re.match(rf"busy \(stopped\)  3 min  {ID[:8]}", row)
    _, out, _ = headcount("show", ID)
    assert "state         busy (stopped, 3 min)" in out
    assert f"pid {client.pid} is stopped" in out
    client.send(signal.SIGCONT)
    assert shown()["stopped"] is False


# ---- Since when -----------------------------------------------------------------


def test_list_shows_what_a_session_waits_for_and_how_long(
    begin, client_says, headcount
):
    begin(ID, {"state": "busy", "timestamp": ago(3000)})
    client_says(**ASKS)
    _, row = headcount("list", "--table")[1].splitlines()
    assert row.startswith(f"waiting  permission  12 min  {ID[:8]}")
    expected = "waiting (permission, 12 min)"
    assert f"state         {expected}\n" in headcount("show", ID)[1]
    assert f"  {expected}  {ID[:8]}" in headcount("watch", "--timeout", "0s")[1]
    assert headcount("statusline")[1] == f"1 session \N{MIDDLE DOT} 1 {expected}\n"


def test_list_puts_the_longest_wait_first(store, begin, headcount):
    for number, seconds in (("1", 60), ("2", 7200), ("3", 600)):
        begin(number, {**WAITS, "timestamp": ago(seconds)})
    begin("0", {"state": "busy", "timestamp": ago(90_00)})
    assert headcount("list", "-q")[1].split() == ["2", "3", "1", "0"]
    expected = "4 sessions \N{MIDDLE DOT} 3 waiting (question, 2 h)\n"
    assert headcount("statusline")[1] == expected


def test_client_that_does_not_say_since_when_leaves_it_to_the_record(
    begin, client_says, shown
):
    begin(ID, {"state": "busy", "timestamp": ago(60)})
    untimed = {"updatedAt": None, "statusUpdatedAt": None}
    client_says(status="busy", **untimed)
    assert 59 < time.time() - timestamps.parse(shown()["state_since"]) < 90
    client_says(status="idle", **untimed)
    assert shown()["state_since"] is None


def test_watch_until_waiting_ends_when_the_client_says_so(
    begin, client_says, headcount
):
    begin(ID, {"state": "busy", "timestamp": ago(60)})
    client_says(status="busy")
    assert headcount("watch", "--until", "waiting", "--timeout", "0s")[0] == 1
    client_says(**ASKS)
    code, out, _ = headcount("watch", "--until", "waiting", "--json")
    assert code == 0
    assert json.loads(out)["session"]["waiting_for"] == "permission"


def test_report_goes_by_the_record_alone(begin, client_says, headcount):
    begin(ID, {"state": "busy", "timestamp": ago(1800)}, {"timestamp": ago(1)})
    before = json.loads(headcount("report", "--json")[1])["total"]
    client_says(status="idle", statusUpdatedAt=int(time.time() * 1000) - 1_500_000)
    after = json.loads(headcount("report", "--json")[1])["total"]
    assert after == pytest.approx(before, abs=0.01)


# ---- The status line ------------------------------------------------------------


def test_status_line_counts_by_what_clients_say(begin, client_says):
    begin(ID, {**WAITS, "timestamp": ago(60)})
    client_says(status="idle")
    assert statusline.line(None, time.time()) == "1 session"
