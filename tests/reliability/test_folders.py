"""Hostile folders: what is not ours is neither changed nor waited for."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time

import pytest
from reliability import forked
from reliability.sights import files_of, listing, only_file_of
from support import DEAD_PID, ID, ROOT, errors, payload, unix_socket

from lib import sessions
from lib.errors import HeadcountError
from lib.record import timestamps

LOOSE_SECONDS = 5.0
OTHER_USER = 65_534
TODAY = timestamps.from_epoch(time.time())[:10]


def need_root():
    if os.geteuid() != 0:
        pytest.skip("needs root to make devices and other users' files")


def symlink(path, outside):
    path.symlink_to(outside / "session.jsonl")


def symlink_to_nothing(path, outside):
    path.symlink_to(outside / "not-there")


def symlink_to_folder(path, outside):
    path.symlink_to(outside / "folder")


def symlink_to_itself(path, _):
    path.symlink_to(path.name)


def hard_link(path, outside):
    os.link(outside / "session.jsonl", path)


def fifo(path, _):
    os.mkfifo(path)


def device(path, _):
    need_root()
    os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero: it never ends


def dead_socket(path, _):
    unix_socket(path)


def folder(path, _):
    path.mkdir()


def another_users(path, outside):
    need_root()
    shutil.copy(outside / "session.jsonl", path)
    os.chown(path, OTHER_USER, OTHER_USER)


def foreign_text(path, _):
    path.write_text("not ours\n")


KINDS = [
    *(symlink, symlink_to_nothing, symlink_to_folder, symlink_to_itself, hard_link),
    *(fifo, device, dead_socket, folder, another_users, foreign_text),
]
PLACES = {
    "own session": f"{ID}.jsonl",
    "other session": "dead.jsonl",
    "archived session": f"archive/2026-01-01/{ID}.jsonl",
    "archive": "archive",
    "day of the archive": f"archive/{TODAY}",
    "log": "errors.log",
}
# What these are there, they may be: a text where an error is to be logged, a folder.
FINE = {("log", foreign_text), ("archive", folder), ("day of the archive", folder)}


@pytest.fixture
def outside(store, tmp_path):
    """Return a folder with a session that looks as if it were ours, and more."""
    sessions.create_session(session_id=ID, pid=DEAD_PID)
    made = tmp_path / "outside"
    (made / "folder").mkdir(parents=True)
    (made / "folder" / "file").write_text("theirs\n")
    (store / f"{ID}.jsonl").rename(made / "session.jsonl")
    sessions.create_session(session_id="dead", pid=DEAD_PID)
    return made


def everything_happens(session_id):
    """Fire every hook, and do what a person might; return how long a hook took."""
    longest = 0.0
    for event, action in forked.ACTIONS.items():
        raw = json.dumps(payload(event, session_id, source="resume")).encode()
        fired = forked.fire(action, raw)
        assert (fired.status, fired.stdout) == (0, b"")
        longest = max(longest, fired.seconds)
    for call in (
        lambda: sessions.append_to_session(session_id, {"type": "n"}),
        lambda: sessions.restore_session(session_id),
        lambda: sessions.archive_session(sessions.get_session_path(session_id)),
        sessions.cleanup_stale_sessions,
        sessions.discover_sessions,
        lambda: sessions.discover_sessions(archived=True),
        lambda: sessions.load_session_jsonl(sessions.get_session_path(session_id)),
    ):
        with contextlib.suppress(OSError, HeadcountError):
            call()
    return longest


@pytest.mark.parametrize("place", PLACES)
def test_foreign_files_in_place_of_headcount_files_are_left_alone(
    store, outside, figure, place
):
    longest, count = 0.0, 0
    for kind in KINDS:
        shutil.rmtree(store)
        path = store / PLACES[place]
        path.parent.mkdir(parents=True)
        store.chmod(0o700)
        kind(path, outside)
        before = listing(outside), _look(path)
        longest = max(longest, everything_happens(ID))
        assert listing(outside) == before[0], kind.__name__
        if (place, kind) not in FINE:
            assert _look(path) == before[1], kind.__name__
        if not path.name.startswith(ID):  # what is ours works all the same
            assert files_of(store, ID), (kind.__name__, errors(store))
        count += 1
    figure(
        f"{count} kinds of things where the {place} should be: nothing outside "
        f"changed, the longest hook {longest:.2f} s"
    )
    assert longest < LOOSE_SECONDS


def _look(path):
    found = listing(path.parent)
    return {name: seen for name, seen in found.items() if name.startswith(str(path))}


# A folder, also behind a link, is a store: the user chose it.
NO_STORE = [kind for kind in KINDS if kind not in (folder, symlink_to_folder)]


@pytest.mark.parametrize("kind", NO_STORE, ids=lambda kind: kind.__name__)
def test_store_that_is_not_a_folder_blocks_no_hook(store, tmp_path, outside, kind):
    shutil.rmtree(store)
    kind(store, outside)
    before = listing(tmp_path)
    assert everything_happens(ID) < LOOSE_SECONDS
    assert listing(tmp_path) == before


def test_store_of_another_user_blocks_no_hook(store, outside, figure):
    """What `sudo claude` leaves behind; seen from the user."""
    need_root()
    before = listing(store)
    for name in ("dead", ID):
        given = forked.memory(json.dumps(payload("Stop", name)).encode())
        output = forked.memory()
        pid = os.fork()
        if pid == 0:
            os.setgid(OTHER_USER)
            os.setuid(OTHER_USER)
            _, status = os.waitpid(
                forked.start_hook(forked.ACTIONS["Stop"], given, output), 0
            )
            os._exit(os.waitstatus_to_exitcode(status))
        assert os.waitpid(pid, 0)[1] == 0
        assert os.pread(output, 10, 0) == b""
        os.close(given)
        os.close(output)
    assert listing(store) == before
    figure("another user's store: exit 0, nothing changed")


def test_world_writable_store_gets_private_files(store):
    store.mkdir()
    store.chmod(0o777)
    everything_happens(ID)
    (path,) = files_of(store, ID)
    assert path.stat().st_mode & 0o777 == 0o600


TRANSCRIPT = [
    {"type": "summary", "summary": "Fix the login", "leafUuid": "1"},
    {"type": "user", "sessionId": "", "message": {"role": "user", "content": "hi"}},
    {"type": "assistant", "sessionId": "", "message": {"content": []}},
]


def transcripts(folder, names):
    folder.mkdir(mode=0o700)
    for name in names:
        entries = [{**entry, "sessionId": name} for entry in TRANSCRIPT]
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps(entry) + "\n" for entry in entries)
        )
        os.utime(folder / f"{name}.jsonl", (0, 0))


def test_transcripts_named_like_sessions_are_left_alone(store, figure):
    names = [f"{ID[:-2]}{number}" for number in range(10, 60)]
    transcripts(store, names)
    before = {name: _look(store / f"{name}.jsonl") for name in names}
    everything_happens(ID)
    for name in names:
        assert _look(store / f"{name}.jsonl") == before[name]
        with contextlib.suppress(HeadcountError):
            sessions.archive_session(store / f"{name}.jsonl")
            sessions.append_to_session(name, {"type": "n"})
    assert {name: _look(store / f"{name}.jsonl") for name in names} == before
    figure(f"{len(names)} foreign transcripts named like sessions: unchanged")


def test_transcript_of_the_current_session_is_left_alone(store):
    """HEADCOUNT_DIR set to the folder of Claude Code's transcripts, by mistake."""
    transcripts(store, [ID])
    before = _look(store / f"{ID}.jsonl")
    everything_happens(ID)
    assert _look(store / f"{ID}.jsonl") == before


