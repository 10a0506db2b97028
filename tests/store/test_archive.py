"""Filing away and bringing back: nothing lost, nothing replaced, nobody alive moved."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time

import pytest
from support import (
    DEAD_PID,
    ID,
    ROOT,
    errors,
    has_open,
    kill_at,
    only_with_proc,
    types,
)

from lib import sessions
from lib.errors import LockTimeoutError, StoreError
from lib.record import timestamps
from lib.store import archive, journal, links
from lib.store import paths as store_module
from lib.system import atomic, folder, proc, process

FORK = multiprocessing.get_context("fork")
DAY = 86_400


def dead(session_id=ID):
    return sessions.create_session(session_id=session_id, pid=DEAD_PID)


def age(path, seconds):
    """Make the session look as if nothing was written to it for so long."""
    old = timestamps.from_epoch(time.time() - seconds)
    aged = [
        entry | {k: old for k in ("last_heartbeat", "timestamp") if k in entry}
        for entry in sessions.load_session_jsonl(path)
    ]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in aged))


@pytest.fixture
def quiet(store, monkeypatch):
    """No automatic cleanup: these tests call it themselves."""
    monkeypatch.setattr(sessions, "auto_cleanup", lambda *_: None)
    return store


def test_cleanup_archives_dead_sessions_by_day_and_keeps_live_sessions(quiet):
    dead("dead")
    sessions.create_session(session_id="alive")
    (moved,) = sessions.cleanup_stale_sessions()
    day = timestamps.from_epoch(time.time())[:10]
    assert moved.id == "dead"
    assert moved.path == quiet / "archive" / day / "dead.jsonl"
    assert types(moved.path) == ["session_metadata"]
    assert [info.id for info in sessions.discover_sessions()] == ["alive"]
    assert [info.id for info in sessions.discover_sessions(archived=True)] == ["dead"]


@pytest.mark.parametrize("zone", ["XXX-14", "XXX+12"])
def test_archive_day_is_the_utc_day_in_every_time_zone(quiet, zone):
    """At any time it is another day in one of these two than it is in UTC."""
    code = "from lib import sessions; print(sessions.cleanup_stale_sessions()[0].path)"
    dead()
    days = [timestamps.from_epoch(time.time())[:10]]
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "TZ": zone},
        capture_output=True,
        text=True,
        check=True,
    )
    days.append(timestamps.from_epoch(time.time())[:10])
    assert said.stdout.split("/")[-2] in days


@pytest.mark.parametrize("years", [-2, 10])
def test_mtime_of_a_file_never_archives_a_session(quiet, years):
    """Others touch it: a backup, git, a sync. Only its entries say how old it is."""
    sessions.create_session(session_id=ID)
    dead("dead")
    for name in (ID, "dead"):
        os.utime(quiet / f"{name}.jsonl", (time.time() + years * 365 * DAY,) * 2)
    assert [info.id for info in sessions.cleanup_stale_sessions()] == ["dead"]
    assert sessions.is_session_alive(sessions.discover_sessions()[0].metadata)


def test_dry_run_of_a_cleanup_moves_nothing(quiet):
    dead()
    (would,) = sessions.cleanup_stale_sessions(dry_run=True)
    assert would.path == quiet / f"{ID}.jsonl"
    assert would.path.exists()


def test_stale_session_is_archived_and_restored_by_its_next_hook(quiet):
    sessions.create_session(session_id=ID)
    age(quiet / f"{ID}.jsonl", 60 * 3600)
    (moved,) = sessions.cleanup_stale_sessions()
    assert sessions.verdict(moved.metadata).verdict == "stale"
    sessions.update_heartbeat(ID, state="busy")
    assert not moved.path.exists()
    assert sessions.is_session_alive(sessions.discover_sessions()[0].metadata)


@pytest.mark.parametrize(
    ("hours", "archived"), [(1, []), (25, [ID])], ids=["1-hour", "25-hours"]
)
def test_unknown_session_is_archived_only_after_the_limit(quiet, hours, archived):
    sessions.create_session(session_id=ID, pid=0)
    age(quiet / f"{ID}.jsonl", hours * 3600)
    assert [info.id for info in sessions.cleanup_stale_sessions()] == archived


def test_clock_set_ahead_archives_no_live_session(quiet):
    sessions.create_session(session_id=ID)
    problems = []
    moved = sessions.cleanup_stale_sessions(
        now=time.time() + 3650 * DAY, on_problem=problems.append
    )
    assert moved == []
    assert "was the clock set?" in problems[0]


@pytest.fixture(
    params=[
        pytest.param(True, id="proc", marks=only_with_proc("tests how /proc is read")),
        pytest.param(False, id="psutil"),
    ]
)
def a_week_old(request, monkeypatch):
    """Let the boot and every process be a week old, by a clock that was never set."""
    booted = time.time() - 7 * DAY
    monkeypatch.setattr(proc, "READS_PROC", request.param)
    monkeypatch.setattr(process, "uptime", lambda: time.time() - booted)
    monkeypatch.setattr(process, "age", lambda _: time.time() - booted)
    if not request.param:
        monkeypatch.setattr(process, "booted_at", lambda: booted)


def written(age, **changes):
    """A session whose process began a week ago, and its last heartbeat, *age* later."""
    path = sessions.get_session_path(sessions.create_session(session_id=ID))
    (entry,) = map(json.loads, path.read_text().splitlines())
    began = timestamps.from_epoch(time.time() - 7 * DAY)
    first = {**entry, "start_time": began, "last_heartbeat": began, **changes}
    beat = {"type": "heartbeat", "timestamp": timestamps.from_epoch(time.time() - age)}
    place = {key: entry[key] for key in ("pid", "process")}
    lines = [first, {**beat, "session_id": ID, "state": "idle", **place}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("age", "forward", "archived"),
    [
        pytest.param(3600, 25 * 3600, False, id="young-heartbeat"),
        pytest.param(2 * DAY, 0, True, id="old-heartbeat"),
        pytest.param(2 * DAY, 25 * 3600, True, id="old-heartbeat-and-clock-set"),
    ],
)
def test_clock_set_forward_by_less_than_the_uptime_archives_no_live_session(
    quiet, a_week_old, age, forward, archived
):
    written(age)
    problems = []
    moved = sessions.cleanup_stale_sessions(
        now=time.time() + forward, on_problem=problems.append
    )
    assert [info.id for info in moved] == [ID] * archived
    if not archived:
        assert "for 1 h: was the clock set?" in problems[0]


def test_clock_set_forward_archives_no_session_that_was_resumed_from_another_process(
    quiet, a_week_old
):
    """The process began when it resumed the session, which is older."""
    written(3600, process="of another", start_time="2020-01-01T00:00:00.000Z")
    path = sessions.get_session_path(ID)
    first, beat = map(json.loads, path.read_text().splitlines())
    began = timestamps.from_epoch(time.time() - 7 * DAY)
    resume = {**beat, "type": "session_resume", "timestamp": began}
    path.write_text("".join(json.dumps(e) + "\n" for e in (first, resume, beat)))
    problems = []
    assert not sessions.cleanup_stale_sessions(
        now=time.time() + 25 * 3600, on_problem=problems.append
    )
    assert "for 1 h: was the clock set?" in problems[0]


@pytest.mark.parametrize(("limit", "archived"), [(24, 1), (30, 0)])
def test_clock_set_forward_counts_by_the_limit_of_this_cleanup(
    quiet, a_week_old, limit, archived
):
    written(26 * 3600)
    now = time.time() + 25 * 3600
    assert len(archive.cleanup(now=now, ttl_hours=limit)) == archived


def test_session_that_another_process_began_is_archived_when_it_is_stale(
    quiet, a_week_old
):
    """Its start says nothing about the clock of the process that resumed it."""
    written(2 * DAY, process="of another", start_time="2020-01-01T00:00:00.000Z")
    assert [info.id for info in sessions.cleanup_stale_sessions()] == [ID]


def test_reused_pid_is_not_taken_for_a_changed_clock(quiet):
    """Known by its pid alone, the process that has it now may have begun later."""
    path = sessions.get_session_path(sessions.create_session(session_id=ID))
    old = time.time() - 3650 * DAY
    entry = {"type": "session_metadata", "session_id": ID, "pid": os.getpid()}
    path.write_text(
        json.dumps({**entry, "last_heartbeat": timestamps.from_epoch(old)}) + "\n"
    )
    os.utime(path, (old, old))
    problems = []
    moved = sessions.cleanup_stale_sessions(on_problem=problems.append)
    assert ([info.id for info in moved], problems) == ([ID], [])


def test_archive_sees_an_entry_written_without_the_lock_after_the_verdict(quiet):
    """By a hook that could not have it in time, as when the cleaner was stopped."""
    session_id = dead()
    path = sessions.get_session_path(session_id)
    hooks = sessions.LockPolicy(0, write_unlocked=True)

    def beat_after_the_verdict(_):
        sessions.update_heartbeat(session_id, state="busy", timeout=hooks)
        return True

    moved = archive.archive(str(path), now=time.time(), confirm=beat_after_the_verdict)
    assert moved is None
    assert types(path) == ["session_metadata", "heartbeat"]
    assert sessions.discover_sessions(archived=True) == []


def test_future_heartbeat_does_not_keep_a_session_forever(quiet):
    sessions.create_session(session_id=ID, pid=0)
    path = quiet / f"{ID}.jsonl"
    path.write_text(
        path.read_text().replace(timestamps.from_epoch(time.time())[:4], "2036")
    )
    assert sessions.cleanup_stale_sessions() == []
    os.utime(path, (time.time() - 2 * DAY,) * 2)
    assert [info.id for info in sessions.cleanup_stale_sessions()] == [ID]


def test_a_session_archived_twice_a_day_has_two_files(quiet):
    first = sessions.archive_session(quiet / f"{dead()}.jsonl")
    kept = first.read_bytes()
    path = quiet / f"{ID}.jsonl"
    path.write_bytes(kept)  # as a restored backup would
    second = sessions.archive_session(path)
    assert (first.name, second.name) == (f"{ID}.jsonl", f"{ID}.1.jsonl")
    assert first.read_bytes() == kept
    assert sessions.restore_session(ID) == path
    assert not second.exists()


def test_killed_restore_is_finished_by_a_waiting_writer(quiet):
    """Who waits for the lock of the archived file finds it under both names."""
    archived = sessions.archive_session(quiet / f"{dead()}.jsonl")
    live = quiet / f"{ID}.jsonl"
    os.link(archived, live)
    with pytest.raises(FileNotFoundError), journal.locked(str(archived)):
        pass
    assert not archived.exists()
    assert live.stat().st_nlink == 1


def test_foreign_file_in_the_archive_is_not_restored(quiet):
    stranger = quiet / "archive" / "2026-01-01" / f"{ID}.jsonl"
    stranger.parent.mkdir(parents=True)
    stranger.write_text("a letter\n")
    with pytest.raises(sessions.SessionNotFoundError):
        sessions.restore_session(ID)
    sessions.create_session(session_id=ID)
    assert stranger.read_text() == "a letter\n"


def test_unreadable_archive_blocks_no_session_start(quiet):
    quiet.mkdir()
    (quiet / "archive").symlink_to("archive")
    assert sessions.create_session(session_id=ID) == ID


def test_clock_set_back_archives_no_live_session(quiet):
    sessions.create_session(session_id=ID)
    problems = []
    assert (
        sessions.cleanup_stale_sessions(
            now=time.time() - 3650 * DAY, on_problem=problems.append
        )
        == []
    )
    assert "was the clock set back?" in problems[0]


def test_restore_takes_the_newest_of_several_archived_files(quiet):
    moved = sessions.archive_session(quiet / f"{dead()}.jsonl")
    older = quiet / "archive" / "2020-01-01" / f"{ID}.jsonl"
    older.parent.mkdir()
    older.write_bytes(moved.read_bytes())
    sessions.append_to_session(ID, {"type": "n"})
    assert types(quiet / f"{ID}.jsonl") == ["session_metadata", "n"]
    assert older.exists()
    assert not moved.exists()


def test_restore_leaves_a_live_session_as_it_is(quiet):
    dead()
    assert sessions.restore_session(ID) == quiet / f"{ID}.jsonl"


def test_session_is_found_while_it_is_being_moved(quiet, monkeypatch):
    sessions.archive_session(quiet / f"{dead()}.jsonl")
    look = store_module.archived_paths

    def just_left(_):
        monkeypatch.setattr(store_module, "archived_paths", look)
        return []

    monkeypatch.setattr(store_module, "archived_paths", just_left)
    sessions.append_to_session(ID, {"type": "n"})
    assert types(quiet / f"{ID}.jsonl") == ["session_metadata", "n"]


def test_restore_of_a_missing_session_raises(quiet):
    with pytest.raises(sessions.SessionNotFoundError, match=ID):
        sessions.restore_session(ID)


def test_cleanup_skips_a_locked_session(quiet):
    dead()
    with journal.locked(str(quiet / f"{ID}.jsonl")):
        assert sessions.cleanup_stale_sessions() == []
        with pytest.raises(LockTimeoutError):
            sessions.archive_session(quiet / f"{ID}.jsonl", timeout=0)


def test_session_revived_after_its_verdict_is_not_archived(quiet, monkeypatch):
    dead()
    judged_before = journal.locked.__enter__

    def beats_first(self):
        monkeypatch.setattr(journal.locked, "__enter__", judged_before)
        sessions.update_heartbeat(ID, state="busy", pid=os.getpid())
        return judged_before(self)

    monkeypatch.setattr(journal.locked, "__enter__", beats_first)
    assert sessions.cleanup_stale_sessions() == []
    assert (quiet / f"{ID}.jsonl").exists()


def test_cleanup_removes_only_its_own_temporary_files(quiet):
    quiet.mkdir()
    ours = quiet / f".{ID}.0123456789abcdef.tmp"
    theirs = [".config.json.tmp", ".notes.txt.tmp", ".a.b.tmp.keep", f".{ID}.x.tmp"]
    for path in (ours, *(quiet / name for name in theirs)):
        path.write_text("")
        os.utime(path, (0, 0))
    sessions.cleanup_stale_sessions()
    assert sorted(path.name for path in quiet.iterdir()) == sorted(theirs)


def test_stale_session_of_another_host_is_archived_despite_a_local_pid(quiet):
    young = subprocess.Popen(["sleep", "600"])
    sessions.create_session(session_id=ID, pid=young.pid)
    path = quiet / f"{ID}.jsonl"
    entry = json.loads(path.read_text())
    entry["process"] = entry["process"].replace("linux:", "linux:x")
    entry = {**entry, "host": "elsewhere", "machine": "0" * 32}
    path.write_text(json.dumps(entry) + "\n")
    age(path, 2 * DAY)
    os.utime(path, (time.time() - 2 * DAY,) * 2)
    problems = []
    moved = sessions.cleanup_stale_sessions(on_problem=problems.append)
    young.kill()
    young.wait()
    assert ([info.id for info in moved], problems) == ([ID], [])


def test_cleanup_moves_only_proven_session_files(quiet):
    quiet.mkdir()
    foreign = {
        "transcript.jsonl": '{"type":"user","sessionId":"transcript"}\n',
        "other-id.jsonl": '{"type":"session_metadata","session_id":"x","pid":1}\n',
        "later.jsonl": '{"type":"note"}\n'
        '{"type":"session_metadata","session_id":"later","pid":4194305}\n',
        "not an id.jsonl": '{"type":"session_metadata","session_id":"not an id"}\n',
        "empty.jsonl": "",
        "torn.jsonl": '{"type":"session_metad',
        "list.jsonl": "[]\n",
    }
    for name, text in foreign.items():
        (quiet / name).write_text(text)
    sessions.cleanup_stale_sessions()
    for name, text in foreign.items():
        assert (quiet / name).read_text() == text
        with pytest.raises(StoreError, match="not proven"):
            sessions.archive_session(quiet / name)


@pytest.mark.parametrize("kind", ["file", "symlink", "day-symlink"])
def test_cleanup_moves_nothing_into_an_invalid_archive(quiet, tmp_path, kind):
    dead()
    outside = tmp_path / "outside"
    outside.mkdir()
    place = quiet / "archive"
    if kind == "file":
        place.write_text("")
    elif kind == "symlink":
        place.symlink_to(outside)
    else:
        place.mkdir()
        (place / timestamps.from_epoch(time.time())[:10]).symlink_to(outside)
    problems = []
    assert sessions.cleanup_stale_sessions(on_problem=problems.append) == []
    assert len(problems) == 1
    assert str(place) in problems[0]
    assert (quiet / f"{ID}.jsonl").exists()
    assert list(outside.iterdir()) == []


def test_cleanup_moves_nothing_to_another_file_system(quiet):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount")
    dead()
    code = (
        "import subprocess, sys\n"
        "from lib import sessions; from lib.store import paths\n"
        "paths.ensure_folder(paths.ARCHIVE_DIR)\n"
        "mount = ['mount', '-t', 'tmpfs', 'none', paths.ARCHIVE_DIR]\n"
        "subprocess.run(mount, check=True)\n"
        "print(sessions.cleanup_stale_sessions(on_problem=print))\n"
    )
    said = subprocess.run(
        ["unshare", "-m", sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "was left where it is" in said.stdout
    assert "cross-device" in said.stdout
    assert (quiet / f"{ID}.jsonl").exists()


def cleaner(results):
    problems = []
    moved = sessions.cleanup_stale_sessions(on_problem=problems.append)
    results.put(([info.id for info in moved], problems))


def test_concurrent_cleaners_archive_each_dead_session_once(quiet):
    for number in range(200):
        dead(f"dead-{number}")
    for number in range(10):
        sessions.create_session(session_id=f"live-{number}")
    results = FORK.Queue()
    cleaners = [FORK.Process(target=cleaner, args=(results,)) for _ in range(8)]
    for job in cleaners:
        job.start()
    found = [results.get() for _ in cleaners]
    for job in cleaners:
        job.join()
    moved = [session_id for ids, _ in found for session_id in ids]
    assert sorted(moved) == sorted(f"dead-{number}" for number in range(200))
    assert [problem for _, problems in found for problem in problems] == []
    assert len(sessions.discover_sessions()) == 10
    assert len(sessions.discover_sessions(archived=True)) == 200


def append_many(session_id, writer, count):
    for number in range(count):
        sessions.append_to_session(
            session_id, {"type": "n", "key": f"{writer}.{number}"}
        )


def archive_regardless(ids, stop):
    while not stop.is_set():
        for session_id in ids:
            try:
                sessions.archive_session(
                    sessions.get_session_path(session_id), timeout=0
                )
            except (FileNotFoundError, LockTimeoutError):
                continue


def test_appending_while_archiving_loses_nothing(quiet):
    ids = ["a", "b"]
    for session_id in ids:
        dead(session_id)
    stop = FORK.Event()
    mover = FORK.Process(target=archive_regardless, args=(ids, stop))
    writers = [
        FORK.Process(target=append_many, args=(ids[w % 2], w, 100)) for w in range(4)
    ]
    for job in [mover, *writers]:
        job.start()
    for job in writers:
        job.join()
    stop.set()
    mover.join()
    assert [process.exitcode for process in writers] == [0] * 4
    for session_id in ids:
        files = [p for p in quiet.rglob("*.jsonl") if p.name.startswith(session_id)]
        assert len(files) == 1
        assert types(files[0])[0] == "session_metadata"
        assert len(sessions.load_session_jsonl(files[0])) == 201
        assert files[0].stat().st_nlink == 1


@pytest.mark.parametrize(
    ("call", "without"),
    [
        pytest.param("renameat2", "", id="rename"),
        pytest.param("linkat", "renameat2", id="link"),
        pytest.param("unlinkat", "renameat2", id="unlink"),
    ],
)
@pytest.mark.parametrize("step", ["archive", "restore"])
def test_interrupted_move_is_finished_by_the_next_append(quiet, step, call, without):
    if not os.path.exists("/usr/bin/strace"):
        pytest.skip("strace is not installed")
    path = quiet / f"{dead()}.jsonl"
    if step == "archive":
        code = f"from lib import sessions; sessions.archive_session({str(path)!r})"
    else:
        sessions.archive_session(path)
        code = f"from lib import sessions; sessions.restore_session({ID!r})"
    kill_at(call, code, without=without)
    sessions.append_to_session(ID, {"type": "n"})
    assert list(quiet.rglob("*.jsonl")) == [path]
    assert path.stat().st_nlink == 1
    assert types(path) == ["session_metadata", "n"]


@pytest.mark.parametrize("call", ["linkat", "unlinkat"])
@pytest.mark.parametrize("step", ["archive", "restore"])
def test_interrupted_move_is_finished_by_the_next_cleanup(quiet, step, call):
    if not os.path.exists("/usr/bin/strace"):
        pytest.skip("strace is not installed")
    path = quiet / f"{dead()}.jsonl"
    code = f"from lib import sessions; sessions.archive_session({str(path)!r})"
    if step == "restore":
        sessions.archive_session(path)
        code = f"from lib import sessions; sessions.restore_session({ID!r})"
    kill_at(call, code, without="renameat2")
    problems = []
    sessions.cleanup_stale_sessions(on_problem=problems.append)
    assert problems == []
    (archived,) = quiet.rglob("*.jsonl")
    assert archived.parent.parent == quiet / "archive"
    assert archived.stat().st_nlink == 1
    assert types(archived) == ["session_metadata"]


def test_immovable_files_do_not_starve_the_cleanup_of_others(quiet, monkeypatch):
    """Each has time for three; twenty that were written first are in the way."""
    monkeypatch.setattr(archive, "_ROTATE_ABOVE", 5)
    line = '{"type":"note"}\n{"type":"session_metadata","session_id":"%s","pid":%d}\n'
    quiet.mkdir()
    for number in range(20):
        path = quiet / f"stuck-{number}.jsonl"
        path.write_text(line % (path.stem, DEAD_PID))
        os.utime(path, (number, number))
    dead()
    for _ in range(1000):
        looks = iter(range(99))
        monkeypatch.setattr(store_module.Listing, "age", lambda _, n=looks: next(n))
        archive.cleanup(now=time.time(), budget=2)
        if not (quiet / f"{ID}.jsonl").exists():
            break
    assert [info.id for info in sessions.discover_sessions(archived=True)] == [ID]


def test_auto_cleanup_keeps_its_time_limit_and_reaches_every_session(quiet):
    for number in range(300):
        dead(f"dead-{number}")
    rounds = 0
    while sessions.discover_sessions():
        archive.cleanup(now=time.time(), budget=0.02)
        rounds += 1
        assert rounds < 300
    assert rounds > 1
    assert errors(quiet) == ""


def append_by_path(path):
    try:
        journal.append(str(path), lambda: b'{"type":"n"}\n', journal.LockPolicy(10))
    except FileNotFoundError:
        os._exit(3)


def test_waiting_append_never_writes_to_the_archived_file(quiet):
    path = quiet / f"{dead()}.jsonl"
    target = quiet / "archive" / "2026-01-01" / path.name
    target.parent.mkdir(parents=True)
    writer = FORK.Process(target=append_by_path, args=(path,))
    with journal.locked(str(path)):
        writer.start()
        while not has_open(writer.pid, path):
            os.sched_yield()
        with folder.open_own(str(quiet)) as live, links.open_folder(str(target)) as day:
            atomic.rename(live, path.name, day, target.name)
    writer.join()
    assert writer.exitcode == 3
    assert types(target) == ["session_metadata"]


def test_session_archived_during_a_concurrent_start_stays_one_session(
    quiet, monkeypatch
):
    sync = os.fsync

    def meanwhile(descriptor):
        monkeypatch.setattr(os, "fsync", sync)
        sessions.append_to_session(dead(), {"type": "n"})
        sessions.archive_session(quiet / f"{ID}.jsonl")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", meanwhile)
    sessions.resume_session(ID, source="startup")
    (path,) = quiet.rglob("*.jsonl")
    assert path == quiet / f"{ID}.jsonl"
    assert types(path) == ["session_metadata", "n", "session_resume"]


def test_session_archived_meanwhile_is_not_created_again(quiet, monkeypatch):
    sync = os.fsync

    def meanwhile(descriptor):
        monkeypatch.setattr(os, "fsync", sync)
        sessions.archive_session(quiet / f"{dead()}.jsonl")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(sessions.SessionExistsError):
        sessions.create_session(session_id=ID)
    (path,) = quiet.rglob("*.jsonl")
    assert path.parent != quiet
