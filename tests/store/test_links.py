"""The names of a session's file: each state that a crash can leave, and its end."""

from __future__ import annotations

import os
import time

import pytest
from support import ID, kill_at, types

from lib import sessions
from lib.errors import StoreError
from lib.store import links, paths


@pytest.fixture
def live(store):
    sessions.create_session(session_id=ID)
    return store / f"{ID}.jsonl"


def names(store):
    """Every file of the store by its place in it, whatever a listing hides."""
    return sorted(str(p.relative_to(store)) for p in store.rglob("*") if p.is_file())


def link(path, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(path, target)


@pytest.mark.parametrize("call", ["linkat", "unlink", "fsync"])
def test_interrupted_create_is_finished_by_the_next_call(store, call):
    if not os.path.exists("/usr/bin/strace"):
        pytest.skip("strace is not installed")
    code = f"from lib import sessions; sessions.create_session(session_id={ID!r})"
    kill_at(call, code)
    path = store / f"{ID}.jsonl"
    if path.exists():
        sessions.append_to_session(ID, {"type": "n"})
        assert [p.name for p in store.iterdir()] == [path.name]
        assert path.stat().st_nlink == 1
        assert types(path) == ["session_metadata", "n"]
    else:
        sessions.create_session(session_id=ID)
        assert types(path) == ["session_metadata"]
    for leftover in store.glob(".*.tmp"):
        os.utime(leftover, (0, 0))
    sessions.cleanup_stale_sessions(keep=[ID])
    assert [p.name for p in store.iterdir()] == [path.name]


@pytest.mark.parametrize("name", [f".{ID}.{'0' * 16}.tmp", "archive/2026-11-25/{ID}"])
def test_a_second_name_in_the_store_is_removed_by_the_next_writer(store, live, name):
    link(live, store / name.replace("{ID}", f"{ID}.jsonl"))
    sessions.append_to_session(ID, {"type": "n"})
    assert names(store) == [live.name]
    assert types(live) == ["session_metadata", "n"]


def test_restore_of_a_session_that_has_both_names_leaves_the_live_one(store, live):
    archived = store / "archive" / "2026-11-25" / live.name
    link(live, archived)
    descriptor = os.open(archived, os.O_RDWR)
    with pytest.raises(FileNotFoundError, match="restored in the meantime"):
        links.finish_interrupted_move(str(archived), descriptor, remove=True)
    os.close(descriptor)
    assert names(store) == [live.name]


def test_link_check_without_the_lock_changes_no_name(store, live, tmp_path):
    link(live, store / f".{ID}.{'0' * 16}.tmp")
    before = names(store)
    descriptor = os.open(live, os.O_RDWR)
    links.finish_interrupted_move(str(live), descriptor, remove=False)
    assert names(store) == before
    link(live, tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="outside the store"):
        links.finish_interrupted_move(str(live), descriptor, remove=False)
    os.close(descriptor)


def test_a_name_outside_the_store_is_refused_and_left_alone(store, live, tmp_path):
    link(live, tmp_path / "elsewhere")
    with pytest.raises(StoreError, match=r"second name .* outside the store"):
        sessions.append_to_session(ID, {"type": "n"})
    assert live.stat().st_nlink == 2
    assert types(live) == ["session_metadata"]


def test_create_is_undone_if_the_session_was_archived_in_the_meantime(store):
    store.mkdir()
    path = store / f"{ID}.jsonl"
    with pytest.raises(FileExistsError, match="archived by another"):
        links.create(str(path), b"{}\n", is_taken=lambda: True)
    assert names(store) == []


def test_create_is_not_undone_if_an_entry_was_written_to_the_file(store):
    store.mkdir()
    path = store / f"{ID}.jsonl"

    def is_taken():
        with path.open("ab") as file:
            file.write(b"{}\n")
        return True

    links.create(str(path), b"{}\n", is_taken=is_taken)
    assert path.read_bytes() == b"{}\n{}\n"
    assert names(store) == [path.name]


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        pytest.param(f".{ID}.0123456789abcdef.tmp", True, id="of a session"),
        pytest.param(".doctor.0123456789abcdef.tmp", True, id="of the doctor"),
        pytest.param(f".{ID}.0123456789abcde.tmp", False, id="15 digits"),
        pytest.param(f".{ID}.0123456789ABCDEF.tmp", False, id="upper case"),
        pytest.param(f"{ID}.0123456789abcdef.tmp", False, id="not hidden"),
        pytest.param("..0123456789abcdef.tmp", False, id="no name"),
        pytest.param(".a.b.0123456789abcdef.tmp", False, id="a name with a dot"),
        pytest.param(".vimrc.tmp", False, id="no digits"),
        pytest.param(".0123456789abcdef.tmp", False, id="digits alone"),
    ],
)
def test_remove_leftovers_removes_old_temporary_files_of_ours_alone(
    store, name, is_ours
):
    store.mkdir()
    path = store / name
    path.touch()
    links.remove_leftovers(time.time() - 60)
    assert path.exists()
    links.remove_leftovers(time.time() + 60)
    assert path.exists() is not is_ours
    assert paths.is_temporary(name) is is_ours


def test_temporary_paths_are_hidden_and_known_as_temporary(store):
    folder, name = os.path.split(paths.temporary_path(ID))
    assert folder == paths.SESSIONS_DIR
    assert paths.is_temporary(name)
    assert not name.endswith(paths.SUFFIX)
