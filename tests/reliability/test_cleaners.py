"""Cleaners, and cleaners against writers: moved once, nothing lost, nobody alive."""

from __future__ import annotations

import json
import os
import time

import filelock  # noqa: F401  # before the fork, as in a tool that runs for long
import psutil  # noqa: F401  # likewise
import pytest
from reliability import forked
from reliability.sights import copies, only_file_of
from support import DEAD_PID, ID

from lib import file_lock, sessions
from lib.errors import LockTimeoutError
from lib.system import atomic


@pytest.fixture
def quiet(store, monkeypatch):
    """No automatic cleanup: these tests call it themselves."""
    monkeypatch.setattr(sessions, "auto_cleanup", lambda *_: None)
    return store


def populate(store, prefix, count, pid):
    """Make *count* sessions of process *pid*, and return their ids."""
    sessions.create_session(session_id=ID, pid=pid)
    path = store / f"{ID}.jsonl"
    names = [f"{prefix}-{number}" for number in range(count)]
    copies(path.read_text(), ID, names, store)
    path.unlink()
    return names


def clean():
    problems = []
    moved = sessions.cleanup_stale_sessions(on_problem=problems.append)
    return [[info.id for info in moved], problems]


def beat(names, rounds):
    for _ in range(rounds):
        for name in names:
            sessions.update_heartbeat(name, state="busy")
    return []


@pytest.mark.parametrize("cleaners", [2, 8])
def test_concurrent_cleaners_move_each_dead_session_once(quiet, size, figure, cleaners):
    dead = populate(quiet, "dead", size(200, 1000), DEAD_PID)
    live = populate(quiet, "live", size(20, 50), None)
    began = time.monotonic()
    results = forked.together(
        lambda work, *given: work(*given), [(clean,)] * cleaners + [(beat, live, 3)]
    )
    seconds = time.monotonic() - began
    moved = [session_id for ids, _ in results[:-1] for session_id in ids]
    assert sorted(moved) == sorted(dead)
    assert [problem for _, problems in results[:-1] for problem in problems] == []
    assert sorted(info.id for info in sessions.discover_sessions()) == sorted(live)
    archived = [info.id for info in sessions.discover_sessions(archived=True)]
    assert sorted(archived) == sorted(dead)
    figure(
        f"{cleaners} cleaners at once on {len(dead)} dead and {len(live)} live that "
        f"beat: each dead archived once, no live one, 0 errors, {seconds:.1f} s"
    )


def revive(names):
    for name in names:
        sessions.update_heartbeat(name, state="busy", pid=os.getppid())


def test_session_revived_during_a_cleanup_stays_or_comes_back(quiet, size, figure):
    """The verdict before the lock is no longer true when the lock is had."""
    rounds, count, moved = size(40, 500), 4, 0
    for number in range(rounds):
        names = populate(quiet, f"dead-{number}", count, DEAD_PID)
        results = forked.together(
            lambda work, *given: work(*given), [(clean,), (revive, names[::-1])]
        )
        moved += len(results[0][0])
        assert results[0][1] == []
        found = sessions.discover_sessions()
        assert [info.id for info in found] == names
        for info in found:  # else the next cleaner would look at them first
            info.path.unlink()
    figure(
        f"{rounds * count} dead sessions come alive while a cleaner runs: {moved} were "
        "archived before, and came back; all are live"
    )


def test_archived_files_are_never_replaced(quiet, size, figure):
    """The same sessions die again on the same day, as after a restored backup."""
    deaths, count = 3, size(50, 300)
    for death in range(deaths):
        for name in populate(quiet, "dead", count, DEAD_PID):
            with (quiet / f"{name}.jsonl").open("a") as file:
                file.write(json.dumps({"type": "n", "death": death}) + "\n")
        forked.together(clean, [()] * 4)
    kept = {}
    for path in quiet.glob("archive/*/*.jsonl"):
        death = sessions.load_session_jsonl(path)[-1]["death"]
        kept.setdefault(path.name.split(".")[0], []).append(death)
    assert len(kept) == count
    assert {tuple(sorted(found)) for found in kept.values()} == {tuple(range(deaths))}
    figure(
        f"{count} sessions archived {deaths} times a day by 4 cleaners at once: "
        f"{deaths * count} files, none replaced"
    )


def append_to_all(ids, writer, count):
    for number in range(count):
        for session_id in ids:
            entry = {"type": "n", "key": [writer, number]}
            sessions.append_to_session(session_id, entry)


def archive_until_quiet(ids, total):
    """Archive the sessions over and over, dead or not, until all have *total* lines."""
    moves = 0
    while True:
        for session_id in ids:
            path = sessions.get_session_path(session_id)
            try:
                sessions.archive_session(path, timeout=0)
                moves += 1
            except (FileNotFoundError, LockTimeoutError):
                continue
        if all(_grown(session_id, total) for session_id in ids):
            return moves


def _grown(session_id, total):
    try:
        path = sessions.restore_session(session_id)
        return len(path.read_bytes().splitlines()) > total
    except FileNotFoundError:
        return False  # the other one was quicker


def append_against_archive(store, writers, count, ids):
    for session_id in ids:
        sessions.create_session(session_id=session_id, pid=DEAD_PID)
    work = [(append_to_all, ids, writer, count) for writer in range(writers)]
    movers = [(archive_until_quiet, ids, writers * count)] * 2
    results = forked.together(lambda do, *given: do(*given), work + movers)
    for session_id in ids:
        path = only_file_of(store, sessions.restore_session(session_id).stem)
        assert path.stat().st_nlink == 1
        keys = [e["key"] for e in sessions.load_session_jsonl(path)[1:]]
        assert sorted(keys) == [[w, n] for w in range(writers) for n in range(count)]
    return sum(results[-2:])


@pytest.mark.parametrize(
    ("where", "broken"),
    [
        pytest.param("", None, id="as-usual"),
        pytest.param(
            ", no rename in one step", (atomic, "_CALLS", ()), id="rename-in-two-steps"
        ),
        pytest.param(
            ", every lock granted to everybody",
            (file_lock, "_try_once", lambda _: True),
            id="locks-that-exclude-nobody",
        ),
    ],
)
def test_appending_while_archiving_loses_nothing(
    quiet, size, figure, monkeypatch, where, broken
):
    if broken:
        monkeypatch.setattr(*broken)
    writers, count, ids = 8, size(40, 400), ["a", "b", "c", "d"]
    moves = append_against_archive(quiet, writers, count, ids)
    figure(
        f"append against archive, {writers} writers x {count} x {len(ids)} ids{where}: "
        f"{writers * count * len(ids)} stored, 0 lost, {moves} moves, one file an id"
    )
