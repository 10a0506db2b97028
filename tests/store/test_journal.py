"""The bytes on disk: crashes, races, full disks, and files that are not ours."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest
from support import DEAD_PID, ID, ROOT, errors, lines, types

from lib import sessions
from lib.errors import LockTimeoutError, StoreError
from lib.record import entries
from lib.store import journal, repair, snapshot

SPAWN = multiprocessing.get_context("fork")


@pytest.fixture
def path(store):
    sessions.create_session(session_id=ID)
    return store / f"{ID}.jsonl"


def run_python(code, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def append_many(writer, count, size):
    for number in range(count):
        sessions.append_to_session(
            ID, {"type": "n", "writer": writer, "number": number, "pad": "x" * size}
        )


@pytest.mark.parametrize("size", [10, 9_000])
def test_many_writers_lose_and_tear_nothing(path, size):
    writers = [SPAWN.Process(target=append_many, args=(w, 25, size)) for w in range(16)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 16
    written = [(e["writer"], e["number"]) for e in lines(path)[1:]]
    assert len(written) == 400
    for writer in range(16):  # each writer's entries in the order it wrote them
        assert [n for w, n in written if w == writer] == list(range(25))


def test_writer_killed_at_any_moment_loses_no_acknowledged_entry(path):
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    acknowledged = []
    for generation in range(60):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            for number in range(10_000):
                name = f"{generation}-{number}"
                sessions.append_to_session(
                    ID, {"type": "n", "name": name, "pad": "x" * 3000}
                )
                os.write(writing, name.encode() + b"\n")
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as acks:
            acknowledged += [acks.readline().strip()]
            time.sleep(moments.uniform(0, 0.004))  # the moment is the test
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            acknowledged += acks.read().split()
    loaded = sessions.load_session_jsonl(path)
    assert loaded[0]["type"] == "session_metadata"
    stored = {entry.get("name") for entry in loaded}
    assert not set(acknowledged) - stored, f"seed {seed}"


def test_append_after_any_torn_end_is_readable(path):
    sessions.update_heartbeat(ID, state="busy")
    whole = path.read_bytes()
    entry = json.dumps({"type": "after"}).encode() + b"\n"
    for cut in range(len(whole)):
        for tail in (b"", b"\0", b"\0" * 7):
            path.write_bytes(whole[:cut] + tail)
            journal.append(str(path), lambda: entry, journal.LockPolicy(1))
            stored = path.read_bytes()
            assert stored.startswith(whole[:cut] + tail)
            assert stored.split(b"\n")[-2] == entry[:-1], (cut, tail)


def test_session_without_valid_metadata_is_repaired_by_its_next_hook(path):
    whole = path.read_bytes()
    for cut in (0, 1, len(whole) // 2, len(whole) - 2):
        path.write_bytes(whole[:cut])
        sessions.resume_session(ID, source="adopted")
        (info,) = sessions.discover_sessions()
        assert info.metadata["source"] == "adopted"
        assert path.read_bytes().startswith(whole[:cut])


def test_session_metadata_is_repaired_only_once(path):
    sessions.update_heartbeat(ID, state="busy")
    beat = path.read_bytes().splitlines(keepends=True)[1]
    path.write_bytes(b"\0" * 3500 + b"\n" + beat * 40)
    sessions.resume_session(ID, source="adopted")
    sessions.update_heartbeat(ID, state="idle")
    assert sessions.discover_sessions()[0].metadata["state"] == "idle"
    kinds = [entry["type"] for entry in sessions.load_session_jsonl(path)]
    begin, *between, resume, end = kinds
    assert (begin, resume, end) == ("session_metadata", "session_resume", "heartbeat")
    assert between == ["heartbeat"] * 40


@pytest.fixture(params=[1, 400], ids=["short", "long"])
def destroyed(path, request):
    """A session's file with zeros for its first line, which is as long as it was."""
    for _ in range(request.param):
        sessions.append_to_session(ID, {"type": "x", "text": "y" * 200})
    sessions.update_heartbeat(ID, state="busy")

    def run(more=0):
        whole = path.read_bytes()
        zeros = whole.index(b"\n") + more
        path.write_bytes(b"\0" * zeros + whole[zeros:])
        return whole

    return run


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(0, id="line"),
        pytest.param(1, id="line-with-its-end"),
        pytest.param(40, id="line-and-part-of-the-next"),
    ],
)
def test_session_goes_on_after_its_first_line_was_destroyed(
    store, client, path, destroyed, more
):
    whole = destroyed(more)
    client.fire("UserPromptSubmit")
    client.fire("Stop")
    stored = path.read_bytes()
    begin, *_, resumed, prompt, stop = sessions.load_session_jsonl(path)
    assert (begin["type"], begin["pid"]) == ("session_metadata", client.pid)
    kept = whole.splitlines(keepends=True)[2 if more > 1 else 1 :]
    assert stored[: len(whole)].endswith(b"\n" + b"".join(kept))
    assert begin["start_time"] == json.loads(kept[0])["timestamp"]
    assert [e["type"] for e in (resumed, prompt, stop)] == [
        *("session_resume", "heartbeat", "turn_close")
    ]
    assert snapshot.classify(str(path)) == snapshot.OURS
    (line,) = errors(store).splitlines()
    assert "line 1 was destroyed, and has been written again" in line