def test_store_of_a_cloned_project_changes_nothing_outside_it(
    client, tmp_path, outside, figure
):
    """A cloned project brings a store: links out of it, and sessions of strangers."""
    project = tmp_path / "project"
    theirs = project / ".headcount"
    theirs.mkdir(parents=True)
    (theirs / f"{ID}.jsonl").symlink_to("../../outside/session.jsonl")
    (theirs / "archive").symlink_to("../../outside/folder")
    (theirs / "errors.log").symlink_to("../../outside/folder/file")
    stranger = (outside / "session.jsonl").read_text().replace(ID, "stranger")
    (theirs / "stranger.jsonl").write_text(
        stranger.replace(f'"pid":{DEAD_PID}', f'"pid":{os.getpid()},"host":"elsewhere"')
    )
    before = listing(outside)
    env = {"HEADCOUNT_DIR": ".headcount", "CLAUDE_PROJECT_DIR": str(project)}
    for event in ("SessionStart", "UserPromptSubmit", "Stop", "SessionEnd"):
        for session_id in (ID, "mine"):
            client.fire(event, session_id, env=env, cwd=str(project))
    assert listing(outside) == before
    assert only_file_of(theirs, "mine")
    figure("a store that git carries: nothing outside changed")


def test_error_log_reports_a_refused_symbolic_link(store, outside):
    symlink(store / f"{ID}.jsonl", outside)
    everything_happens(ID)
    assert "is a symbolic link; it was left alone" in errors(store)
    assert str(ROOT) not in errors(store)
