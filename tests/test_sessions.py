"""The front door: each promise of `lib/sessions.py`, with real files."""

from __future__ import annotations

import json
import logging
import os
import pwd
import stat
import subprocess
import sys
import threading
import time
import typing
import uuid
from pathlib import Path

import pytest
from support import DEAD_PID, ID, ROOT, errors, lines, types

from lib import sessions
from lib.record import timestamps
from lib.store import error_log, reader
from lib.store import paths as store_module
from lib.system import process


def write(store, session_id=ID, **changes):
    """A metadata line by hand, as another tool would write it."""
    store.mkdir(exist_ok=True)
    now = timestamps.from_epoch(time.time())
    entry = {
        "type": "session_metadata",
        "session_id": session_id,
        "pid": os.getpid(),
        "start_time": now,
        "last_heartbeat": now,
        **changes,
    }
    path = store / f"{session_id}.jsonl"
    path.write_text(json.dumps(entry) + "\n")
    return path


def metadata_of(session_id=ID):
    return {info.id: info.metadata for info in sessions.discover_sessions()}[session_id]


def test_ids_that_differ_only_in_case_share_no_file_where_names_ignore_case(store):
    """As on macOS: the name of the one leads to the file of the other (a fake here)."""
    path = sessions.get_session_path(sessions.create_session(session_id="Build"))
    path = path.rename(store / "build.jsonl")
    before = path.read_bytes()
    with pytest.raises(sessions.SessionNotFoundError):
        sessions.update_heartbeat("build")
    with pytest.raises(sessions.StoreError, match="in upper or lower case"):
        sessions.resume_session("build", source="startup")
    with pytest.raises(sessions.StoreError, match="not proven"):
        sessions.archive_session(path)
    with pytest.raises(sessions.SessionExistsError):
        sessions.create_session(session_id="build")
    assert path.read_bytes() == before


def test_create_returns_a_uuid4_and_writes_metadata_first(store):
    session_id = sessions.create_session("nightly build", tasks=["a"])
    assert uuid.UUID(session_id).version == 4
    path = sessions.get_session_path(session_id)
    assert path == sessions.SESSIONS_DIR / f"{session_id}.jsonl"
    (entry,) = lines(path)
    assert list(entry)[:4] == ["type", "v", "id", "session_id"]
    assert entry["type"] == "session_metadata"
    assert entry["pid"] == os.getpid()
    assert entry["label"] == "nightly build"
    assert entry["tasks"] == ["a"]
    assert entry["cwd"] == str(os.getcwd())
    assert sessions.is_session_alive(metadata_of(session_id))


def test_create_uses_a_given_id_and_pid(store):
    assert sessions.create_session(session_id=ID, pid=DEAD_PID) == ID
    assert lines(store / f"{ID}.jsonl")[0]["pid"] == DEAD_PID
    assert not sessions.is_session_alive(metadata_of())


def test_create_refuses_an_existing_id(store):
    sessions.create_session(session_id=ID)
    before = (store / f"{ID}.jsonl").read_bytes()
    with pytest.raises(sessions.SessionExistsError, match="on record"):
        sessions.create_session(session_id=ID)
    assert (store / f"{ID}.jsonl").read_bytes() == before
    sessions.archive_session(store / f"{ID}.jsonl")
    with pytest.raises(sessions.SessionExistsError, match="in the archive"):
        sessions.create_session(session_id=ID)