def test_first_line_that_is_too_short_for_metadata_is_left_as_it_is(path, destroyed):
    whole = destroyed()
    path.write_bytes(b"\0" * 100 + whole[whole.index(b"\n") :])
    before = path.read_bytes()
    first = entries.metadata_entry(ID, 0, {})
    assert not repair.put_metadata(str(path), first, 1)
    assert path.read_bytes() == before


def test_first_line_of_a_file_of_another_program_is_never_written(store, path):
    line = json.dumps({"type": "user", "sessionId": ID, "v": 1, "timestamp": 1})
    path.write_text("\0" * 500 + "\n" + f"{line}\n" * 9)
    before = path.read_bytes()
    assert not repair.is_possible(str(path))
    assert not repair.put_metadata(str(path), entries.metadata_entry(ID, 0, {}), 1)
    assert path.read_bytes() == before


def test_append_to_a_full_disk_raises_and_keeps_the_old_entries(path):
    code = (
        "import resource, signal, sys\n"
        "from lib import sessions\n"
        "size = int(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
        "try: sessions.append_to_session(sys.argv[2], {'type': 'n', 'x': 'y' * 9000})\n"
        "except OSError as error: print(error)\n"
    )
    before = path.read_bytes()
    for room in (0, 1, 100, 4096):
        done = run_python(code, len(before) + room, ID)
        assert done.stdout.strip(), done.stderr
        assert path.read_bytes() == before
    sessions.append_to_session(ID, {"type": "later"})
    assert types(path) == ["session_metadata", "later"]


def when(call, code):
    """How many times *call* has been made before the store is touched, plus one."""
    count = ["strace", "-qq", "-y", "-e", f"trace={call},openat", sys.executable]
    quiet = code.split("for step in")[0]
    said = subprocess.run(
        [*count, "-c", quiet], cwd=ROOT, capture_output=True, text=True, check=True
    ).stderr.splitlines()
    opened = next(i for i, line in enumerate(said) if "/dev/full" in line)
    return sum(line.startswith(f"{call}(") for line in said[: opened + 1]) + 1


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO", "EACCES"])
@pytest.mark.parametrize(
    "call", ["openat", "write", "flock", "linkat", "unlink", "fsync", "pread64"]
)
def test_failing_system_call_leaves_the_store_intact(
    store, path, tmp_path, fault, call
):
    if not os.path.exists("/usr/bin/strace"):
        pytest.skip("strace is not installed")
    log = tmp_path / "strace.log"
    before = path.read_bytes()
    code = (
        "import sys; from lib import sessions\n"
        "from lib.record import entries, verdict\n"
        "from lib.store import archive, reader\n"
        "import pathlib, filelock, uuid; sessions.DEFAULT_LOCK_POLICY.seconds = 0.2\n"
        "open('/dev/full').close()\n"
        "for step in (lambda: sessions.append_to_session(sys.argv[1], {'type': 'n'}),\n"
        "             lambda: sessions.create_session(session_id='new')):\n"
        "    try: step()\n"
        "    except OSError: pass\n"
    )
    # Only what the calls themselves do: the imports before them have had their files.
    trace = ["strace", "-qq", "-y", "-o", log, "-e", f"trace={call}", "-e"]
    inject = f"inject={call}:error={fault}:when={when(call, code)}+"
    subprocess.run(
        [*trace, inject, sys.executable, "-c", code, ID], cwd=ROOT, check=False
    )
    assert "INJECTED" in log.read_text()
    stored = path.read_bytes()
    assert stored.startswith(before)
    for info in sessions.discover_sessions():
        assert info.metadata is not None
    sessions.append_to_session(ID, {"type": "later"})
    assert types(path)[-1] == "later"


