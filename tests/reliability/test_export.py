"""Exactly once: for a consumer that keeps the cursor with its data, and is killed.

Meanwhile sessions are written to, archived, restored and deleted by a process that is
killed as well.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import time
import traceback
from collections import Counter

from reliability.sights import files_of

from lib import sessions
from lib.errors import HeadcountError
from lib.export import cursor
from lib.export.exporter import Exporter
from lib.export.stream import stream
from lib.store import delete

SESSIONS = 6
LONGEST_LIFE_SECONDS = 0.25
LIVES_OF_WRITER = 5  # of the consumer, for each of the writer


def start(work, *arguments):
    """Fork a process that does *work* until it is killed; return its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            work(*arguments)
        except BaseException:  # noqa: BLE001
            traceback.print_exc()  # for pytest to show: it should never end
        finally:
            os._exit(1)
    return pid


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "it ended by itself"


# ---- The consumer -----------------------------------------------------------------


def consume(database, pause):
    """Follow the export; commit its lines with each cursor."""
    data = sqlite3.connect(database)
    (kept,) = data.execute("SELECT cursor FROM place").fetchone()
    exporter = Exporter(cursor.decode(kept) if kept else {})
    for lines in stream(exporter, pause):
        for line in lines:
            entry = json.loads(line)
            if entry["type"] == "cursor":
                data.execute("UPDATE place SET cursor = ?", [entry["cursor"]])
                data.commit()
            else:
                data.execute("INSERT INTO lines VALUES (?)", [line.decode()])


def create_database(path):
    with sqlite3.connect(path) as data:
        data.execute("CREATE TABLE lines (line TEXT)")
        data.execute("CREATE TABLE place (cursor TEXT)")
        data.execute("INSERT INTO place VALUES (NULL)")
    data.close()


def lines_in(path):
    data = sqlite3.connect(path)
    lines = [json.loads(line) for (line,) in data.execute("SELECT line FROM lines")]
    data.close()
    return lines


# ---- The sessions -----------------------------------------------------------------


def disturb(store, seed):
    """Begin, write to, archive, restore and delete sessions, at random."""
    chance = random.Random(seed)
    while True:
        session_id = f"session-{chance.randrange(SESSIONS)}"
        try:
            chance.choice([write, write, write, archive, restore, remove])(
                store, session_id
            )
        except (HeadcountError, OSError):
            pass  # it is not there, or not in the state for that


def write(store, session_id):
    if not files_of(store, session_id):
        sessions.create_session(session_id=session_id)
    for number in range(3):
        sessions.append_to_session(session_id, {"type": "n", "number": number})


def archive(store, session_id):
    sessions.archive_session(store / f"{session_id}.jsonl", timeout=0)


def restore(store, session_id):
    sessions.restore_session(session_id)


def remove(store, session_id):
    sessions.close_session(session_id)
    for path, size in delete.files_of(session_id).items():
        delete.remove(path, size, time.time())


# ---- The test ---------------------------------------------------------------------


def test_export_gives_each_entry_once_to_a_consumer_that_is_killed(
    store, tmp_path, size, chance, figure
):
    database, kills = tmp_path / "lines.db", size(20, 1000)
    create_database(database)
    for _ in range(kills // LIVES_OF_WRITER):
        writer = start(disturb, store, chance.random())
        for _ in range(LIVES_OF_WRITER):
            consumer = start(consume, database, lambda _: time.sleep(0.001))
            time.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))  # is the test
            kill(consumer)
        kill(writer)
    consume(database, None)
    lines = lines_in(database)
    check_complete(store, lines)
    gaps = sum(line["type"] == "gap" for line in lines)
    figure(
        f"kill -9 of the consumer of an export, which keeps the cursor with its data: "
        f"{kills} kills, {len(lines) - gaps} entries, each once; {gaps} sessions "
        "deleted, each one gap"
    )


def check_complete(store, lines):
    """All that is on record came once; what is not there any more is one gap."""
    came = Counter(line["id"] for line in lines if line["type"] != "gap")
    assert set(came.values()) == {1}
    on_record = [
        entry
        for number in range(SESSIONS)
        for path in {os.path.realpath(p) for p in files_of(store, f"session-{number}")}
        for entry in sessions.load_session_jsonl(path)
    ]
    assert {entry["id"] for entry in on_record} <= came.keys()
    gaps = Counter(line["metadata_id"] for line in lines if line["type"] == "gap")
    begun = {line["id"] for line in lines if line["type"] == "session_metadata"}
    there = {entry["id"] for entry in on_record if "start_time" in entry}
    assert gaps == dict.fromkeys(begun - there, 1)
    for session in {line["session_id"] for line in lines if "session_id" in line}:
        check_order([x for x in lines if x.get("session_id") == session])


def check_order(lines):
    """The lines of a session are in the order in which one process wrote them."""
    times = [line.get("timestamp", line.get("start_time")) for line in lines]
    assert times == sorted(times)
