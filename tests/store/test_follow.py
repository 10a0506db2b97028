"""What happens to the files of sessions between two polls of their folder."""

from __future__ import annotations

import pytest
from command_line import create
from support import ID

from lib import sessions
from lib.store.follow import FolderPoller, Follower


@pytest.fixture
def poll(store):
    """Poll, and return the kind and the path of each event."""
    poller = FolderPoller()
    return lambda: [(event.kind, event.path) for event in poller.poll()]


def test_a_poll_reports_new_and_changed_files_once(poll, store):
    assert poll() == []
    create(ID)
    path = str(store / f"{ID}.jsonl")
    assert poll() == [("appeared", path)]
    assert poll() == []
    sessions.update_heartbeat(ID, state="busy")
    assert poll() == [("changed", path)]


def test_a_poll_reports_where_in_the_archive_a_file_is_now(poll, store):
    create(ID)
    poll()
    archived = sessions.archive_session(store / f"{ID}.jsonl")
    assert poll() == [("moved", str(archived))]
    sessions.restore_session(ID)
    assert poll() == [("appeared", str(store / f"{ID}.jsonl"))]


def test_a_poll_reports_a_replaced_file_as_gone_and_appeared(poll, store):
    path = store / f"{ID}.jsonl"
    create(ID)
    poll()
    (store / "other").write_bytes(path.read_bytes())
    (store / "other").replace(path)
    assert poll() == [("gone", str(path)), ("appeared", str(path))]


def test_a_new_file_with_the_inode_of_another_is_read_from_its_start(store):
    create("first")
    follower = Follower()
    follower.start(0, follow=True)
    (store / "first.jsonl").rename(store / "second.jsonl")
    (line,) = follower.poll()
    assert line.session_id == "second"