def test_create_succeeds_once_among_concurrent_calls_for_one_id(store):
    code = (
        "from lib import sessions\n"
        f"try: print(sessions.create_session(session_id={ID!r}))\n"
        "except sessions.SessionExistsError: pass\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    said = [process.communicate()[0] for process in started]
    assert sorted(said) == [""] * 7 + [ID + "\n"]
    assert types(store / f"{ID}.jsonl") == ["session_metadata"]
    assert [path.name for path in store.iterdir()] == [f"{ID}.jsonl"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_store_has_modes_0700_and_0600_under_any_umask(store, umask):
    before = os.umask(umask)
    try:
        sessions.create_session(session_id=ID)
        sessions.archive_session(store / f"{ID}.jsonl")
        sessions.append_to_session(ID, {"type": "note"})
        error_log.log_error("test", "a line")
    finally:
        os.umask(before)
    for path in [store, *store.rglob("*")]:
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_create_succeeds_when_the_cleanup_fails(store):
    sessions.create_session(session_id="dead", pid=DEAD_PID)
    (store / "archive").write_text("a file where the archive should be")
    assert sessions.create_session(session_id=ID) == ID
    assert "cleanup" in errors(store)
    assert (store / "dead.jsonl").exists()


@pytest.mark.parametrize(
    "session_id",
    [
        *["../../x", "/etc/passwd", "..", ".", ".hidden", "", "a/b", "a\\b", "a\0b"],
        *["a\nb", "a b", "é", "\ud800", "-a", "_a", "CON", "nul", "Lpt1"],
        *["a.b", "a:b", None, 7, ["a"], b"a", True],
        pytest.param("x" * 129, id="129 characters"),
    ],
    ids=ascii,
)
def test_unsafe_id_raises_an_error_that_names_it(store, session_id):
    for call in (
        sessions.get_session_path,
        sessions.restore_session,
        lambda given: sessions.append_to_session(given, {"type": "note"}),
        sessions.update_heartbeat,
        sessions.close_session,
        lambda given: sessions.resume_session(given, source="startup"),
    ):
        with pytest.raises(sessions.InvalidSessionIdError, match="is not a session id"):
            call(session_id)
    assert not store.exists()


@pytest.mark.parametrize(
    "session_id", ["a", "A-b_9", "0", pytest.param("x" * 128, id="128 characters"), ID]
)
def test_safe_id_maps_to_a_file_in_the_store(store, session_id):
    assert sessions.get_session_path(session_id).parent == store


def test_append_adds_one_whole_line_with_the_common_fields(store):
    sessions.create_session(session_id=ID)
    entry_id = sessions.append_to_session(ID, {"type": "build.done", "ok": True})
    entry = lines(store / f"{ID}.jsonl")[-1]
    assert entry["id"] == entry_id
    assert len(entry_id) == 16
    assert entry["session_id"] == ID
    assert entry["v"] == 1
    assert entry["ok"] is True
    assert timestamps.is_timestamp(entry["timestamp"])


def test_append_keeps_a_given_id_and_timestamp(store):
    sessions.create_session(session_id=ID)
    given = {"type": "x", "id": "0" * 16, "timestamp": "2026-01-01T00:00:00.000Z"}
    assert sessions.append_to_session(ID, given) == "0" * 16
    entry = lines(store / f"{ID}.jsonl")[-1]
    assert entry["timestamp"] == "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        pytest.param({}, "is not a valid type", id="no-type"),
        pytest.param(["type"], "is a dict, not a list", id="list"),
        pytest.param(
            {"type": "session_update", "tasks": ["x" * 9_000]},
            "the limit is 8192",
            id="long-tasks",
        ),
        pytest.param({"type": "Upper"}, "is not a valid type", id="upper-case"),
        pytest.param({"type": "a" * 65}, "is not a valid type", id="long-type"),
        pytest.param({"type": 7}, "is not a valid type", id="number-as-type"),
        pytest.param({"type": "heartbeat"}, "Headcount's own", id="reserved"),
        pytest.param({"type": "session_metadata"}, "Headcount's own", id="metadata"),
        pytest.param({"type": "a", "x": float("nan")}, "not JSON", id="nan"),
        pytest.param({"type": "a", "x": {1}}, "not JSON", id="set"),
        pytest.param(
            {"type": "a", "x": "y" * 70_000}, "the limit is 65536", id="large"
        ),
        pytest.param({"type": "a", "session_id": "b"}, "not of", id="other-session"),
        pytest.param({"type": "a", "id": "1"}, "16 hex digits", id="short-id"),
        pytest.param(
            {"type": "a", "timestamp": "now"}, "is not a valid time", id="no-time"
        ),
        pytest.param(
            {"type": "session_update", "label": 7}, "label", id="number-as-label"
        ),
        pytest.param(
            {"type": "session_update", "tasks": "a"}, "tasks", id="text-as-tasks"
        ),
    ],
)
def test_append_refuses_an_invalid_entry_and_writes_nothing(store, entry, says):
    sessions.create_session(session_id=ID)
    before = (store / f"{ID}.jsonl").read_bytes()
    with pytest.raises(sessions.InvalidEntryError, match=says):
        sessions.append_to_session(ID, entry)
    assert (store / f"{ID}.jsonl").read_bytes() == before


