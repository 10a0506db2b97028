"""`headcount doctor` about the store: each fault is planted, found, and fixed.

A fix that needs neither root nor a person is run, and the fault is gone.
"""

from __future__ import annotations

import os

import pytest
from support import ID

from lib import sessions
from lib.doctor import store as store_checks
from lib.doctor.finding import Context
from lib.store import error_log

NOW = Context(0.0, quick=True)


def test_missing_store_is_neither_a_problem_nor_created(examine, installed, store):
    findings, code = examine()
    assert code == 0
    (told,) = [finding for finding in findings if finding["check"] == "store"]
    assert told["message"] == f"{store} is created by the first session"
    assert not store.exists()


@pytest.mark.parametrize("mode", [0o755, 0o701, 0o500])
def test_store_with_the_wrong_mode_is_fixed_by_chmod(
    examine, installed, store, run_fix, mode
):
    store.mkdir()
    store.chmod(mode)
    findings, code = examine()
    assert code == 1
    check, message, fix = findings.problem
    assert (check, fix) == ("store", f"chmod 700 {store}")
    assert f"mode {mode:04o}" in message
    run_fix(fix)
    assert examine()[1] == 0


def test_store_that_is_a_file_is_fixed_by_moving_it(examine, installed, store, run_fix):
    store.write_text("in the way")
    findings, code = examine()
    assert code == 1
    assert findings.problem == (
        "store",
        f"{store} is not a folder",
        f"mv {store} {store}.aside",
    )
    run_fix(findings.problem[2])
    assert examine()[1] == 0


def test_store_that_is_a_broken_link_is_fixed_by_moving_it(
    examine, installed, store, run_fix
):
    store.symlink_to("/nowhere/at/all")
    findings, code = examine()
    assert code == 1
    assert "symbolic link to nothing" in findings.problem[1]
    run_fix(findings.problem[2])
    assert examine()[1] == 0


def test_store_that_cannot_be_created_is_a_problem(examine, installed, store):
    store.write_text("in the way")
    findings, code = examine(HEADCOUNT_DIR=f"{store}/below")
    assert code == 1
    assert findings.problem[1].startswith(
        f"{store}/below cannot be created: {store} is not"
    )


def test_refused_store_is_reported_once_and_the_rest_examined(
    examine, installed, tmp_path
):
    (tmp_path / "out").symlink_to("/etc")
    findings, code = examine(HEADCOUNT_DIR="out/x")
    assert code == 1
    assert findings.problem[0] == "store"
    assert findings.problem[1].startswith("HEADCOUNT_DIR=out/x leads out of")
    assert {"python", "packages"} <= {finding["check"] for finding in findings}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_files_of_another_user_are_fixed_by_chown(examine, installed, store):
    sessions.create_session(session_id=ID)
    path = store / f"{ID}.jsonl"
    os.chown(path, 65_534, -1)
    findings, code = examine()
    assert code == 1
    assert findings.problem == (
        "files",
        f"1 not yours: {path}",
        f"sudo chown -h 0 {path}",
    )
    os.chown(path, 0, -1)
    os.chown(store, 65_534, -1)
    assert examine()[0].problem[1:] == (
        f"{store} belongs to user 65534, not to you",
        f"sudo chown -h 0 {store}",
    )


def test_files_readable_by_others_are_fixed_by_chmod(
    examine, installed, store, run_fix
):
    for number in range(7):
        sessions.create_session(session_id=f"session-{number}")
        os.chmod(store / f"session-{number}.jsonl", 0o644)
    findings, code = examine()
    assert code == 1
    check, message, fix = findings.problem
    assert check == "files"
    assert message.startswith(f"7 not of mode 0600: {store}/session-0.jsonl")
    assert "2 more" in message
    run_fix(fix)
    assert examine()[0].problem[1].startswith("2 not of mode 0600")


def test_archived_files_and_the_error_log_are_checked(examine, installed, store):
    sessions.create_session(session_id=ID)
    path = sessions.archive_session(store / f"{ID}.jsonl")
    error_log.log_error("here", "nothing")
    os.chmod(path, 0o640)
    os.chmod(store / "errors.log", 0o640)
    message = examine()[0].problem[1]
    assert str(path) in message
    assert "errors.log" in message


@pytest.mark.parametrize("kind", ["garbage", "link", "fifo", "folder"])
def test_files_without_a_session_are_fixed_by_moving_them_aside(
    examine, installed, store, run_fix, kind
):
    store.mkdir(0o700)
    path = store / f"{ID}.jsonl"
    if kind == "garbage":
        path.write_bytes(b"\xff\x00")
        path.chmod(0o600)
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "fifo":
        os.mkfifo(path, 0o600)
    else:
        path.mkdir()
    findings, code = examine()
    assert code == 1
    check, message, fix = findings.problem
    assert (check, message) == ("files", f"1 without valid metadata: {path}")
    run_fix(fix)
    assert examine()[1] == 0


def test_archive_that_is_a_link_or_a_file_is_reported_and_fixed(
    examine, installed, store, tmp_path, run_fix
):
    store.mkdir(0o700)
    (tmp_path / "elsewhere").mkdir()
    (store / "archive").symlink_to(tmp_path / "elsewhere")
    _, _, fix = examine()[0].problem
    assert fix == f"rm {store}/archive"
    run_fix(fix)
    (store / "archive").write_text("in the way")
    check, message, fix = examine()[0].problem
    assert (check, message) == ("archive", f"{store}/archive is not a folder")
    run_fix(fix)
    assert examine()[1] == 0


def test_store_without_locks_is_a_problem(store, monkeypatch):
    store.mkdir(0o700)

    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    (finding,) = store_checks.check_lock(NOW)
    assert finding.level == "problem"
    assert "does its file system support locks" in finding.message
    assert "HEADCOUNT_DIR" in finding.fix
    assert os.listdir(store) == []


def test_fix_writes_a_destroyed_first_line_again(examine, installed, store):
    for session_id in ("live", "archived"):
        sessions.create_session(session_id=session_id)
        sessions.update_heartbeat(session_id, state="busy")
        path = sessions.get_session_path(session_id)
        lines = path.read_bytes().split(b"\n")
        lines[0] = b"\0" * len(lines[0])
        if session_id == "archived":
            path = sessions.archive_session(path)
        path.write_bytes(b"\n".join(lines))
    found = examine()[0].of("problem")
    assert [f["message"].split(" is destroyed")[0] for f in found] == [
        f"line 1 of {path}" for path in (store / "live.jsonl", path)
    ]
    assert {f["fix"] for f in found} == {"headcount doctor --fix"}
    fixed, code = examine("--fix")
    assert (len(fixed.fixed), fixed.of("warn"), code) == (2, [], 0)
    assert examine()[0].of("problem") == []
    live, archived = (sessions.discover_sessions(archived=a)[0] for a in (False, True))
    assert live.metadata["state"] == archived.metadata["state"] == "busy"
    assert sessions.is_session_alive(live.metadata)
