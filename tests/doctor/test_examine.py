"""`headcount doctor` as a whole: exit code, output, and that it changes nothing."""

from __future__ import annotations

import os

from support import ID

from lib import sessions


def test_doctor_without_findings_exits_0_with_only_ok(examine, installed, store):
    sessions.create_session(session_id=ID)
    findings, code = examine()
    assert (findings.of("problem"), findings.of("warn"), code) == ([], [], 0)
    found = {finding["check"] for finding in findings}
    assert found == {
        *("python", "packages", "store", "files", "lock", "errors", "hooks", "scopes")
    }


def test_doctor_leaves_the_store_as_it_was(examine, installed, store):
    sessions.create_session(session_id=ID)
    before = sorted(os.listdir(store))
    examine()
    assert sorted(os.listdir(store)) == before


def test_doctor_prints_a_line_per_finding_and_its_fix_below(doctor, store):
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


def test_doctor_prints_no_control_characters_of_paths(doctor, tmp_path):
    store = tmp_path / "st\x1b[31more\u202e"
    store.mkdir(0o755)
    (store / "new\nline.jsonl").touch(0o644)
    done = doctor("--quick", HEADCOUNT_DIR=str(store))
    assert [line for line in done.stdout.splitlines() if not line.isprintable()] == []
    assert "st�[31more" in done.stdout


def test_doctor_finds_an_invalid_ttl_and_says_so_once(examine, doctor, installed):
    found = examine(HEADCOUNT_TTL_HOURS="banana")[0].problem
    check, message, fix = found
    assert (check, fix) == ("variables", "export HEADCOUNT_TTL_HOURS=24")
    assert message.startswith("HEADCOUNT_TTL_HOURS is 'banana', which is not a number")
    done = doctor("--quick", HEADCOUNT_TTL_HOURS="banana")
    assert (done.stdout + done.stderr).count("banana") == 1
    assert examine(HEADCOUNT_TTL_HOURS="1.5")[1] == 0