def calls_on_session_files(code, log, *names):
    """The system calls *names* of *code* that name a file of the store, in order."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    trace = ["strace", "-f", "-qq", "-y", "-o", log, "-e", f"trace={','.join(names)}"]
    subprocess.run([*trace, sys.executable, "-c", code], cwd=ROOT, check=True)
    lines = [line.split(maxsplit=1)[1] for line in log.read_text().splitlines()]
    return [line for line in lines if re.search(r"store/\.?new\.[^>\"]*[>\"]", line)]


CREATE_NEW = "from lib import sessions; sessions.create_session(session_id='new')"


def test_a_new_file_gets_its_name_by_a_link_from_a_whole_hidden_file(store, tmp_path):
    calls = calls_on_session_files(CREATE_NEW, tmp_path / "log", "openat", "linkat")
    link = next(i for i, call in enumerate(calls) if call.startswith("linkat"))
    assert "/.new." in calls[0]
    assert "O_CREAT" in calls[0]
    assert all("store/new.jsonl" not in call for call in calls[:link])
    assert all("O_CREAT" not in call for call in calls[link:])


def test_a_line_is_written_by_one_call(store, tmp_path):
    code = f"{CREATE_NEW}; sessions.append_to_session('new', {{'type': 'n'}})"
    calls = calls_on_session_files(code, tmp_path / "log", "write")
    assert len(calls) == len(lines(store / "new.jsonl")) == 2


def test_links_fifos_and_foreign_files_are_neither_read_nor_written(store, tmp_path):
    store.mkdir()
    path = store / f"{ID}.jsonl"
    outside = tmp_path / "outside.jsonl"
    line = f'{{"type":"session_metadata","session_id":"{ID}","pid":{DEAD_PID}}}\n'
    outside.write_text(line)

    def refused(match):
        with pytest.raises((StoreError, OSError), match=match):
            sessions.append_to_session(ID, {"type": "n"})
        with pytest.raises((StoreError, OSError)):
            sessions.archive_session(path)
        assert sessions.cleanup_stale_sessions() == []
        assert outside.read_text() == line

    path.symlink_to(outside)
    refused("symbolic link")
    path.unlink()
    os.link(outside, path)
    refused("second name")
    path.unlink()
    os.mkfifo(path)
    refused("not a regular file")
    path.unlink()
    path.mkdir()
    refused("not a regular file")
    path.rmdir()
    if os.geteuid() == 0:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 3))
        refused("not a regular file")
        path.unlink()
        outside.rename(path)
        os.chown(path, 12345, -1)
        with pytest.raises(StoreError, match="belongs to user 12345"):
            sessions.append_to_session(ID, {"type": "n"})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"type":"user","sessionId":"x"}\n', id="transcript"),
        pytest.param('{"type":"user","session_id":"other"}\n', id="other-session"),
        pytest.param("a letter\n", id="text"),
        pytest.param('{"a":1', id="torn-json"),
    ],
)
def test_foreign_file_with_a_session_name_is_left_alone(store, text):
    store.mkdir()
    path = store / f"{ID}.jsonl"
    path.write_text(text)
    with pytest.raises(StoreError, match="is not a session of Headcount"):
        sessions.resume_session(ID, source="adopted")
    for call in (
        lambda: sessions.append_to_session(ID, {"type": "n"}),
        lambda: sessions.update_heartbeat(ID),
        lambda: sessions.close_session(ID),
    ):
        with pytest.raises(sessions.SessionNotFoundError):
            call()
    with pytest.raises(sessions.SessionExistsError):
        sessions.create_session(session_id=ID)
    assert path.read_text() == text


def test_library_call_on_a_locked_session_raises_and_writes_nothing(path):
    before = path.read_bytes()
    with journal.locked(str(path)), pytest.raises(LockTimeoutError, match="attempts"):
        sessions.append_to_session(ID, {"type": "n"}, timeout=sessions.LockPolicy(0.05))
    assert path.read_bytes() == before


def test_journal_memory_is_bounded_with_a_gigabyte_in_one_line(store):
    sessions.create_session(session_id=ID)
    path = store / f"{ID}.jsonl"
    os.truncate(path, 2**30)
    sessions.append_to_session(ID, {"type": "n"})
    (store / "empty.jsonl").touch()
    os.truncate(store / "empty.jsonl", 2**30)
    code = (
        "import resource\n"
        "from lib import sessions\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for info in sessions.discover_sessions():\n"
        "    print(info.id, info.metadata and 'ok')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    said = run_python(code).stdout.split()
    assert said[:4] == [ID, "ok", "empty", "None"]
    assert int(said[4]) < 32 * 1024
    assert resource.getpagesize() > 0


def test_unread_resume_in_the_middle_never_makes_a_session_dead(path, monkeypatch):
    """A resume that lies too deep must not leave the first pid in charge."""
    text = path.read_text().replace(f'"pid":{os.getpid()}', f'"pid":{2**22 + 1}')
    text = text.replace(f":{os.getpid()}:", f":{2**22 + 1}:")
    path.write_text(text)
    sessions.update_heartbeat(ID, state="busy", pid=os.getpid())
    monkeypatch.setattr(journal, "TAIL_BYTES", 64 * 1024)
    for _ in range(6):
        sessions.append_to_session(ID, {"type": "bulk", "x": "y" * 50_000})
    (info,) = sessions.discover_sessions()
    assert sessions.verdict(info.metadata).verdict == "unknown"
    sessions.update_heartbeat(ID, state="busy", pid=os.getpid())
    assert sessions.is_session_alive(sessions.discover_sessions()[0].metadata)
