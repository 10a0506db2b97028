"""`headcount doctor` as a whole: exit code, output, and that it changes nothing."""

from __future__ import annotations

import os

from support import ID

from lib import sessions


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
