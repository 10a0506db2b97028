"""The snapshot of a session: the head and the tail of its file are enough."""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest
from folding import add_raw, fold, write
from support import ID, Client

from lib import sessions
from lib.record import fold as record_fold
from lib.record import timestamps
from lib.store import journal, reader, snapshot
from lib.system import process

NOW = timestamps.parse("2026-11-25T12:00:00Z")


@pytest.fixture
def path(store):
    sessions.create_session(session_id=ID)
    return store / f"{ID}.jsonl"


def bulk(count=8):
    for _ in range(count):
        sessions.append_to_session(ID, {"type": "bulk", "x": "y" * 50_000})


def test_snapshot_has_the_pid_that_changed_in_the_unread_middle(path):
    with Client() as second:
        bulk()
        sessions.resume_session(ID, source="resume", pid=second.pid)
        bulk()
        sessions.update_heartbeat(ID, state="busy", pid=second.pid)
        bulk(2)
        metadata = fold(path)
        assert metadata["pid"] == second.pid
        assert metadata["state"] == "busy"
        assert metadata["others"][0]["pid"] == os.getpid()


def test_snapshot_finds_the_last_heartbeat_behind_custom_entries(path):
    sessions.update_heartbeat(ID, state="waiting")
    bulk(40)
    assert fold(path)["state"] == "waiting"


def test_snapshot_omits_a_process_that_closed_in_the_unread_middle(path):
    """The first process lives on, but its part in this session ended long ago."""
    sessions.close_session(ID)
    gone = subprocess.Popen(["sleep", "600"])
    sessions.resume_session(ID, source="resume", pid=gone.pid)
    bulk()
    sessions.update_heartbeat(ID, state="busy")
    gone.kill()
    gone.wait()
    assert sessions.verdict(fold(path)).verdict == "dead"


def test_snapshot_has_the_host_of_the_process_last_seen(path):
    first = json.loads(path.read_text())
    first |= {"host": "elsewhere", "machine": "f" * 32}
    first["process"] = "linux:other-boot:1:7:7"
    write(path, first)
    assert sessions.verdict(fold(path)).verdict == "unknown"
    sessions.resume_session(ID, source="resume")
    bulk()
    sessions.update_heartbeat(ID, state="busy")
    metadata = fold(path)
    assert metadata["host"] == process.host_name()
    assert sessions.is_session_alive(metadata)


METADATA = json.dumps({"type": "session_metadata", "session_id": ID}) + "\n"
BEAT = json.dumps({"type": "heartbeat", "session_id": ID, "state": "busy"}) + "\n"
TRANSCRIPT = json.dumps({"type": "user", "sessionId": ID}) + "\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param(METADATA + BEAT, snapshot.OURS, id="metadata first"),
        pytest.param(METADATA[:-1], snapshot.OURS, id="metadata without a newline"),
        pytest.param(
            "{torn\n" + METADATA, snapshot.OURS, id="metadata after a torn line"
        ),
        pytest.param(METADATA + "x" * 70_000, snapshot.OURS, id="metadata, then much"),
        pytest.param("", snapshot.TORN, id="empty"),
        pytest.param("\0" * 500, snapshot.TORN, id="NULs"),
        pytest.param('{"type":"session_meta', snapshot.TORN, id="torn metadata"),
        pytest.param(BEAT, snapshot.TORN, id="entries without metadata"),
        pytest.param(BEAT + METADATA, snapshot.TORN, id="entries before metadata"),
        pytest.param(BEAT * 1_000, snapshot.FOREIGN, id="too long to be repaired"),
        pytest.param(TRANSCRIPT, snapshot.FOREIGN, id="transcript"),
        pytest.param(TRANSCRIPT + METADATA, snapshot.FOREIGN, id="metadata later"),
        pytest.param(
            METADATA.replace(ID, "other"), snapshot.FOREIGN, id="of another session"
        ),
        pytest.param("notes\n", snapshot.FOREIGN, id="text"),
    ],
)
def test_classify_tells_a_sessions_file_from_a_damaged_and_a_foreign_one(
    store, text, kind
):
    store.mkdir()
    path = store / f"{ID}.jsonl"
    path.write_text(text)
    assert snapshot.classify(str(path)) == kind


@pytest.mark.parametrize(
    ("after", "head", "tail", "is_whole"),
    [
        pytest.param([], ["session_metadata"], [], True, id="metadata alone"),
        pytest.param(
            ["heartbeat", "note.a"],
            ["session_metadata", "heartbeat", "note.a"],
            [],
            True,
            id="one block",
        ),
        pytest.param(
            ["bulk", "heartbeat", "session_update"],
            ["session_metadata"],
            ["heartbeat", "session_update"],
            False,
            id="a heartbeat behind bulk",
        ),
        pytest.param(
            ["heartbeat", "bulk", "session_update"],
            ["session_metadata", "heartbeat"],
            ["session_update"],
            True,
            id="no lifecycle entry behind bulk",
        ),
    ],
)
def test_read_ends_goes_back_to_the_last_lifecycle_entry(
    path, after, head, tail, is_whole
):
    for kind in after:
        fields = {"x": "y" * 60_000} if kind == "bulk" else {}
        add_raw(path, type=kind, **fields)
    with path.open("rb") as file:
        size = path.stat().st_size
        read = journal.reading(file.fileno())
        first, last, whole = snapshot.read_ends(read, size, path.stem)
    assert [entry["type"] for entry in first] == head
    assert [entry["type"] for entry in last] == tail
    assert whole is is_whole
    fold(path)


def test_fold_without_the_middle_goes_by_the_time_of_the_file():
    first = {"type": "session_metadata", "session_id": ID, "start_time": "2026-01-01"}
    update = {"type": "session_update", "label": "nightly"}
    for is_whole in (True, False):
        session = record_fold.fold(
            [first], [update], is_whole=is_whole, modified=NOW, now=NOW
        )
        assert session.metadata["label"] == "nightly"
        began = "2026-01-01T00:00:00.000Z"
        last = began if is_whole else timestamps.from_epoch(NOW)
        assert session.metadata["last_heartbeat"] == last


def test_many_files_are_read_in_batches_to_bound_memory(store, monkeypatch):
    sessions.create_session(session_id=ID)
    opened = []
    monkeypatch.setattr(
        journal,
        "open_ours",
        lambda path, open_ours=journal.open_ours: (
            opened.append(path) or open_ours(path)
        ),
    )
    found = reader.metadata_of_all([str(store / f"{ID}.jsonl")] * 1000, time.time())
    next(found)
    assert len(opened) <= 100
    assert len([*found]) == 999
