"""`headcount doctor` about interrupted moves and leftover temporary files."""

from __future__ import annotations

import os

from support import ID

from lib import sessions


def test_fix_finishes_an_interrupted_move_and_keeps_every_byte(
    examine, installed, store
):
    sessions.create_session(session_id=ID)
    live = store / f"{ID}.jsonl"
    before = live.read_bytes()
    day = store / "archive/2026-01-02"
    day.mkdir(parents=True, mode=0o700)
    (store / "archive").chmod(0o700)
    os.link(live, day / live.name)
    findings, code = examine()
    assert code == 0
    (told,) = findings.of("warn")
    assert told["message"].startswith("a move was interrupted")
    assert (told["fix"], told["fixable"]) == ("headcount doctor --fix", True)
    findings, code = examine("--fix")
    assert (code, findings.of("warn")) == (0, findings.fixed)
    assert not (day / live.name).exists()
    assert live.read_bytes() == before


def test_hard_link_outside_the_store_is_reported_with_a_find_command(
    examine, installed, store, tmp_path
):
    sessions.create_session(session_id=ID)
    path = store / f"{ID}.jsonl"
    os.link(path, tmp_path / "other name")
    findings, code = examine("--fix")
    assert (code, findings.fixed) == (1, [])
    _, message, fix = findings.problem
    assert "outside the store" in message
    assert fix == f"find / -xdev -samefile {path}"


def test_fix_removes_only_old_temporary_files_of_headcount(
    examine, installed, store, run_fix
):
    sessions.create_session(session_id=ID)
    names = [f".{ID}.{'0' * 16}.tmp", f".{ID}.{'1' * 16}.tmp", ".theirs.tmp", ".x.swp"]
    for name in names:
        (store / name).touch(0o600)
        os.utime(store / name, (0, 0))
    os.utime(store / names[1])  # of a beginning that may be under way
    findings, code = examine()
    assert code == 0
    (told,) = findings.of("warn")
    assert told["message"].startswith("1 hidden file left by a crash: ")
    findings, _ = examine("--fix")
    assert len(findings.fixed) == 1
    assert {name for name in names if (store / name).exists()} == set(names[1:])
    os.utime(store / names[1], (0, 0))
    run_fix(examine()[0].of("warn")[0]["fix"])
    assert examine()[0].of("warn") == []
