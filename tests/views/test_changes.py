"""What changes from one look to the next, and what a look costs."""

from __future__ import annotations

import json
import os
import time

import pytest
from command_line import create, write
from support import ID, Client

from lib import sessions
from lib.store import journal
from lib.system import process
from lib.views import changes
from lib.views.changes import Poller

OTHER = "0aa1f931-8a2e-4bc2-841e-e420ad80648c"
DAY = 86_400


@pytest.fixture
def poller(store):
    return Poller()


def poll(poller, now=None):
    """What has changed, as event and id."""
    found = poller.poll(now or time.time())
    return [(change.event, change.session["session_id"]) for change in found]


def test_empty_or_missing_store_has_no_changes(poller, store):
    assert poll(poller) == []
    store.mkdir()
    assert poll(poller) == []
    assert poller.sessions == []


def test_first_poll_reports_open_sessions_as_started(poller, store):
    create(ID)
    create(OTHER)
    sessions.close_session(create("closed"))
    write(store, "dead")
    assert poll(poller) == [("started", OTHER), ("started", ID)]
    assert len(poller.sessions) == 4
    assert poll(poller) == []


def test_changes_report_start_state_and_end_of_a_session(poller, store):
    poll(poller)
    create(ID)
    assert poll(poller) == [("started", ID)]
    sessions.update_heartbeat(ID, state="waiting")
    (change,) = poller.poll(time.time())
    assert (change.event, change.before) == ("changed", {"state": "idle"})
    assert change.session["state"] == "waiting"
    sessions.close_session(ID, reason="logout")
    (change,) = poller.poll(time.time())
    assert (change.event, change.session["close_reason"]) == ("ended", "logout")
    sessions.resume_session(ID, source="resume")
    assert poll(poller) == [("started", ID)]


def test_heartbeat_alone_is_not_a_change(poller, store):
    create(ID, state="busy")
    poll(poller)
    sessions.update_heartbeat(ID, state="busy")
    sessions.append_to_session(ID, {"type": "bot.ping"})
    assert poll(poller) == []
    sessions.append_to_session(ID, {"type": "session_update", "label": "new"})
    (change,) = poller.poll(time.time())
    assert (change.event, change.before) == ("changed", {"label": None})


def test_move_to_another_worktree_is_a_change(poller, store, tmp_path):
    (tmp_path / "a/.git").mkdir(parents=True)
    create(ID, cwd=str(tmp_path / "a"))
    poll(poller)
    sessions.resume_session(ID, source="resume", cwd=str(tmp_path))
    (change,) = poller.poll(time.time())
    assert change.before["worktree"] == str(tmp_path / "a")


def test_killed_client_has_ended_without_a_file_change(poller, store):
    with Client() as client:
        client.fire("SessionStart")
        assert poll(poller) == [("started", ID)]
        client.kill()
        (change,) = poller.poll(time.time())
        assert (change.event, change.session["verdict"]) == ("ended", "dead")
        assert change.session["reasons"][0] == f"pid {client.pid} is gone"
    assert poll(poller) == []


def test_silent_session_becomes_stale_by_time_alone(poller, store):
    create(ID)
    poll(poller)
    (change,) = poller.poll(time.time() + 2 * DAY)
    assert (change.event, change.before) == ("changed", {"verdict": "alive"})
    assert change.session["verdict"] == "stale"


def test_archived_session_has_ended_and_is_reported_from_the_archive(poller, store):
    create(ID)
    poll(poller)
    sessions.close_session(ID, reason="clear")
    moved = sessions.archive_session(sessions.get_session_path(ID))
    (change,) = poller.poll(time.time())
    assert change.event == "ended"
    assert change.session["archived"] is True
    assert change.session["path"] == str(moved)
    assert change.session["close_reason"] == "clear"


def test_archiving_a_finished_session_is_not_a_change(poller, store):
    path = write(store, ID)
    poll(poller)
    sessions.archive_session(path)
    assert poll(poller) == []


def test_deleted_session_has_ended_as_last_seen(poller, store):
    create(ID, label="last")
    poll(poller)
    (store / f"{ID}.jsonl").unlink()
    (change,) = poller.poll(time.time())
    assert (change.event, change.session["label"]) == ("ended", "last")


def test_damaged_file_is_listed_without_a_change(poller, store):
    store.mkdir()
    (store / f"{ID}.jsonl").write_bytes(b"\0\0")
    (store / "folder.jsonl").mkdir()
    assert poll(poller) == []
    assert [one["verdict"] for one in poller.sessions] == [None, None]


def test_poll_reads_only_files_that_changed(poller, store, monkeypatch):
    for number in range(20):
        create(f"s{number}")
    read = []
    really = journal.open_ours
    monkeypatch.setattr(
        journal,
        "open_ours",
        lambda path, *flags: read.append(path) or really(path, *flags),
    )
    poll(poller)
    assert len(read) == 20
    read.clear()
    poll(poller)
    assert read == []
    sessions.update_heartbeat("s7", state="busy")
    read.clear()
    assert poll(poller) == [("changed", "s7")]
    assert read == [str(store / "s7.jsonl")]


def test_replaced_file_of_the_same_size_and_mtime_is_read_again(poller, store):
    known = {"pid": os.getpid(), "process": process.fingerprint(os.getpid())}
    path = write(store, ID, label="a", **known)
    status = path.stat()
    poll(poller)
    entry = {**json.loads(path.read_text()), "label": "b"}
    other = store / "other"
    other.write_text(json.dumps(entry) + "\n")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    assert poll(poller) == [("changed", ID)]


def test_unreadable_store_raises_an_error(poller, store):
    create(ID)
    poll(poller)
    store.rename(store.with_name("elsewhere"))
    store.write_text("a file")
    with pytest.raises(sessions.StoreError, match="cannot read"):
        poll(poller)


def test_change_object_has_previous_values_only_for_changes(poller, store):
    create(ID)
    (change,) = poller.poll(time.time())
    told = changes.as_object(change, 0.0)
    assert list(told) == ["event", "time", "session"]
    assert told["time"] == "1970-01-01T00:00:00.000Z"
    sessions.update_heartbeat(ID, state="busy")
    (change,) = poller.poll(time.time())
    assert changes.as_object(change, 0.0)["before"] == {"state": "idle"}