def test_create_refuses_invalid_metadata(store):
    for fields, error in (
        ({"label": 5}, sessions.InvalidEntryError),
        ({"tasks": "abc"}, sessions.InvalidEntryError),
        ({"tasks": ["x" * 9_000]}, sessions.InvalidEntryError),
        ({"type": "evil"}, TypeError),
    ):
        with pytest.raises(error):
            sessions.create_session(session_id=ID, **fields)
    assert not store.exists()


def test_concurrent_threads_that_append_lose_nothing(store):
    """The lock is of the descriptor: two threads exclude each other, too."""
    sessions.create_session(session_id=ID)

    def append(thread):
        for number in range(25):
            sessions.append_to_session(ID, {"type": "n", "key": [thread, number]})

    threads = [threading.Thread(target=append, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = [entry["key"] for entry in lines(store / f"{ID}.jsonl")[1:]]
    assert sorted(keys) == [[n, number] for n in range(8) for number in range(25)]


def test_append_never_creates_a_session(store):
    with pytest.raises(sessions.SessionNotFoundError, match="headcount list --all"):
        sessions.append_to_session(ID, {"type": "note"})
    assert not store.exists()


def test_append_restores_an_archived_session(store):
    sessions.create_session(session_id=ID)
    archived = sessions.archive_session(store / f"{ID}.jsonl")
    sessions.append_to_session(ID, {"type": "note"})
    assert not archived.exists()
    assert types(store / f"{ID}.jsonl") == ["session_metadata", "note"]


def test_a_torn_line_stays_a_line_of_its_own(store, caplog):
    sessions.create_session(session_id=ID)
    path = store / f"{ID}.jsonl"
    path.write_bytes(path.read_bytes() + b'{"type":"note","te')
    sessions.append_to_session(ID, {"type": "after"})
    loaded = sessions.load_session_jsonl(path)
    assert [entry["type"] for entry in loaded] == ["session_metadata", "after"]
    assert "line 2 is damaged" in caplog.text


def test_label_and_tasks_can_be_set_later_by_any_process(store):
    sessions.create_session("first", session_id=ID)
    sessions.append_to_session(ID, {"type": "session_update", "label": "second"})
    assert metadata_of()["label"] == "second"
    sessions.append_to_session(ID, {"type": "session_update", "tasks": [1]})
    assert metadata_of()["tasks"] == [1]
    sessions.append_to_session(ID, {"type": "session_update", "label": ""})
    assert "label" not in metadata_of()


def test_label_is_found_in_a_session_of_any_length(store):
    def bulk():
        for _ in range(4):
            sessions.append_to_session(ID, {"type": "bulk", "text": "x" * 50_000})

    sessions.create_session("first", session_id=ID)
    bulk()
    sessions.append_to_session(
        ID, {"type": "session_update", "label": "second", "tasks": ["t"]}
    )
    for _ in range(3):
        sessions.update_heartbeat(ID, state="busy")
        bulk()
    metadata = metadata_of()
    assert (metadata["label"], metadata["tasks"]) == ("second", ["t"])
    assert metadata["state"] == "busy"


def test_label_and_tasks_that_exceed_an_entry_together_are_both_kept(store):
    tasks, label = ["t" * 8100], "l" * 8100
    sessions.create_session(session_id=ID)
    sessions.append_to_session(ID, {"type": "session_update", "tasks": tasks})
    sessions.append_to_session(ID, {"type": "session_update", "label": label})
    for _ in range(2):
        sessions.update_heartbeat(ID, state="busy")
    assert (metadata_of()["label"], metadata_of()["tasks"]) == (label, tasks)
    for key, value in (("label", "l" * 9000), ("tasks", ["t" * 9000])):
        with pytest.raises(sessions.InvalidEntryError, match=f"{key} is 9"):
            sessions.append_to_session(ID, {"type": "session_update", key: value})


@pytest.mark.parametrize("bulk", [0, 5000])
def test_close_without_a_known_process_closes_the_session(store, bulk):
    sessions.create_session(session_id=ID)
    sessions.append_to_session(ID, {"type": "bulk", "text": "x" * bulk})
    sessions.update_heartbeat(ID, state="busy", pid=0)
    sessions.append_to_session(ID, {"type": "bulk", "text": "x" * bulk})
    assert metadata_of()["pid"] == os.getpid()
    sessions.close_session(ID, pid=0)
    metadata = metadata_of()
    assert (metadata["state"], metadata["pid"]) == ("closed", os.getpid())
    assert "others" not in metadata


@pytest.mark.parametrize("bulk", [0, 5000])
def test_resume_without_a_process_replaces_the_previous_process(store, bulk):
    sessions.create_session(session_id=ID, pid=DEAD_PID)
    sessions.append_to_session(ID, {"type": "bulk", "text": "x" * bulk})
    sessions.resume_session(ID, source="resume", pid=0)
    assert sessions.verdict(metadata_of()).verdict == "unknown"


def test_heartbeat_with_the_same_pid_alone_keeps_the_recorded_process(store):
    other = process.fingerprint(os.getppid())
    write(store, process=other, host=process.host_name())
    sessions.update_heartbeat(ID, state="busy")
    assert metadata_of()["process"] == other


def test_update_heartbeat_records_state_and_time(store):
    sessions.create_session(session_id=ID)
    before = metadata_of()["last_heartbeat"]
    assert sessions.update_heartbeat(ID, state="waiting", event="Notification")
    entry = lines(store / f"{ID}.jsonl")[-1]
    assert (entry["state"], entry["event"]) == ("waiting", "Notification")
    assert entry["pid"] == os.getpid()
    metadata = metadata_of()
    assert metadata["state"] == "waiting"
    assert metadata["last_heartbeat"] == entry["timestamp"] >= before


def test_update_heartbeat_says_what_the_session_waits_for(store):
    sessions.create_session(session_id=ID)
    for waiting_for in ("plan", "plan", "question"):
        assert sessions.update_heartbeat(ID, state="waiting", waiting_for=waiting_for)
        assert metadata_of()["waiting_for"] == waiting_for
    assert not sessions.update_heartbeat(
        ID, state="waiting", waiting_for="question", min_interval=60
    )
    assert sessions.update_heartbeat(
        ID, state="waiting", waiting_for="permission", min_interval=60
    )
    sessions.update_heartbeat(ID)
    assert metadata_of()["waiting_for"] == "permission"
    sessions.close_session(ID)
    assert "waiting_for" not in metadata_of()


@pytest.mark.parametrize(
    ("state", "waiting_for"),
    [
        pytest.param("busy", "plan", id="busy"),
        pytest.param(None, "plan", id="no-state"),
        pytest.param("waiting", "Godot", id="unknown"),
        pytest.param("waiting", ["plan"], id="list"),
    ],
)
def test_update_heartbeat_refuses_a_wait_that_is_none(store, state, waiting_for):
    sessions.create_session(session_id=ID)
    with pytest.raises(sessions.InvalidEntryError, match="permission, question"):
        sessions.update_heartbeat(ID, state=state, waiting_for=waiting_for)


def test_update_heartbeat_observes_under_the_lock_what_is_on_record(store):
    sessions.create_session(session_id=ID)
    sessions.update_heartbeat(ID, state="waiting", waiting_for="plan")

    def observe(metadata):
        assert metadata["waiting_for"] == "plan"
        return {"state": "busy", "name": "Payments"}

    assert sessions.update_heartbeat(ID, state=observe)
    assert (metadata_of()["state"], metadata_of()["name"]) == ("busy", "Payments")


def test_update_heartbeat_within_its_interval_writes_nothing(store):
    sessions.create_session(session_id=ID)
    assert sessions.update_heartbeat(ID, state="busy", min_interval=60)
    assert not sessions.update_heartbeat(ID, state="busy", min_interval=60)
    assert sessions.update_heartbeat(ID, state="idle", min_interval=60)


@pytest.mark.parametrize("state", ["closed", "sleeping", 7, ["busy"], ""], ids=repr)
def test_update_heartbeat_refuses_an_invalid_state(store, state):
    sessions.create_session(session_id=ID)
    with pytest.raises(sessions.InvalidEntryError, match="not busy, idle or waiting"):
        sessions.update_heartbeat(ID, state=state)


def test_heartbeat_and_close_never_create_a_session(store):
    for call in (sessions.update_heartbeat, sessions.close_session):
        with pytest.raises(sessions.SessionNotFoundError, match="with valid metadata"):
            call(ID)
    assert not store.exists()


def test_closed_session_is_not_alive_while_its_process_runs(store):
    sessions.create_session(session_id=ID)
    sessions.close_session(ID, reason="logout")
    metadata = metadata_of()
    assert metadata["state"] == "closed"
    assert not sessions.is_session_alive(metadata)
    name, reasons = sessions.verdict(metadata)
    assert name == "dead"
    assert reasons[0].startswith("closed (logout)")


@pytest.mark.parametrize("state", [None, "busy"], ids=["no-state", "busy"])
def test_heartbeat_observed_before_the_close_does_not_reopen_a_session(store, state):
    path = write(store)
    before = time.time() - 1
    assert sessions.update_heartbeat(ID, state=state, observed_at=before)
    sessions.close_session(ID)
    with pytest.raises(sessions.SessionClosedError, match=ID):
        sessions.update_heartbeat(ID, state=state, observed_at=before)
    assert types(path) == ["session_metadata", "heartbeat", "session_close"]
    assert sessions.update_heartbeat(ID, state=state, observed_at=time.time())
    assert metadata_of()["state"] == "busy"


def test_process_without_a_fingerprint_matches_by_its_pid(store):
    path = write(store)  # by hand, without a fingerprint, and now and then a host
    sessions.update_heartbeat(ID, state="busy")
    assert lines(path)[-1]["process"]
    assert "others" not in lines(path)[-1]
    assert "others" not in metadata_of()
    sessions.close_session(ID)
    assert metadata_of()["state"] == "closed"


def test_pid_on_another_host_is_another_process(store):
    path = write(store, host="elsewhere")
    sessions.update_heartbeat(ID, state="busy", pid=os.getpid())
    other = {"pid": os.getpid(), "host": "elsewhere", "state": "idle"}
    (carried,) = lines(path)[-1]["others"]
    assert carried == {**other, "state_since": carried["state_since"]}
    assert metadata_of()["others"] == [carried]
    sessions.close_session(ID)
    assert metadata_of()["state"] == "idle"


def test_closed_session_that_is_resumed_is_alive_again(store):
    sessions.create_session(session_id=ID)
    sessions.close_session(ID)
    sessions.resume_session(ID, source="resume")
    assert sessions.is_session_alive(metadata_of())


def test_load_of_a_missing_file_is_empty(store):
    assert sessions.load_session_jsonl(store / "missing.jsonl") == []


def test_load_of_a_fifo_or_folder_neither_hangs_nor_raises(store, tmp_path, caplog):
    os.mkfifo(tmp_path / "fifo.jsonl")
    assert sessions.load_session_jsonl(tmp_path / "fifo.jsonl") == []
    assert sessions.load_session_jsonl(tmp_path) == []
    assert sessions.load_session_jsonl("a\0b") == []
    assert "cannot be read" in caplog.text


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(b'{"type":"torn', id="torn"),
        pytest.param(b"\0" * 512, id="nuls"),
        pytest.param(b"\xff\xfe\xfd", id="no-utf-8"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"a":' * 50_000, id="deep-objects"),
        pytest.param(b'{"a":' + b"9" * 5_000 + b"}", id="huge-number"),
        pytest.param(b'{"a":NaN}', id="nan"),
        pytest.param(b"[1,2]", id="list"),
        pytest.param(b'"text"', id="text"),
        pytest.param('{"type":"x"}'.encode("utf-16"), id="utf-16"),
        pytest.param(b'{"type":"a"}{"type":"b"}', id="glued"),
    ],
)
def test_load_skips_damaged_lines(store, caplog, damage):
    sessions.create_session(session_id=ID)
    path = store / f"{ID}.jsonl"
    for _ in range(15):
        sessions.append_to_session(ID, {"type": "before"})
    with path.open("ab") as file:
        file.write(damage + b"\n")
    sessions.append_to_session(ID, {"type": "after"})
    loaded = sessions.load_session_jsonl(path)
    assert len(loaded) == 17
    assert loaded[-1]["type"] == "after"
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert "line 17 is damaged" in warning.getMessage()
    assert metadata_of()["state"] == "idle"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'\xef\xbb\xbf{"type":"n","x":1}\n', id="byte-order-mark"),
        pytest.param(b'{"type":"n","x":1}\r\n', id="carriage-return"),
        pytest.param(b'\0\0{"type":"n","x":1}\0\0\n', id="nuls-around"),
        pytest.param(b' \t{ "type" : "n" , "x" : 1 } \n', id="spaces"),
        pytest.param(b'{"type":"old","x":0,"type":"n","x":1}\n', id="key-twice"),
        pytest.param(b'{"type":"n","x":1}', id="no-newline"),
    ],
)
def test_load_reads_unusual_but_valid_lines(store, caplog, line):
    sessions.create_session(session_id=ID)
    path = store / f"{ID}.jsonl"
    path.write_bytes(path.read_bytes() + line)
    sessions.update_heartbeat(ID, state="busy")
    entry = sessions.load_session_jsonl(path)[1]
    assert (entry["type"], entry["x"]) == ("n", 1)
    assert line.strip() in path.read_bytes()
    assert metadata_of()["state"] == "busy"
    assert caplog.text == ""


