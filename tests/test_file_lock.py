"""The lock excludes others, times out, is freed, and its errors are precise."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from support import ID, ROOT, has_open

from lib import sessions
from lib.errors import LockError, LockTimeoutError
from lib.file_lock import with_lock

FORK = multiprocessing.get_context("fork")
HOLD = (
    "import sys, time; from lib.file_lock import with_lock\n"
    "with_lock(sys.argv[1], lambda: (print('held', flush=True), time.sleep(600)))\n"
)


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of the file `lock`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def count_up(path, times):
    def once():
        path.write_text(str(int(path.read_text()) + 1))

    for _ in range(times):
        with_lock(path, once, timeout=60)


def test_lock_has_one_holder_at_a_time(tmp_path):
    path = tmp_path / "counter"
    path.write_text("0")
    writers = [FORK.Process(target=count_up, args=(path, 50)) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_text() == "400"


def test_with_lock_returns_the_result_and_releases_the_lock(tmp_path):
    assert with_lock(tmp_path / "lock", lambda: 42) == 42
    assert with_lock(tmp_path / "lock", lambda: 43, timeout=0) == 43


def test_lock_is_released_when_the_operation_raises(tmp_path):
    def fail():
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        with_lock(tmp_path / "lock", fail)
    assert with_lock(tmp_path / "lock", lambda: 1, timeout=0) == 1


def test_child_forked_under_the_lock_does_not_keep_it(tmp_path):
    reading, writing = os.pipe()

    def fork():
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
        return child

    child = with_lock(tmp_path / "lock", fork)
    assert with_lock(tmp_path / "lock", lambda: 1, timeout=0) == 1
    os.close(writing)
    os.waitpid(child, 0)
    os.close(reading)


def test_lock_timeout_error_names_path_attempts_and_cause(tmp_path, holder, capsys):
    with pytest.raises(LockTimeoutError) as caught:
        with_lock(tmp_path / "lock", lambda: None, timeout=0.2)
    said = str(caught.value)
    assert str(tmp_path / "lock") in said
    assert "attempts in 0." in said
    assert "held by another process" in said
    assert isinstance(caught.value, TimeoutError)
    assert capsys.readouterr().err == f"[file-lock] {said}\n"


def test_waiting_for_a_lock_does_not_spin(tmp_path, holder):
    """Each wait is at least half of its delay, and most delays are 20 ms."""
    with pytest.raises(LockTimeoutError) as caught:
        with_lock(tmp_path / "lock", lambda: None, timeout=0.5)
    said = re.search(r"(\d+) attempts in ([\d.]+) s", str(caught.value))
    assert 2 <= int(said[1]) <= 10 + float(said[2]) / 0.01


def test_lock_excludes_other_threads(tmp_path):
    path, numbers = tmp_path / "lock", []

    def twice():
        numbers.append(threading.get_ident())
        time.sleep(0.01)  # as long as it takes the others to come in, if they could
        numbers.append(threading.get_ident())

    threads = [threading.Thread(target=with_lock, args=(path, twice)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers[::2] == numbers[1::2]


def test_killed_holder_frees_the_lock_at_once(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert with_lock(tmp_path / "lock", lambda: 1, timeout=0) == 1


def test_stopped_holder_blocks_a_waiter_only_until_its_deadline(tmp_path, holder):
    holder.send_signal(signal.SIGSTOP)
    with pytest.raises(LockTimeoutError):
        with_lock(tmp_path / "lock", lambda: None, timeout=0.1)


def test_lock_excludes_filelock_on_the_same_file(tmp_path, holder):
    filelock = pytest.importorskip("filelock")
    with pytest.raises(filelock.Timeout):
        filelock.FileLock(tmp_path / "lock", timeout=0.05).acquire()


def test_lock_on_a_session_file_excludes_appends(store):
    sessions.create_session(session_id=ID)

    def append():
        sessions.append_to_session(ID, {"type": "n"}, timeout=sessions.LockPolicy(0))

    with pytest.raises(LockTimeoutError):
        with_lock(sessions.get_session_path(ID), append)


def test_locking_a_missing_session_does_not_create_it(store, capsys):
    store.mkdir()
    with pytest.raises(LockError, match="no such session"):
        with_lock(sessions.get_session_path(ID), lambda: None)
    assert list(store.iterdir()) == []
    assert capsys.readouterr().err.startswith("[file-lock] cannot lock")


@pytest.mark.parametrize(
    "kind", ["symlink", "symlink-to-file", "folder", "missing-folder"]
)
def test_lock_error_names_a_path_that_cannot_be_locked(tmp_path, kind):
    path = tmp_path / "lock"
    if kind == "symlink":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "symlink-to-file":
        path.symlink_to(__file__)
    elif kind == "folder":
        path.mkdir()
    else:
        path = tmp_path / "missing" / "lock"
    with pytest.raises(LockError, match=f"cannot open {path} to lock it"):
        with_lock(path, lambda: None)
    assert not (tmp_path / "elsewhere").exists()


def is_locked(path):
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_lock_is_taken_on_the_file_that_replaced_the_held_file(tmp_path, holder):
    """The holder's file no longer has this path."""
    path = tmp_path / "lock"
    path.unlink()
    assert with_lock(path, lambda: is_locked(path), timeout=0)


def test_lock_is_taken_on_the_file_that_replaced_it_during_the_wait(tmp_path, holder):
    path = tmp_path / "lock"

    def wait_and_look():
        os._exit(0 if with_lock(path, lambda: is_locked(path)) else 3)

    waiter = FORK.Process(target=wait_and_look)
    waiter.start()
    while not has_open(waiter.pid, path):
        os.sched_yield()
    path.unlink()
    path.touch()
    holder.kill()
    waiter.join()
    assert waiter.exitcode == 0


def test_file_system_without_locks_allows_appends_but_no_cleanup(store):
    if not os.path.exists("/usr/bin/strace"):
        pytest.skip("strace is not installed")
    code = (
        "from lib import sessions\n"
        f"sessions.create_session(session_id={ID!r}, pid={2**22 + 1})\n"
        f"sessions.append_to_session({ID!r}, {{'type': 'n'}})\n"
        "problems = []\n"
        "sessions.cleanup_stale_sessions(on_problem=problems.append)\n"
        "print(problems)\n"
    )
    trace = ["strace", "-f", "-qq", "-o", "/dev/null"]
    done = subprocess.run(
        [*trace, "-e", "inject=flock:error=ENOLCK", sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "does its file system support locks?" in done.stdout
    assert (store / f"{ID}.jsonl").read_text().count("\n") == 2
