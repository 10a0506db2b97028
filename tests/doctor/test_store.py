"""`headcount doctor`: each fault, planted for real, is found, and a fix is named.

If the fix needs neither root nor a person, it is run, and the fault is gone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from examination import Findings, variables
from support import ID

from lib import sessions
from lib.doctor import installation
from lib.doctor import store as store_checks
from lib.doctor.finding import Context
from lib.record import timestamps
from lib.store import error_log

NOW = Context(0.0, quick=True)


def test_nothing_wrong_is_exit_0_and_only_ok(examine, installed, store):
    sessions.create_session(session_id=ID)
    findings, code = examine()
    assert (findings.of("problem"), findings.of("warn"), code) == ([], [], 0)
    found = {finding["check"] for finding in findings}
    assert found == {
        *("python", "packages", "store", "files", "lock", "errors", "hooks", "scopes")
    }


def test_it_leaves_the_store_as_it_was(examine, installed, store):
    sessions.create_session(session_id=ID)
    before = sorted(os.listdir(store))
    examine()
    assert sorted(os.listdir(store)) == before


def test_a_store_that_is_yet_to_be_made_is_no_problem_and_is_not_made(
    examine, installed, store
):
    findings, code = examine()
    assert code == 0
    (told,) = [finding for finding in findings if finding["check"] == "store"]
    assert told["message"] == f"{store} is made when the first session begins"
    assert not store.exists()


def test_people_get_a_line_for_each_finding_and_the_command_below_it(doctor, store):
    store.mkdir(0o755)
    os.chmod(store, 0o755)
    done = doctor("--quick")
    shown = done.stdout.splitlines()
    assert done.returncode == 1
    at = shown.index(f"problem  store     {store} is open to others (mode 0755)")
    assert shown[at + 1].strip() == f"fix (or --fix): chmod 700 {store}"
    assert done.stderr == (
        "headcount: 2 problems found; `headcount doctor --fix` fixes 1\n"
    )


def test_nothing_that_a_path_holds_reaches_the_terminal_as_control(doctor, tmp_path):
    store = tmp_path / "st\x1b[31more\u202e"
    store.mkdir(0o755)
    (store / "new\nline.jsonl").touch(0o644)
    done = doctor("--quick", HEADCOUNT_DIR=str(store))
    assert [line for line in done.stdout.splitlines() if not line.isprintable()] == []
    assert "st�[31more" in done.stdout


# ---- The store ------------------------------------------------------------------


def test_python_and_package_versions_are_told(examine, installed):
    findings, _ = examine()
    told = {finding["check"]: finding["message"] for finding in findings}
    assert told["python"].startswith(".".join(map(str, sys.version_info[:3])))
    for name in ("filelock", "psutil", "python-dateutil"):
        assert name in told["packages"]


def test_packages_that_are_missing_are_named_with_what_installs_them(
    store, home, tmp_path, installed, checkout
):
    bare = tmp_path / "bare"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True
    )
    done = subprocess.run(
        [bare / "bin/python", "-m", "lib", "doctor", "--json", "--quick"],
        env=variables(store, home, PYTHONPATH=str(checkout)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    check, message, fix = Findings(json.loads(done.stdout)).problem
    assert check == "packages"
    assert message.endswith("lacks filelock, psutil, python-dateutil")
    assert fix.startswith(f"{bare}/bin/python -m pip install filelock")


def test_a_python_that_is_too_old_is_a_problem(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    (finding,) = installation.check_python(NOW)
    assert finding.level == "problem"
    assert "3.9.18" in finding.message
    assert "3.10" in finding.message


@pytest.mark.parametrize("mode", [0o755, 0o701, 0o500])
def test_a_store_of_the_wrong_mode_is_fixed_by_chmod(
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


def test_a_store_that_is_a_file_is_fixed_by_moving_it(
    examine, installed, store, run_fix
):
    store.write_text("in the way")
    findings, code = examine()
    assert code == 1
    assert findings.problem == (
        "store",
        f"{store} is no folder",
        f"mv {store} {store}.aside",
    )
    run_fix(findings.problem[2])
    assert examine()[1] == 0


def test_a_store_that_is_a_link_to_nothing_is_fixed_by_moving_it(
    examine, installed, store, run_fix
):
    store.symlink_to("/nowhere/at/all")
    findings, code = examine()
    assert code == 1
    assert "symbolic link to nothing" in findings.problem[1]
    run_fix(findings.problem[2])
    assert examine()[1] == 0


def test_a_store_that_cannot_be_made_is_told(examine, installed, store):
    store.write_text("in the way")
    findings, code = examine(HEADCOUNT_DIR=f"{store}/below")
    assert code == 1
    assert findings.problem[1].startswith(
        f"{store}/below cannot be made: {store} is no"
    )


def test_a_store_that_is_refused_is_told_once_and_the_rest_is_examined(
    examine, installed, tmp_path
):
    (tmp_path / "out").symlink_to("/etc")
    findings, code = examine(HEADCOUNT_DIR="out/x")
    assert code == 1
    assert findings.problem[0] == "store"
    assert findings.problem[1].startswith("HEADCOUNT_DIR=out/x leads out of")
    assert {"python", "packages"} <= {finding["check"] for finding in findings}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_another_is_fixed_by_chown(examine, installed, store):
    sessions.create_session(session_id=ID)
    path = store / f"{ID}.jsonl"
    os.chown(path, 65_534, -1)
    findings, code = examine()
    assert code == 1
    assert findings.problem == ("files", f"1 not yours: {path}", f"sudo chown 0 {path}")
    os.chown(path, 0, -1)
    os.chown(store, 65_534, -1)
    assert examine()[0].problem[1:] == (
        f"{store} belongs to user 65534, not to you",
        f"sudo chown 0 {store}",
    )


def test_files_that_others_may_read_are_fixed_by_chmod(
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


def test_archived_files_and_the_log_are_looked_at_too(examine, installed, store):
    sessions.create_session(session_id=ID)
    path = sessions.archive_session(store / f"{ID}.jsonl")
    error_log.log_error("here", "nothing")
    os.chmod(path, 0o640)
    os.chmod(store / "errors.log", 0o640)
    message = examine()[0].problem[1]
    assert str(path) in message
    assert "errors.log" in message


@pytest.mark.parametrize("kind", ["garbage", "link", "fifo", "folder"])
def test_what_holds_no_session_is_fixed_by_moving_it_aside(
    examine, installed, store, run_fix, kind
):
    store.mkdir(0o700)
    path = store / "it's odd.jsonl"
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


def test_an_archive_that_is_a_link_or_a_file_is_told_and_fixed(
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
    assert (check, message) == ("archive", f"{store}/archive is no folder")
    run_fix(fix)
    assert examine()[1] == 0


def test_a_store_without_locks_is_told(store, monkeypatch):
    store.mkdir(0o700)

    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    (finding,) = store_checks.check_lock(NOW)
    assert finding.level == "problem"
    assert "does its file system have locks" in finding.message
    assert "HEADCOUNT_DIR" in finding.fix
    assert os.listdir(store) == []


def test_what_hooks_complained_of_is_told_once_each_with_how_often(
    examine, doctor, installed, store
):
    for number in range(5):
        error_log.log_error(
            "heartbeat", f"{ID[:-1]}{number} is busy for {number} s \x1b[31m"
        )
    error_log.log_error("stop", "no room")
    old = timestamps.from_epoch(time.time() - 8 * 86_400)
    log = store / "errors.log"
    log.write_text(f"{old} 0.1.0 long ago\n" + log.read_text())
    findings, code = examine()
    assert code == 0
    first, newest, other = [f["message"] for f in findings.of("warn", "errors")]
    assert first == "6 lines in errors.log of the last 7 days:"
    assert newest.startswith("1 x, last ")
    assert newest.endswith(" stop: no room")
    assert other.startswith("5 x, last ")
    assert f"heartbeat: {ID[:-1]}4 is busy for 4 s" in other
    done = doctor("--quick")
    assert all(line.isprintable() for line in done.stdout.splitlines())


def test_of_many_complaints_the_newest_are_told(examine, installed, store):
    for word in "abcdefg":
        error_log.log_error(word * 3, "no")
    told = [finding["message"] for finding in examine()[0].of("warn", "errors")]
    assert told[0].endswith("7 days, of 7 kinds; the newest 5:")
    assert [line[-7:-4] for line in told[1:]] == ["ggg", "fff", "eee", "ddd", "ccc"]
