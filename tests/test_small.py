"""The small ones: times, words, the error log, the tree, the architecture."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import time

import pytest
from support import errors

from lib import text as text_module
from lib.cli import time_spec
from lib.errors import UsageError
from lib.record import timestamps
from lib.store import error_log
from lib.system.git import Worktrees


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("2026-11-23T03:14:43.123Z", 1795403683.123),
        ("2026-11-23T03:14:43.123456Z", 1795403683.123456),
        ("2026-11-23T05:14:43+02:00", 1795403683),
        ("2026-11-23 03:14:43", 1795403683),
        ("", None),
        ("10", None),
        ("Nov", None),
        ("9999-12-31T24:00:00", None),
        ("2026-99-99T99:99:99.999Z", None),
        ("\u0662026-11-23T03:14:43.123Z", None),
        ("x" * 100_000, None),
        (None, None),
        (1795403683, None),
        (b"2026-11-23", None),
        ([], None),
    ],
)
def test_a_time_is_understood_or_none(text, seconds):
    assert timestamps.parse(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-23", 1795413600),
        ("2026-11-23T06:00", 1795435200),
        ("2026-07-01T06:00", 1782903600),
        ("2026-11-23T06:00Z", 1795413600),
        ("2026-W48-1", 1795413600),
        ("2026-11-23 06:00+01:00", 1795410000),
        ("12h", 1795413600 - 43200),
    ],
)
def test_a_time_that_a_person_types_is_of_their_zone(text, seconds, monkeypatch):
    monkeypatch.setenv("TZ", "America/Chicago")
    time.tzset()
    try:
        assert time_spec.moment(text, 1795413600) == seconds
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31T23:59", "0000-00-00"])
@pytest.mark.parametrize("zone", ["XXX-14", "XXX+12"])
def test_the_ends_of_time_are_a_time_or_a_usage_error(text, zone, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        with contextlib.suppress(UsageError):
            assert isinstance(time_spec.moment(text, 0), float)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("seconds", [0.0, 1.001, 1795403683.123, 1795403683.999])
def test_a_stamp_gives_its_time_back(seconds):
    stamp = timestamps.from_epoch(seconds)
    assert timestamps.is_stamp(stamp)
    assert timestamps.parse(stamp) == pytest.approx(seconds, abs=0.0011)


def test_stamps_sort_like_the_times_they_name():
    times = [0, 1.5, 999_999_999, 1795403683.1, 1795403683.2]
    stamps = [timestamps.from_epoch(seconds) for seconds in times]
    assert sorted(stamps) == stamps


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (7300, "2 h"),
        (9e5, "10 d"),
    ],
)
def test_a_duration_is_said_in_its_largest_unit(seconds, said):
    assert text_module.humanize(seconds) == said


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("plain", 80, "plain"),
        ("a\x1b[31mb\x07", 80, "a\ufffd[31mb\ufffd"),
        ("a\nb\tc\u2028d", 80, "a b c d"),
        ("\u202eright", 80, "\ufffdright"),
        ("\ud800", 80, "\ufffd"),
        ("日本 🎉 é", 80, "日本 🎉 é"),
        ("abcdef", 4, "abc…"),
    ],
)
def test_plain_text_cannot_disturb_a_terminal(text, limit, shown):
    assert text_module.printable(text, limit) == shown


def test_the_error_log_takes_a_line_each_and_stays_bounded(store):
    for number in range(3000):
        error_log.log_error(
            "test", ValueError(f"no {number}\nsecond line\x1b " + "x" * 200)
        )
    log, older = store / "errors.log", store / "errors.log.1"
    assert log.stat().st_size + older.stat().st_size < 600 * 1024
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    last = errors(store).splitlines()[-1]
    assert re.match(r"\d{4}-\S+Z \d+\.\d+\.\d+ test: ValueError: no 2999 second", last)
    assert error_log.recent(0)[-1] == last
    assert error_log.recent(2e9) == []


def test_an_error_log_that_cannot_be_written_is_silent(store, tmp_path, capfd):
    store.mkdir()
    (store / "errors.log").symlink_to(tmp_path / "elsewhere")
    error_log.log_error("test", "x")
    assert not (tmp_path / "elsewhere").exists()
    assert capfd.readouterr() == ("", "")


def test_the_tree_is_the_git_root_around_a_folder(tmp_path):
    (tmp_path / "repo/.git").mkdir(parents=True)
    (tmp_path / "repo/a/b").mkdir(parents=True)
    (tmp_path / "repo/worktree").mkdir()
    (tmp_path / "repo/worktree/.git").write_text("gitdir: elsewhere")
    (tmp_path / "plain").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "repo/a")
    assert Worktrees().root(tmp_path / "repo/a/b") == str(tmp_path / "repo")
    assert Worktrees().root(tmp_path / "link/b") == str(tmp_path / "repo")
    assert Worktrees().root(tmp_path / "repo/worktree") == str(
        tmp_path / "repo/worktree"
    )
    assert Worktrees().root(tmp_path / "plain") == str(tmp_path / "plain")
    assert Worktrees().root(tmp_path / "gone/x") == str(tmp_path / "gone/x")


HASH = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("head", "branch"),
    [
        pytest.param("ref: refs/heads/main\n", "main", id="branch"),
        pytest.param("ref: refs/heads/fix/日本\n", "fix/日本", id="with-slash"),
        pytest.param(HASH + "\n", "0123456", id="detached"),
        pytest.param("f" * 64 + "\n", "fffffff", id="detached-sha256"),
        pytest.param("ref: refs/heads/.invalid\n", None, id="reftable"),
        pytest.param("root:x:0:0\n", None, id="something-else"),
        pytest.param("", None, id="empty"),
    ],
)
def test_the_branch_is_what_head_says(tmp_path, head, branch):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text(head)
    assert Worktrees().branch(str(tmp_path)) == branch


def test_the_branch_of_a_folder_that_is_no_tree_or_says_nothing_is_none(tmp_path):
    assert Worktrees().branch(str(tmp_path)) is None
    assert Worktrees().branch("/nul\0byte") is None
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".git/HEAD")
    assert Worktrees().branch(str(tmp_path)) is None  # and does not wait for a writer


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_git_itself_writes_what_is_read_as_branch_and_tree(tmp_path):
    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        run = ["git", *who, *words]
        subprocess.run(run, cwd=tmp_path, check=True, capture_output=True)

    git("init", "-b", "main", "repo")
    git("-C", "repo", "commit", "--allow-empty", "-m", "one")
    git("-C", "repo", "worktree", "add", "-b", "side", "../linked")
    git("-C", "repo", "worktree", "add", "--detach", "../loose")
    commit = subprocess.run(
        ["git", "-C", tmp_path / "repo", "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert Worktrees().branch(str(tmp_path / "repo")) == "main"
    assert Worktrees().branch(str(tmp_path / "linked")) == "side"
    assert Worktrees().branch(str(tmp_path / "loose")) == commit[:7]
    assert Worktrees().root(str(tmp_path / "linked")) == str(tmp_path / "linked")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("nightly build", "nightly build", id="as-it-is"),
        pytest.param("a\tb\nc", "a b c", id="white-space"),
        pytest.param("\x1b[31mred\u202e", "\ufffd[31mred\ufffd", id="control"),
        pytest.param("👩\u200d💻", "👩\u200d💻", id="joined-emoji"),
        pytest.param("👩\u200d\u200d💻", "👩\ufffd\ufffd💻", id="two-joiners"),
        pytest.param("a\u200db", "a\ufffdb", id="joiner-in-ascii"),
        pytest.param("👩\u200d", "👩\ufffd", id="joiner-at-the-end"),
        pytest.param("\u200d💻", "\ufffd💻", id="joiner-at-the-start"),
        pytest.param("x" * 21, "x" * 19 + "…", id="long"),
        pytest.param("\x1b" * 10_000, "\ufffd" * 19 + "…", id="long-and-hostile"),
    ],
)
def test_a_text_is_shown_as_one_line_without_control(text, shown):
    assert text_module.printable(text, 20) == shown


def test_no_test_can_reach_the_real_store():
    from lib import sessions
    from lib.store import paths

    assert "choose-a-store" in paths.SESSIONS_DIR
    with pytest.raises(sessions.StoreError, match="choose-a-store"):
        sessions.create_session()
    assert "choose-a-store" in str(pathlib.Path.home())
