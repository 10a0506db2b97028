"""`headcount list`: which worktree a session is in, and which others are in it."""

from __future__ import annotations

import os
import subprocess

import pytest
from command_line import cell, create, listed, write

from lib import sessions
from lib.record import timestamps
from lib.system import process
from lib.views import neighbours


def test_list_shows_the_worktree_and_its_branch(headcount, shop):
    create("one", cwd=str(shop / "cart"))
    _, row = headcount("list", "--table")[1].splitlines()
    assert f"  {shop}/cart (main)  " in row
    found = listed(headcount)["one"]
    assert (found["worktree"], found["branch"]) == (str(shop), "main")


def test_session_that_is_not_alive_is_listed_with_the_branch_on_record(
    headcount, store, shop
):
    create("one", cwd=str(shop))
    write(store, "dead-one", cwd=str(shop), branch="then")
    write(store, "old-one", cwd=str(shop))
    branches = {name: view["branch"] for name, view in listed(headcount).items()}
    assert branches == {"dead-one": "then", "old-one": "main", "one": "main"}


def test_list_shows_the_home_folder_as_a_tilde(headcount, shop):
    create("one", cwd=str(shop))
    assert "  ~/shop (main)  " in headcount("list", "--table", HOME=str(shop.parent))[1]


def test_linked_worktree_is_listed_with_its_own_branch(headcount, shop, tmp_path):
    own = shop / ".git/worktrees/side"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/side\n")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / ".git").write_text(f"gitdir: {own}\n")
    create("one", cwd=str(linked))
    create("two", cwd=str(shop))
    _, out, _ = headcount("list", "--table")
    assert f"{linked} (side)" in out
    assert "+" not in out


def test_hostile_branch_name_reaches_no_terminal(headcount, terminal, shop):
    (shop / ".git/HEAD").write_text("ref: refs/heads/\x1b[31m\u202ered")
    create("one", cwd=str(shop))
    for out in (headcount("list", "--table")[1], terminal("list", NO_COLOR="1")):
        assert all(line.isprintable() for line in out.split("\n"))


# ---- Others in the same worktree --------------------------------------------------


@pytest.fixture
def other_process():
    """A second process that is alive, and what a record says of it."""
    with subprocess.Popen(["sleep", "60"]) as started:
        yield {"pid": started.pid, "process": process.fingerprint(started.pid)}
        started.kill()


def test_live_sessions_in_the_same_worktree_are_marked(headcount, store, shop):
    for one in ("one", "two", "three"):
        create(one, cwd=str(shop / "cart" if one == "two" else shop))
    create("elsewhere", cwd=str(shop.parent))
    write(store, "dead-one", cwd=str(shop))
    heading, *rows = headcount("list", "--table")[1].splitlines()
    marked = {cell(heading, "ID", row) for row in rows if " (main) +2  " in row}
    assert marked == {"one", "two", "three"}
    found = listed(headcount)
    assert sorted(found["one"]["same_worktree"]) == ["three", "two"]
    assert found["one"]["same_worktree_count"] == 2
    assert (
        found["elsewhere"]["same_worktree"] == found["dead-one"]["same_worktree"] == []
    )


def test_session_alone_in_its_worktree_has_no_mark(headcount, shop):
    create("one", cwd=str(shop))
    create("two", cwd=str(shop.parent))
    assert "+" not in headcount("list", "--table")[1]


def test_session_open_in_two_processes_is_marked(headcount, store, other_process):
    create("one")
    sessions.update_heartbeat("one", pid=other_process["pid"], state="busy")
    assert "(2 processes)" in headcount("list", "--table")[1]
    found = listed(headcount)["one"]
    assert set(found["processes"]) == {os.getpid(), other_process["pid"]}


def test_ended_second_process_is_not_a_collision(headcount, store):
    with subprocess.Popen(["sleep", "60"]) as other:
        create("one")
        sessions.update_heartbeat("one", pid=other.pid)
        sessions.update_heartbeat("one", pid=os.getpid())
        other.kill()
    assert "processes" not in headcount("list", "--table")[1]
    assert listed(headcount)["one"]["processes"] == [os.getpid()]


def test_filtered_sessions_still_count_as_neighbours(headcount, shop):
    create("one", cwd=str(shop), state="waiting")
    create("two", cwd=str(shop), state="busy")
    assert " (main) +1  " in headcount("list", "--table", "--state", "waiting")[1]


def test_neighbours_in_a_crowded_worktree_are_counted_and_a_few_named():
    crowd = [
        {
            "session_id": str(number),
            "last_heartbeat": timestamps.from_epoch(number),
            "verdict": "alive",
            "archived": False,
            "pid": 1,
            "cwd": "/srv",
        }
        for number in range(1000)
    ]
    crowd = neighbours.annotate(crowd)
    assert {one["same_worktree_count"] for one in crowd} == {999}
    assert {len(one["same_worktree"]) for one in crowd} == {neighbours.MAX_NAMED}
    assert crowd[999]["same_worktree"][0] == "998"
    assert all(one["session_id"] not in one["same_worktree"] for one in crowd)
