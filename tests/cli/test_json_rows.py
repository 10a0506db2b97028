"""`list --json` of many sessions, which several processes make side by side."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from command_line import archive, create, environment, write
from support import ROOT

from lib import sessions
from lib.cli import json_rows

MANY = 2 * json_rows.MIN_SHARE


def on_one_processor():
    os.sched_setaffinity(0, [*os.sched_getaffinity(0)][:1])


def ignoring_children():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def listed(store, *words, prepare=None):
    """The output of a list of *store*, by a process that calls *prepare* first."""
    done = subprocess.run(
        [sys.executable, "-m", "lib", "list", *words],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        env=environment(store),
        preexec_fn=prepare,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return re.sub(r"\d+ \w+ ago", "a moment ago", done.stdout)


@pytest.fixture
def many(store, shop):
    """Sessions in many folders, some in one worktree, some closed, some archived."""
    path = store / f"{create(state='busy', cwd='/nowhere')}.jsonl"
    text = path.read_text()
    for number in range(MANY):
        session_id = f"{number:08x}-{path.stem[9:]}"
        content = text.replace(path.stem, session_id)
        (store / f"{session_id}.jsonl").write_text(content)
    for number in range(13):
        create(f"{number}-in-the-shop", state="waiting", cwd=str(shop / "cart"))
    create("closed-one", cwd=str(shop))
    sessions.close_session("closed-one")
    write(store, "dead-one", cwd=str(shop))
    (store / "damaged.jsonl").write_text("not json\n")
    archive(store, "archived-one", cwd=str(shop))
    return store


@pytest.mark.by_hand
@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"),
    reason="this system does not restrict a process to one processor",
)
def test_list_as_json_is_the_same_of_one_process_and_of_several(many):
    for words in ([], ["--all", "--sort", "where"], ["--state", "waiting,dead"]):
        together = listed(many, "--json", *words)
        assert together == listed(many, "--json", *words, prepare=on_one_processor)
        ids = [session["session_id"] for session in json.loads(together)["sessions"]]
        if "--state" in words:
            assert len(ids) == 14
        else:
            assert len(ids) == MANY + 18 - ("--all" not in words)
        if "--all" in words:  # without it, only JSON has the closed ones
            assert ids == listed(many, "-q", *words).split()


@pytest.mark.by_hand
def test_list_as_json_says_what_shares_a_worktree(many, shop):
    found = json.loads(listed(many, "--json", "--all"))["sessions"]
    rows = {session["session_id"]: session for session in found}
    row = rows["3-in-the-shop"]
    assert (row["worktree"], row["subfolder"]) == (str(shop), "cart")
    assert row["same_worktree_count"] == 12
    assert len(row["same_worktree"]) == 10
    others = {f"{number}-in-the-shop" for number in range(13)} - {"3-in-the-shop"}
    assert {*row["same_worktree"]} < others
    for alone in ("closed-one", "dead-one", "archived-one", "damaged"):
        assert (rows[alone]["same_worktree"], rows[alone]["same_worktree_count"]) == (
            [],
            0,
        )


@pytest.mark.by_hand
def test_list_as_json_is_whole_where_sigchld_is_ignored(many):
    together = listed(many, "--json")
    assert together == listed(many, "--json", prepare=ignoring_children)


# ---- The processes --------------------------------------------------------------


@pytest.fixture
def processors(monkeypatch):
    monkeypatch.setattr(json_rows, "_processors", lambda: 3)


def numbered(batch):
    return [{"item": item} for item in batch]


@pytest.mark.usefixtures("processors")
@pytest.mark.parametrize("count", [0, 1, MANY, 30 * MANY + 7])
def test_side_by_side_returns_each_result_once_and_in_order(count):
    items = [str(number) for number in range(count)]
    assert json_rows.side_by_side(numbered, items) == numbered(items)


@pytest.mark.usefixtures("processors")
def test_side_by_side_has_the_work_done_by_others_too(tmp_path):
    here, shared = os.getpid(), tmp_path / "a helper has begun"

    def work(batch):
        if os.getpid() != here:
            shared.touch()
        give_up = time.monotonic() + 30
        while not shared.exists():
            assert time.monotonic() < give_up
            time.sleep(0.01)
        return [{"pid": os.getpid()} for _ in batch]

    rows = json_rows.side_by_side(work, ["x"] * MANY)
    assert len(rows) == MANY
    assert {row["pid"] for row in rows} - {here}  # one may have done all


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def raising():
    raise MemoryError


@pytest.mark.usefixtures("processors")
@pytest.mark.parametrize("fail", [killed, raising])
def test_side_by_side_does_itself_what_a_process_fails_to_do(capfd, tmp_path, fail):
    here, items = os.getpid(), [str(number) for number in range(MANY)]

    def work(batch):
        if os.getpid() != here:
            (tmp_path / str(os.getpid())).touch()
            fail()
        give_up = time.monotonic() + 30
        while not any(tmp_path.iterdir()):
            assert time.monotonic() < give_up
            time.sleep(0.01)
        return numbered(batch)

    assert json_rows.side_by_side(work, items) == numbered(items)
    assert capfd.readouterr() == ("", "")
    for helper in tmp_path.iterdir():
        with pytest.raises(ChildProcessError):  # it was waited for
            os.waitpid(int(helper.name), os.WNOHANG)


def test_side_by_side_leaves_no_process_behind_if_it_is_killed(tmp_path):
    code = """
import os, pathlib, sys, time
from lib.cli import json_rows

json_rows._processors = lambda: 2
here, begun = os.getpid(), pathlib.Path(sys.argv[1])

def work(batch):
    if os.getpid() == here:
        begun.touch()
        print("begun", flush=True)
        time.sleep(600)
    while not begun.exists():
        time.sleep(0.01)
    return [{"line": os.urandom(500).hex()} for _ in batch]  # more than a pipe holds

json_rows.side_by_side(work, ["x"] * 2 * json_rows.MIN_SHARE)
"""
    command = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "begun")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert command.stdout.readline() == b"begun\n"
    command.kill()
    # The helper has the same stdout, so this ends only when the helper has ended.
    assert command.communicate(timeout=30) == (b"", None)


@pytest.mark.usefixtures("processors")
def test_side_by_side_works_alone_if_no_process_can_be_started(monkeypatch):
    def refuse():
        raise BlockingIOError("fork: Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    before = len(os.listdir("/dev/fd"))
    items = [str(number) for number in range(MANY)]
    assert json_rows.side_by_side(numbered, items) == numbered(items)
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.usefixtures("processors")
def test_side_by_side_raises_what_the_work_raises():
    def work(_):
        raise sessions.StoreError("no such store")

    with pytest.raises(sessions.StoreError, match="no such store"):
        json_rows.side_by_side(work, ["x"] * MANY)
