"""What an export reads on: files that are moved, deleted, damaged, or not readable."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import time

import pytest
from support import ID

from lib import sessions
from lib.export import cursor
from lib.export.exporter import Exporter
from lib.export.stream import stream
from lib.store import delete, paths, repair

OTHER = "b7449dda-0263-4aca-96f1-e90404071317"


class Consumer:
    """Keeps what it was given, with the cursor, and starts anew from that each time."""

    def __init__(self, **options):
        self.options = options
        self.cursor = None
        self.messages = []

    def take(self):
        """The lines that are new, without the cursor at their end."""
        positions = cursor.decode(self.cursor) if self.cursor else {}
        exporter = Exporter(positions, report=self.messages.append, **self.options)
        lines = [line for block in stream(exporter) for line in block]
        last = json.loads(lines[-1])
        self.cursor = last.pop("cursor")
        assert last == {"type": "cursor", "v": 1}
        return lines[:-1]

    def take_entries(self):
        return [json.loads(line) for line in self.take()]


@pytest.fixture
def consumer(store):
    return Consumer()


@pytest.fixture
def unreadable(monkeypatch):
    """Make a file unreadable for a while, also for root, whom no mode stops."""
    os_open = os.open

    @contextlib.contextmanager
    def make(path):
        def refuse(name, *arguments, **more):
            if os.fspath(name) == str(path):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
            return os_open(name, *arguments, **more)

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refuse)
            yield

    return make


def path_of(session_id=ID):
    return pathlib.Path(sessions.get_session_path(session_id))


def create(session_id=ID, notes=2):
    sessions.create_session("shop", session_id=session_id)
    for number in range(notes):
        note(number, session_id)
    return path_of(session_id)


def note(number, session_id=ID, **more):
    entry = {"type": "note.a", "number": number, **more}
    return sessions.append_to_session(session_id, entry)


def add(number, path):
    """Add an entry as a hook does that wrote without looking at line 1."""
    entry = {"type": "note.a", "v": 1, "id": f"{number:016x}", "session_id": ID}
    with path.open("a") as file:
        file.write(json.dumps({**entry, "number": number}) + "\n")


def numbers(lines):
    return [json.loads(line).get("number") for line in lines]


def written(*files):
    return [line for file in files for line in file.read_bytes().splitlines()]


def gaps(lines):
    found = [json.loads(line) for line in lines]
    return [(e["reason"], e["metadata_id"]) for e in found if e["type"] == "gap"]


def first_id(path):
    return json.loads(path.read_bytes().split(b"\n")[0])["id"]


def remove(path):
    sessions.close_session(ID)
    delete.remove(str(path), path.stat().st_size, time.time())


# ---- Whole files ----------------------------------------------------------------


def test_export_has_live_and_archived_entries_byte_for_byte(consumer):
    live, archived = create(), create(OTHER)
    archived = pathlib.Path(sessions.archive_session(archived))
    assert consumer.take() == written(archived, live)
    assert consumer.take() == []


def test_export_continues_after_the_cursor(consumer):
    create()
    consumer.take()
    note(7)
    create(OTHER, notes=0)
    assert numbers(consumer.take()) == [7, None]


def test_export_of_a_session_that_is_archived_and_restored_goes_on(consumer):
    path = create()
    consumer.take()
    sessions.archive_session(path)
    assert consumer.take() == []
    note(8)  # restores it
    assert numbers(consumer.take()) == [8]
    note(9)
    sessions.archive_session(path)
    assert numbers(consumer.take()) == [9]


def test_export_knows_a_session_whose_inode_and_day_have_changed(consumer):
    path = create()
    archived = pathlib.Path(sessions.archive_session(path))
    consumer.take()
    day = archived.parent.parent / "2020-01-01"
    day.mkdir(mode=0o700)
    (day / archived.name).write_bytes(archived.read_bytes())
    archived.unlink()
    assert consumer.take() == []


def test_export_of_two_files_of_a_session_has_the_older_first(consumer):
    sessions.archive_session(create(notes=1))
    day = paths.archive_folders()[0]
    kept = pathlib.Path(day, f"{ID}.jsonl")
    kept.rename(kept.with_name("aside"))
    second = pathlib.Path(sessions.archive_session(create(notes=3)))
    second.rename(second.with_name(f"{ID}.1.jsonl"))
    kept.with_name("aside").rename(kept)
    assert numbers(consumer.take()) == [None, 0, None, 0, 1, 2]


def test_export_of_an_interrupted_move_has_each_entry_once(consumer):
    path = create()
    archived = pathlib.Path(sessions.archive_session(path))
    os.link(archived, path)
    assert consumer.take() == written(path)
    assert consumer.take() == []


def test_export_of_a_session_with_an_old_copy_in_the_archive_has_no_gap(consumer):
    path = create()
    copy = path.read_bytes()
    note(5)
    assert numbers(consumer.take()) == [None, 0, 1, 5]
    day = pathlib.Path(paths.ARCHIVE_DIR, "2020-01-01")
    day.mkdir(parents=True, mode=0o700)
    day.parent.chmod(0o700)
    (day / path.name).write_bytes(copy)
    note(6)
    assert numbers(consumer.take()) == [6]
    assert consumer.messages == []


def test_export_of_types_has_only_these_and_goes_past_the_others(store):
    consumer = Consumer(types=["note.b"])
    create()
    sessions.append_to_session(ID, {"type": "note.b", "number": 5})
    assert numbers(consumer.take()) == [5]
    assert consumer.take() == []
    consumer.options = {}
    assert consumer.take() == []


@pytest.mark.parametrize("first", [True, False], ids=["new", "known"])
def test_export_of_a_session_archived_between_two_looks_misses_nothing(
    consumer, store, monkeypatch, first
):
    create(OTHER)
    sessions.archive_session(path_of(OTHER))
    path = create(notes=1)
    if not first:
        consumer.take()
        note(1)
    list_files = paths.session_files

    def archive_first(folder):
        if folder == str(store) and path.exists():
            sessions.archive_session(path)
        return list_files(folder)

    monkeypatch.setattr(paths, "session_files", archive_first)
    lines = consumer.take()
    assert gaps(lines) == []
    assert numbers(lines)[-1] == (0 if first else 1)


# ---- Deleted and rewritten ------------------------------------------------------


def test_export_of_a_deleted_session_is_one_gap(consumer):
    path = create()
    identity = first_id(path)
    consumer.take()
    remove(path)
    assert gaps(consumer.take()) == [("deleted", identity)]
    assert consumer.take() == []


def test_export_of_a_session_deleted_and_begun_again_is_a_gap_and_its_entries(consumer):
    path = create()
    identity = first_id(path)
    consumer.take()
    remove(path)
    create(notes=1)
    lines = consumer.take()
    assert gaps(lines) == [("deleted", identity)]
    assert lines[:-1] == written(path)


def test_export_of_a_store_that_is_not_there_is_an_error(consumer, store):
    create()
    consumer.take()
    store.rename(store.with_name("elsewhere"))
    with pytest.raises(sessions.StoreError, match="was it moved"):
        consumer.take()
    store.with_name("elsewhere").rename(store)
    assert consumer.take() == []


def test_export_of_a_truncated_file_is_a_gap_and_all_of_it(consumer):
    path = create()
    consumer.take()
    lines = written(path)
    os.truncate(path, len(lines[0]) + 40)
    note(3)
    found = consumer.take()
    assert gaps(found) == [("rewritten", first_id(path))]
    assert [*found[1:]] == [lines[0], written(path)[-1]]
    assert consumer.take() == []


def test_export_of_a_file_rewritten_longer_is_a_gap_and_all_of_it(consumer):
    path = create(notes=1)
    consumer.take()
    first, second = written(path)
    changed = second.replace(b'"number":0', b'"number":4')
    path.write_bytes(b"\n".join([first, changed, second, b""]))
    found = consumer.take()
    assert gaps(found) == [("rewritten", first_id(path))]
    assert numbers(found[1:]) == [None, 4, 0]


# ---- Damaged --------------------------------------------------------------------


@pytest.mark.by_hand
def test_export_waits_for_the_newline_of_the_last_line(consumer):
    path = create(notes=0)
    line = path.read_bytes().replace(b"session_metadata", b"note.b")
    with path.open("ab") as file:
        file.write(line[:-1])
    assert len(consumer.take()) == 1
    with path.open("ab") as file:
        file.write(b"\n")
    assert consumer.take() == [line[:-1]]


def test_export_leaves_out_torn_lines_and_says_so(consumer):
    path = create(notes=0)
    with path.open("ab") as file:
        file.write(b'{"type":"no')
    note(1)
    assert numbers(consumer.take()) == [None, 1]
    assert consumer.messages == [f"{path}: 1 damaged line left out"]


def test_export_leaves_out_a_line_too_long_to_be_an_entry(consumer):
    path = create(notes=0)
    with path.open("ab") as file:
        file.write(b"x" * 3_000_000 + b'{"a":1}\n')
    note(1)
    assert numbers(consumer.take()) == [None, 1]
    note(2)
    assert numbers(consumer.take()) == [2]


def test_export_drops_zeros_that_a_crash_left_before_an_entry(consumer):
    path = create(notes=0)
    with path.open("ab") as file:
        file.write(b"\0" * 512)
        line = b'{"type":"note.b","number":3}'
        file.write(line + b"\n")
    assert consumer.take()[1:] == [line]


@pytest.mark.by_hand
@pytest.mark.parametrize("seen", [True, False], ids=["seen-damaged", "not-seen"])
def test_export_of_a_repaired_line_1_has_that_line_and_nothing_twice(consumer, seen):
    path = create()
    assert len(consumer.take()) == 3
    metadata = json.loads(written(path)[0])
    with path.open("r+b") as file:
        file.write(b"\0" * 60)
    if seen:
        assert consumer.take() == []
        add(2, path)
        assert numbers(consumer.take()) == [2]
    again = {**metadata, "id": "a" * 16}
    assert repair.put_metadata(str(path), again, 1.0)
    note(3)
    entries = consumer.take_entries()
    assert entries[0]["id"] == "a" * 16
    assert [entry.get("number") for entry in entries] == [None, 3]
    assert consumer.take() == []


@pytest.mark.by_hand
def test_export_begins_with_a_session_whose_line_1_is_damaged(consumer):
    path = create()
    with path.open("r+b") as file:
        file.write(b"\0" * 60)
    assert numbers(consumer.take()) == [0, 1]
    add(2, path)
    assert numbers(consumer.take()) == [2]


@pytest.mark.by_hand
def test_export_of_a_session_destroyed_up_to_what_was_exported_goes_on(consumer):
    path = create(notes=1)
    consumer.take()
    size = len(written(path)[0])
    with path.open("r+b") as file:
        file.write(b"\0" * size)
    add(1, path)
    assert numbers(consumer.take()) == [1]


# ---- Not ours, not readable -----------------------------------------------------


def test_export_takes_no_session_for_deleted_while_a_file_is_unreadable(
    consumer, unreadable
):
    path, other = create(), create(OTHER)
    consumer.take()
    identity = first_id(path)
    note(5, OTHER)
    remove(path)
    with unreadable(other):
        assert consumer.take() == []
    assert any("cannot read" in message for message in consumer.messages)
    found = consumer.take()
    assert numbers(found[:1]) == [5]
    assert gaps(found) == [("deleted", identity)]


def test_export_takes_no_session_for_deleted_while_the_archive_is_a_link(consumer):
    archived = pathlib.Path(sessions.archive_session(create()))
    consumer.take()
    archive = archived.parent.parent
    archive.rename(archive.with_name("aside"))
    archive.symlink_to("aside")
    assert consumer.take() == []
    assert "1 session may have been deleted" in consumer.messages[-1]
    archive.unlink()
    archive.with_name("aside").rename(archive)
    assert consumer.take() == []


def test_export_leaves_out_files_that_are_not_sessions(consumer, store):
    create()
    (store / "notes.jsonl").write_text('{"a":1}\n')
    (store / "linked.jsonl").symlink_to("/etc/passwd")
    os.mkfifo(store / "pipe.jsonl")
    assert len(consumer.take()) == 3
    assert len(consumer.messages) == 3
    assert all("left out" in message for message in consumer.messages)


@pytest.mark.by_hand
def test_export_leaves_out_entries_of_the_types_that_it_adds(consumer):
    path = create(notes=0)
    for kind in ("gap", "cursor"):
        with pytest.raises(sessions.InvalidEntryError, match="reserved"):
            sessions.append_to_session(ID, {"type": kind})
    with path.open("a") as file:
        file.write('{"type":"cursor","cursor":"1."}\n{"type":["gap"],"number":1}\n')
    assert numbers(consumer.take()) == [None, 1]
    assert "reserved type cursor" in consumer.messages[0]


def test_export_of_another_session_with_the_same_first_id_says_so(consumer, store):
    path = create(notes=0)
    copied = path.read_text().replace(ID, OTHER)
    (store / f"{OTHER}.jsonl").write_text(copied)
    assert len(consumer.take()) == 1
    assert f"has the id of {ID}" in consumer.messages[0]


# ---- Following ------------------------------------------------------------------


def test_follow_yields_what_is_added_and_a_cursor_after_it(store):
    path = create()
    exporter = Exporter({})
    steps = iter(
        [
            lambda: note(5),
            lambda: sessions.archive_session(path),
            lambda: note(6),
            lambda: remove(path),
        ]
    )

    blocks = stream(exporter, lambda _: next(steps)())
    kinds = []
    while len(kinds) < 10:
        kinds += [json.loads(line)["type"] for line in next(blocks)]
    metadata, cursor = "session_metadata", "cursor"
    assert kinds == [
        *(metadata, "note.a", "note.a", cursor, "note.a", cursor),
        *("note.a", cursor, "gap", cursor),
    ]
    assert exporter.positions == {}