def test_load_logs_an_error_above_a_tenth_of_damaged_lines(store, caplog):
    sessions.create_session(session_id=ID)
    path = store / f"{ID}.jsonl"
    path.write_bytes(path.read_bytes() + b"damage\n")
    assert len(sessions.load_session_jsonl(path)) == 1
    assert caplog.records[-1].levelno == logging.ERROR
    assert "1 of 2 lines are damaged" in caplog.records[-1].getMessage()


def test_line_separators_other_than_newline_do_not_cut_an_entry(store):
    sessions.create_session(session_id=ID)
    path = store / f"{ID}.jsonl"
    text = "a\u2028b\u0085c\x0bd"
    raw = json.dumps({"type": "x", "text": text}, ensure_ascii=False).encode()
    path.write_bytes(path.read_bytes() + raw + b"\r\n")
    assert sessions.load_session_jsonl(path)[-1]["text"] == text


def test_discover_lists_visible_jsonl_files_only(store):
    sessions.create_session(session_id="good")
    (store / "damaged.jsonl").write_bytes(b"\0\0\0\n")
    (store / ".hidden.jsonl").write_text("{}")
    (store / "notes.txt").write_text("{}")
    (store / "folder.jsonl").mkdir()
    found = {info.id: info.metadata for info in sessions.discover_sessions()}
    assert sorted(found) == ["damaged", "folder", "good"]
    assert found["damaged"] is None
    assert found["good"]["session_id"] == "good"


