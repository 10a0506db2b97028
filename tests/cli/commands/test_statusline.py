"""The status line from outside: one line, exit 0, and a heartbeat."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time

import pytest
from command_line import create, environment, write
from support import ID, ROOT, errors, lines, types

from lib import sessions
from lib.record import timestamps
from lib.system import process

OTHER = "0aa1f931-8a2e-4bc2-841e-e420ad80648c"
LONG_AGO = "2026-01-02T03:04:05.000Z"
SCRIPT = [sys.executable, "-I", "-S", str(ROOT / "hooks/statusline.py")]


@pytest.fixture
def line(store):
    """Run the installed script; return its stdout, and check that stderr is empty."""

    def run(stdin=b"", **more):
        done = subprocess.run(
            SCRIPT,
            input=stdin if isinstance(stdin, bytes) else json.dumps(stdin).encode(),
            capture_output=True,
            env=environment(store, **more),
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode()

    return run


def living(store, session_id=ID, **changes):
    """Write a session of this very process, with *changes* in its metadata."""
    known = {"pid": os.getpid(), "process": process.fingerprint(os.getpid())}
    return write(store, session_id, **known, **changes)


def test_status_line_counts_live_and_waiting_sessions(line, store):
    create(ID, state="waiting")
    create(OTHER, state="busy")
    write(store, "gone")
    sessions.close_session(create("closed"))
    assert re.fullmatch(r"2 sessions \N{MIDDLE DOT} 1 waiting \(\d s\)\n", line())


def test_status_line_of_an_empty_or_missing_store_shows_no_sessions(line, store):
    assert line() == "0 sessions\n"
    assert not store.exists()


def test_status_line_counts_other_sessions_in_the_worktree(line, store, tmp_path):
    (tmp_path / "a/.git").mkdir(parents=True)
    (tmp_path / "a/deep").mkdir()
    create(ID, cwd=str(tmp_path / "a"))
    create(OTHER, cwd=str(tmp_path / "a/deep"))
    create("elsewhere", cwd=str(tmp_path))
    assert line({"session_id": ID}).endswith("\N{MIDDLE DOT} 1 more in this worktree\n")
    assert line({"session_id": "elsewhere"}) == "3 sessions\n"


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "nonsense"])
def test_status_line_is_utf_8_in_any_locale(line, locale):
    create(ID, state="waiting")
    more = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    expected = r"1 session \N{MIDDLE DOT} 1 waiting \(\d s\)\n"
    assert re.fullmatch(expected, line(**more))


def test_status_line_keeps_an_idle_session_alive(client, store):
    client.fire("SessionStart")
    path = store / f"{ID}.jsonl"
    (begun,) = lines(path)
    path.write_text(json.dumps({**begun, "last_heartbeat": LONG_AGO}) + "\n")
    answer = client.run(" ".join(SCRIPT), json.dumps({"session_id": ID}))
    assert (answer["status"], answer["stderr"]) == (0, "")
    entry = lines(path)[-1]
    assert (entry["type"], entry["event"]) == ("heartbeat", "statusline")
    assert (entry["pid"], entry["state"]) == (client.pid, "idle")
    assert entry["process"] == process.fingerprint(client.pid)


def test_status_line_heartbeat_keeps_the_state(line, store):
    path = living(store, last_heartbeat=LONG_AGO)
    beat = {"type": "heartbeat", "session_id": ID, "state": "waiting"}
    with path.open("a") as file:
        file.write(json.dumps({**beat, "timestamp": LONG_AGO}) + "\n")
    line({"session_id": ID})
    assert types(path) == ["session_metadata", "heartbeat", "heartbeat"]
    assert lines(path)[-1]["state"] == "waiting"


def test_status_line_does_not_write_to_a_session_seen_just_now(line, store):
    path = living(store)
    assert line({"session_id": ID}) == "1 session\n"
    assert len(lines(path)) == 1


def usage(cost, context):
    return {
        "session_id": ID,
        "cost": {"total_cost_usd": cost},
        "context_window": {"used_percentage": context},
    }


def test_status_line_records_cost_and_context_once_a_minute(line, headcount, store):
    path = living(store)
    line(usage(1.23456, 44.6))
    line(usage(2.5, 50))  # within the minute
    assert [entry.get("cost_usd") for entry in lines(path)] == [None, 1.2346]
    sessions.update_heartbeat(ID, state="busy")
    (entry,) = lines(path)[-1:]  # the end of the file is enough to know it
    assert (entry["cost_usd"], entry["context_percent"]) == (1.2346, 45)
    (view,) = json.loads(headcount("list", "--json")[1])["sessions"]
    assert (view["cost_usd"], view["context_percent"]) == (1.2346, 45)
    assert headcount("list", "--columns", "cost,context")[1] == "1.2346\t45\n"
    shown = headcount("show", ID)[1]
    assert "cost          $1.23\n" in shown
    assert "context       45 % used\n" in shown


def test_status_line_records_a_new_cost_a_minute_after_the_last(line, store):
    path = living(store, last_heartbeat=LONG_AGO)
    old = {"cost_usd": 1, "context_percent": 44, "usage_time": LONG_AGO}
    beat = {"type": "heartbeat", "session_id": ID, "state": "idle", **old}
    with path.open("a") as file:
        now = timestamps.from_epoch(time.time())
        file.write(json.dumps({**beat, "timestamp": now}) + "\n")
    line(usage(1.009, 44.4))  # less than a cent more
    assert len(lines(path)) == 2
    line(usage(1.01, 44))
    assert lines(path)[-1]["cost_usd"] == 1.01


@pytest.mark.parametrize(
    "amount",
    ["1", True, -1, 1e12, None, [1]],
    ids=["text", "true", "negative", "huge", "null", "list"],
)
def test_status_line_records_no_cost_that_is_not_an_amount(line, store, amount):
    path = living(store, last_heartbeat=LONG_AGO)
    line(usage(amount, amount))
    (_, entry) = lines(path)
    assert not {"cost_usd", "context_percent", "usage_time"} & entry.keys()


def test_status_line_restores_a_stale_session_but_not_a_closed_session(line, store):
    path = living(store, last_heartbeat=LONG_AGO)
    sessions.archive_session(path)
    line({"session_id": ID})
    assert types(path)[-1] == "heartbeat"
    closed = living(store, OTHER, last_heartbeat=LONG_AGO)
    close = {"type": "session_close", "session_id": OTHER, "timestamp": LONG_AGO}
    with closed.open("a") as file:
        file.write(json.dumps(close) + "\n")
    line({"session_id": OTHER})
    assert types(closed)[-1] == "session_close"
    sessions.archive_session(closed)
    line({"session_id": OTHER})
    assert not closed.exists()


def test_status_line_keeps_a_session_that_closes_meanwhile_closed(store):
    path = living(store, last_heartbeat=LONG_AGO)
    asked = subprocess.Popen(
        SCRIPT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(store)
    )

    def close():
        asked.stdin.write(json.dumps({"session_id": ID}).encode())
        asked.stdin.close()
        assert asked.stdout.readline()  # it has read the session, which is open
        entry = {"type": "session_close", "session_id": ID, "reason": "clear"}
        now = timestamps.from_epoch(time.time())
        with path.open("a") as file:
            file.write(json.dumps({**entry, "timestamp": now}) + "\n")

    with asked:
        sessions.with_lock(path, close)
    assert asked.returncode == 0
    assert types(path) == ["session_metadata", "session_close"]
    assert errors(store) == ""


def test_status_line_never_creates_a_session(line, store):
    create(OTHER)
    assert line({"session_id": ID}) == "1 session\n"
    assert [path.name for path in store.iterdir()] == [f"{OTHER}.jsonl"]


HOSTILE = {
    "empty": b"",
    "no-json": b"\xff\x00{",
    "a-list": b"[1]",
    "a-number-for-an-id": b'{"session_id": 5}',
    "a-path-for-an-id": b'{"session_id": "../../x"}',
    "deep": b'{"a":' * 100_000 + b"}" * 100_000,
    "endless": b"{" * 3_000_000,
}


@pytest.mark.parametrize("stdin", HOSTILE.values(), ids=HOSTILE)
def test_status_line_is_printed_with_any_content_of_stdin(line, store, stdin):
    create(OTHER)
    assert line(stdin) == "1 session\n"
    assert errors(store) == ""


def test_status_line_does_not_wait_for_a_stdin_that_stays_open(store):
    create(ID)
    reading, writing = os.pipe()
    for content in (b"", b"{", json.dumps({"session_id": ID}).encode()):
        os.write(writing, content)
        done = subprocess.run(
            SCRIPT,
            stdin=reading,
            stdout=subprocess.PIPE,
            env=environment(store),
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, b"1 session\n")
    os.close(reading)
    os.close(writing)


def test_status_line_does_not_read_from_a_terminal(store):
    create(ID)
    ours, theirs = pty.openpty()
    os.write(ours, b"typed\n")
    done = subprocess.run(
        [sys.executable, "-m", "lib", "statusline"],
        cwd=ROOT,
        stdin=theirs,
        capture_output=True,
        env=environment(store),
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1 session\n", b"")
    assert os.read(theirs, 100) == b"typed\n"
    os.close(ours)
    os.close(theirs)


def test_status_line_works_with_closed_streams(store):
    create(ID)
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        command = f"{SCRIPT[0]} -I -S '{SCRIPT[-1]}' {closed}"
        done = subprocess.run(command, shell=True, env=environment(store), check=False)
        assert done.returncode == 0


def test_status_line_of_an_unreadable_store_is_one_printable_line(line, store):
    store.write_text("a file")
    assert line() == ""


def test_statusline_command_prints_the_same_line(headcount, store):
    create(ID, state="waiting")
    code, said, err = headcount("statusline")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"1 session \N{MIDDLE DOT} 1 waiting \(\d s\)\n", said)


def test_status_line_counts_sessions_beside_a_damaged_file(line, store):
    create(ID)
    (store / f"{OTHER}.jsonl").write_bytes(b"\0\0\0")
    (store / "folder.jsonl").mkdir()
    assert line({"session_id": OTHER}) == "1 session\n"
