"""`headcount rm`: what a person asks to delete is gone, and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import subprocess
import sys
import time

import pytest
from command_line import DAY, archive, create, environment, write
from support import ROOT

from lib import sessions
from lib.errors import HeadcountError, StoreError
from lib.record import timestamps
from lib.store import delete


@pytest.fixture
def asked(store):
    """Run `rm` on a terminal and answer its question; return exit code and words.

    *meanwhile* is called once the question stands there.
    """

    def run(*words, answer, meanwhile=lambda: None):
        ours, theirs = pty.openpty()
        command = subprocess.Popen(
            [sys.executable, "-m", "lib", "rm", *words],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            cwd=ROOT,
            env=environment(store, TERM="xterm"),
        )
        os.close(theirs)
        seen = b""
        while b"[y/N] " not in seen and select.select([ours], [], [], 20)[0]:
            seen += os.read(ours, 65_536)
        meanwhile()
        os.write(ours, answer.encode())
        out, _ = command.communicate(timeout=20)
        while select.select([ours], [], [], 0)[0]:
            try:
                seen += os.read(ours, 65_536)
            except OSError:
                break
        os.close(ours)
        return command.returncode, out.decode(), seen.decode().replace("\r\n", "\n")

    return run


def test_rm_deletes_after_a_yes_and_prints_what_it_deleted(asked, store):
    path, other = write(store, "dead-one", label="old thing"), write(store, "dead-two")
    code, out, words = asked("dead-one", answer="y\n")
    assert (code, out) == (0, f"{path}\n")
    assert "dead-one  dead  old thing  " in words
    assert f"  {path}\n" in words
    assert "permanently delete 1 session? [y/N] " in words
    assert not path.exists()
    assert other.exists()


@pytest.mark.parametrize(
    "answer", ["\n", "n\n", "yup\n", "\x04"], ids=["enter", "n", "yup", "ctrl-d"]
)
def test_rm_without_a_yes_deletes_nothing_and_exits_1(asked, store, answer):
    path = write(store, "dead-one")
    code, out, words = asked("dead-one", answer=answer)
    assert (code, out) == (1, "")
    assert "headcount: nothing was deleted" in words
    assert path.exists()


def test_rm_without_a_terminal_needs_force(headcount, store):
    path = write(store, "dead-one")
    code, out, err = headcount("rm", "dead-one", stdin="y\n")
    assert (code, out) == (2, "")
    assert "--force" in err
    assert path.exists()
    assert headcount("rm", "-f", "dead-one") == (0, f"{path}\n", "")
    assert not path.exists()


def test_rm_deletes_every_live_and_archived_file_of_a_session(headcount, store):
    filed = [archive(store, "dead-one") for _ in range(2)]
    other = archive(store, "dead-other")
    live = write(store, "dead-one")
    code, out, _ = headcount("rm", "--force", "dead-one")
    assert code == 0
    assert out.splitlines() == [str(live), str(filed[1]), str(filed[0])]
    assert [path for path in (live, *filed) if path.exists()] == []
    assert other.exists()


def test_rm_with_an_alive_or_unknown_session_deletes_none(headcount, store):
    create("living")
    dead = write(store, "dead-one")
    far = write(store, "far-one", pid=1, host="elsewhere")
    for session_id, verdict in (("living", "alive"), ("far-one", "unknown")):
        code, out, err = headcount("rm", "--force", "dead-one", session_id)
        assert (code, out) == (1, "")
        assert f"{session_id} is {verdict} (" in err
        assert "only a session that is stale or dead is deleted" in err
    assert dead.exists()
    assert far.exists()
    assert (store / "living.jsonl").exists()


def test_rm_with_an_unknown_id_deletes_none(headcount, store):
    path = write(store, "dead-one")
    assert headcount("rm", "-f", "dead-one", "nope")[0] == 3
    assert path.exists()


def test_rm_deletes_only_proven_session_files(headcount, store):
    store.mkdir()
    path = store / "transcript.jsonl"
    path.write_text('{"type":"user"}\n')
    code, _, err = headcount("rm", "--force", "transcript")
    assert code == 1
    assert "what is not proven to be a session is not deleted" in err
    assert path.exists()


def test_rm_keeps_a_session_written_to_after_the_question(asked, store):
    path = write(store, "dead-one")
    code, out, words = asked(
        "dead-one",
        answer="y\n",
        meanwhile=lambda: sessions.append_to_session("dead-one", {"type": "note.a"}),
    )
    assert (code, out) == (1, "")
    assert "was written to just now; it was not deleted" in words
    assert len(path.read_text().splitlines()) == 2


def test_rm_keeps_a_session_revived_after_the_question(asked, store):
    path = write(store, "dead-one")
    code, _, words = asked(
        "dead-one",
        answer="y\n",
        meanwhile=lambda: sessions.resume_session("dead-one", source="resume"),
    )
    assert code == 1
    assert "dead-one is alive" in words
    assert path.exists()


def test_rm_repeats_the_verdict_under_the_lock(store):
    path = write(store, "dead-one")
    size = path.stat().st_size
    changed = json.loads(path.read_text())
    changed["pid"] = os.getpid()
    path.write_text((json.dumps(changed) + "\n").ljust(size))
    with pytest.raises(StoreError, match="is alive"):
        delete.remove(str(path), path.stat().st_size, time.time())
    assert path.exists()


WRITER = """
import sys
from lib import sessions
written = 0
try:
    for number in range(200):
        sessions.append_to_session("dead-one", {"type": "note.a", "n": number})
        written += 1
except sessions.SessionNotFoundError:
    pass
print(written)
"""


def test_rm_loses_no_entry_of_concurrent_writers(store):
    path = write(store, "dead-one")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment(store),
        )
        for _ in range(4)
    ]
    while path.read_bytes().count(b"note.a") < len(writers):
        pass
    while path.exists():
        seen = path.read_bytes()
        with contextlib.suppress(HeadcountError):
            delete.remove(str(path), len(seen), time.time())
    acknowledged = sum(int(writer.communicate()[0]) for writer in writers)
    assert acknowledged == seen.count(b"note.a")
    assert not path.exists()


def test_rm_deletes_a_stale_session(headcount, store):
    create("silent")
    path = store / "silent.jsonl"
    old = timestamps.from_epoch(time.time() - 3 * DAY)
    changed = {**json.loads(path.read_text()), "last_heartbeat": old}
    path.write_text(json.dumps({**changed, "start_time": old}) + "\n")
    assert headcount("rm", "-f", "silent")[0] == 0
    assert not path.exists()