def test_discover_lists_more_sessions_than_are_read_at_once(store, monkeypatch):
    ids = [f"s{number:03}" for number in range(250)]
    for session_id in ids:
        write(store, session_id)
    (store / "s123.jsonl").write_bytes(b"\0\0\0\n")
    listed = reader.paths.session_files

    def list_and_archive(folder):
        yield from [*listed(folder)]
        (store / "s200.jsonl").unlink()

    monkeypatch.setattr(reader.paths, "session_files", list_and_archive)
    found = {info.id: info.metadata for info in sessions.discover_sessions()}
    assert [*found] == [session_id for session_id in ids if session_id != "s200"]
    assert [name for name, metadata in found.items() if not metadata] == ["s123"]


def test_discover_of_a_missing_store_is_empty(store):
    assert sessions.discover_sessions() == []
    assert sessions.discover_sessions(archived=True) == []
    assert not store.exists()


def test_session_file_with_the_name_of_another_session_has_no_metadata(store):
    path = write(store, "one")
    path.rename(store / "two.jsonl")
    assert sessions.discover_sessions()[0].metadata is None


def test_custom_entries_do_not_count_as_heartbeats(store):
    write(
        store, last_heartbeat="2026-01-01T00:00:00Z", start_time="2026-01-01T00:00:00Z"
    )
    sessions.append_to_session(ID, {"type": "note", "state": "busy", "pid": DEAD_PID})
    sessions.append_to_session(ID, {"type": "session_update", "label": "x"})
    metadata = metadata_of()
    assert metadata["last_heartbeat"] == "2026-01-01T00:00:00.000Z"
    assert metadata["pid"] == os.getpid()
    assert sessions.verdict(metadata).verdict == "stale"


def test_handwritten_session_is_judged_by_its_pid(store):
    write(store)
    assert sessions.is_session_alive(metadata_of())
    write(store, pid=DEAD_PID)
    assert sessions.verdict(metadata_of()).verdict == "dead"


def test_public_types_can_be_inspected(store):
    info = sessions.SessionInfo("a", "/somewhere/a.jsonl", None)
    assert (info.id, info.path, info.metadata) == ("a", Path(os.fspath(info)), None)
    assert info == sessions.SessionInfo("a", Path("/somewhere/a.jsonl"), None)
    assert "last_heartbeat" in typing.get_type_hints(sessions.SessionMetadata)
    assert sessions.SessionEntry == dict[str, typing.Any]
    assert sessions.HEARTBEAT_TTL_HOURS == 24
    assert sessions.ARCHIVE_DIR == sessions.SESSIONS_DIR / "archive"
    for name in sessions.__all__:
        assert getattr(sessions, name) is not None, name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        sessions.nonsense  # noqa: B018


@pytest.mark.parametrize(
    ("value", "hours"),
    [("1.5", 1.5), ("", 24), ("soon", 24), ("-1", 24), ("inf", 24), ("1e-9", 24)],
    ids=["fraction", "empty", "word", "negative", "infinite", "tiny"],
)
def test_heartbeat_limit_comes_from_a_valid_environment_variable(value, hours):
    code = "from lib import sessions; print(sessions.HEARTBEAT_TTL_HOURS)"
    env = {**os.environ, "HEADCOUNT_TTL_HOURS": value, "HEADCOUNT_DIR": "/nowhere"}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, check=True
    )
    assert float(said.stdout) == hours


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        pytest.param({"HEADCOUNT_DIR": "/a/b"}, "/a/b", id="named"),
        pytest.param({"HEADCOUNT_DIR": "~/b"}, "/home/ada/b", id="tilde"),
        pytest.param({"XDG_STATE_HOME": "/s"}, "/s/headcount", id="xdg"),
        pytest.param(
            {"XDG_STATE_HOME": "s"},
            "/home/ada/.local/state/headcount",
            id="xdg-relative",
        ),
        pytest.param({}, "/home/ada/.local/state/headcount", id="default"),
        pytest.param(
            {"HEADCOUNT_DIR": "x", "CLAUDE_PROJECT_DIR": "/no project"},
            "/no project/x",
            id="relative",
        ),
    ],
)
def test_store_location_follows_the_environment(env, folder):
    code = "from lib import sessions; print(sessions.SESSIONS_DIR)"
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/home/ada", **env},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == folder


def test_missing_home_raises_an_error_that_asks_for_headcount_dir(monkeypatch):
    """As in a container that runs under a number which no user has."""

    def nobody(_):
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(sessions.StoreError, match="set HEADCOUNT_DIR"):
        store_module.locate({})
    assert store_module.locate({"HEADCOUNT_DIR": "/a"}) == "/a"
