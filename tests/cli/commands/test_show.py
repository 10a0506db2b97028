"""`headcount show`: what a session came from, who is beside it, and its life."""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest
from command_line import DAY, KEYS, archive, create, write
from support import ID

from lib import sessions
from lib.record import timestamps
from lib.system import process
from lib.terminals import place

HERE = place.of_process(os.getpid())  # where the tests run

FOLDERS = ("folder", "worktree", "project")


@pytest.fixture
def me():
    return {"pid": os.getpid(), "process": process.fingerprint(os.getpid())}


def as_json(headcount, session_id):
    return json.loads(headcount("show", session_id, "--json")[1])


def fact(out, name):
    """The lines of one fact."""
    found = []
    for line in out.splitlines():
        if line.startswith((f"{name:<13} ", " " * 14)[: 1 + bool(found)]):
            found.append(line[14:])
        elif found:
            break
    return found


def test_previous_sessions_include_live_and_archived_ones(headcount, store, me):
    archive(store, "first", label="nightly", source="startup")
    write(store, "second", source="clear", previous_session_id="first")
    write(store, "third", source="fork", previous_session_id="second", **me)
    write(store, "fourth", source="startup", previous_session_id="third", **me)
    _, out, _ = headcount("show", "fourth")
    assert fact(out, "previous") == [
        "third  resumed",
        "second  forked",
        "first  cleared, nightly, archived",
    ]
    assert [
        (one["session_id"], one["how"], one["on_record"], one["archived"])
        for one in as_json(headcount, "fourth")["predecessors"]
    ] == [
        ("third", "resumed", True, False),
        ("second", "forked", True, False),
        ("first", "cleared", True, True),
    ]


def test_successors_are_shown_for_an_archived_session_too(headcount, store):
    archive(store, "first")
    archive(store, "second", source="clear", previous_session_id="first")
    write(store, "third", source="fork", previous_session_id="first", label="docs")
    _, out, _ = headcount("show", "first")
    assert sorted(fact(out, "next")) == [
        "second  cleared, archived",
        "third  forked, docs",
    ]
    found = as_json(headcount, "first")
    assert {one["session_id"] for one in found["successors"]} == {"second", "third"}
    assert found["predecessors"] == []


def test_previous_session_without_a_file_is_still_named(headcount, store):
    write(store, "second", source="clear", previous_session_id="first")
    assert fact(headcount("show", "second")[1], "previous") == [
        "first  cleared, not on record"
    ]


def test_previous_session_archived_twice_is_described_by_the_newer_file(
    headcount, store
):
    now = time.time()
    for days, label in ((3, "old"), (2, "new"), (4, "older")):
        when = timestamps.from_epoch(now - days * DAY)
        archive(store, "first", last_heartbeat=when, start_time=when, label=label)
    write(store, "second", source="clear", previous_session_id="first")
    assert fact(headcount("show", "second")[1], "previous") == [
        "first  cleared, new, archived"
    ]
    write(store, "first", label="back")
    assert fact(headcount("show", "second")[1], "previous") == ["first  cleared, back"]


def test_chain_of_previous_sessions_ends_at_a_cycle(headcount, store):
    write(store, "one", previous_session_id="two", source="clear")
    write(store, "two", previous_session_id="one", source="clear")
    write(store, "self", previous_session_id="self", source="clear")
    assert fact(headcount("show", "one")[1], "previous") == ["two  cleared"]
    assert fact(headcount("show", "self")[1], "previous") == []
    assert fact(headcount("show", "self")[1], "next") == []


def test_chain_of_previous_sessions_is_bounded(headcount, store):
    for number in range(30):
        write(store, f"s{number}", previous_session_id=f"s{number - 1}", source="clear")
    assert len(fact(headcount("show", "s29")[1], "previous")) == 20


def test_show_lists_other_live_sessions_in_the_worktree(headcount, store, tmp_path):
    tree = tmp_path / "shop"
    (tree / ".git").mkdir(parents=True)
    (tree / ".git/HEAD").write_text("ref: refs/heads/main\n")
    create("one", cwd=str(tree), state="busy")
    create("two", cwd=str(tree), label="docs", state="waiting")
    create("elsewhere", cwd=str(tmp_path))
    write(store, "dead-one", cwd=str(tree))
    for shown, beside in (("one", "two"), ("two", "one")):
        out = headcount("show", shown)[1]
        (line,) = fact(out, "same worktree")
        assert line.startswith(f"{beside}  ")
        assert fact(out, "branch") == ["main"]
    assert "two  waiting, docs, last heartbeat " in headcount("show", "one")[1]
    assert len(fact(headcount("show", "dead-one")[1], "same worktree")) == 2
    assert fact(headcount("show", "elsewhere")[1], "same worktree") == []
    found = as_json(headcount, "one")
    assert found["same_worktree_count"] == 1
    assert (found["worktree"], found["branch"]) == (str(tree), "main")
    assert found["same_worktree"] == ["two"]


def test_show_says_if_tracked_files_are_modified(headcount, tmp_path):
    tree = tmp_path / "shop"
    tree.mkdir()

    def git(*words):
        who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *who, *words], cwd=tree, check=True)

    git("init", "-q", "-b", "main")
    (tree / "file").write_text("one")
    git("add", "file")
    git("commit", "-qm", "one")
    create("one", cwd=str(tree))
    (tree / "untracked").touch()
    assert fact(headcount("show", "one")[1], "branch") == ["main"]
    assert as_json(headcount, "one")["modified"] is False
    (tree / "file").write_text("two")
    assert fact(headcount("show", "one")[1], "branch") == ["main (modified)"]
    assert as_json(headcount, "one")["modified"] is True
    none = headcount("show", "one", PATH=str(tmp_path))[1]
    assert fact(none, "branch") == ["main"]


def test_show_names_each_folder_once_and_home_as_a_tilde(headcount, tmp_path):
    (tmp_path / "home/shop/cart").mkdir(parents=True)
    (tmp_path / "home/shop/.git").mkdir()
    root = str(tmp_path / "home/shop")
    create("one", cwd=root, project_dir=root)
    create("two", cwd=f"{root}/cart", project_dir=root)
    create("three", cwd=f"{root}/cart", project_dir=f"{root}/cart")
    shown = {
        name: [fact(headcount("show", name)[1], key) for key in FOLDERS]
        for name in ("one", "two", "three")
    }
    assert shown == {
        "one": [["~/shop"], [], []],
        "two": [["~/shop/cart"], ["~/shop"], []],
        "three": [["~/shop/cart"], ["~/shop"], []],
    }


def test_show_has_local_times(headcount, store):
    write(
        store,
        "one",
        start_time="2026-11-25T08:03:22.000Z",
        last_heartbeat="2026-11-25T09:00:00.000Z",
    )
    out = headcount("show", "one", TZ="Europe/Vienna")[1]
    (started,) = fact(out, "started")
    assert started.startswith("2026-11-25 09:03:22 (")
    assert "\n11-25 09:03:22  started" in out


def test_show_colours_the_state_and_dims_the_keys(terminal):
    create("one", state="waiting")
    out = terminal("show", "one")
    assert "\x1b[2mstate        \x1b[0m \x1b[1;35mwaiting (0 s)\x1b[0m" in out
    assert "\x1b" not in terminal("show", "one", NO_COLOR="1")


def test_show_json_has_timeline_related_sessions_and_resume_command(headcount):
    create(state="busy", cwd="/srv")
    sessions.append_to_session(ID, {"type": "build.done"})
    sessions.close_session(ID, reason="logout")
    found = as_json(headcount, ID)
    assert [moment["what"] for moment in found["timeline"]] == [
        "started",
        "busy",
        "closed",
    ]
    assert found["timeline"][1]["to"] == found["timeline"][2]["from"]
    assert found["other_entries"] == {"build.done": 1}
    assert found["resume"] == f"cd -- /srv && claude --resume {ID}"
    assert found["predecessors"] == found["successors"] == found["same_worktree"] == []
    assert len(found["entries"]) == 4


def test_show_json_of_an_unreadable_session_has_every_key(headcount, store):
    store.mkdir()
    (store / "damaged.jsonl").write_text('{"type": "note.a"}\n')
    found = as_json(headcount, "damaged")
    assert found["resume"] is found["worktree"] is None
    assert found["timeline"] == found["same_worktree"] == []
    assert found["other_entries"] == {"note.a": 1}


def test_timeline_of_many_entries_is_a_few_lines(headcount):
    create()
    for number in range(60):
        sessions.update_heartbeat(ID, state=["busy", "idle"][number % 2])
    out = headcount("show", ID)[1]
    assert len(out.splitlines()) < 45
    assert "40 more between" in out
    assert len(as_json(headcount, ID)["timeline"]) == 61


@pytest.mark.parametrize("number", ["0", "2", "999"])
def test_show_prints_the_requested_number_of_raw_entries(headcount, number):
    create(state="busy")
    sessions.append_to_session(ID, {"type": "build.done", "ok": True})
    out = headcount("show", ID, "-n", number)[1]
    raw = [line for line in out.splitlines() if 'build.done        {"ok":true}' in line]
    assert len(raw) == (number != "0")
    shown = {"0": [], "2": ["last 2 of 3 entries"], "999": ["last 3 of 3 entries"]}
    assert [x for x in out.splitlines() if x.startswith("last")] == shown[number]


def test_timeline_fits_the_terminal(terminal):
    create(state="busy", label="x")
    sessions.append_to_session(ID, {"type": "session_update", "label": "日本語" * 99})
    out = terminal("show", ID, columns=50).split("timeline of")[1]
    assert "…" in out


def test_show_prints_metadata_verdict_reasons_entries_and_where_it_is_open(
    headcount, tmp_path
):
    folder = tmp_path / "with space"
    folder.mkdir()
    create(label="nightly build", cwd=str(folder), state="waiting")
    sessions.append_to_session(ID, {"type": "build.done", "ok": True})
    code, out, err = headcount("show", ID)
    assert (code, err) == (0, "")
    shown = out.splitlines()
    assert f"session       {ID}" in shown
    assert "label         nightly build" in shown
    assert "verdict       alive" in shown
    assert f"                pid {os.getpid()} is running" in shown
    assert "timeline of 3 entries" in shown
    assert any("  waiting    " in line for line in shown)
    assert "        others  1 build.done" in shown
    assert shown[-1] == f"it is open in pid {os.getpid()}, {HERE}"


def test_show_prints_the_last_entries_and_json_all_entries(headcount):
    create()
    for number in range(15):
        sessions.append_to_session(ID, {"type": "step.done", "number": number})
    _, out, _ = headcount("show", ID, "--entries", "10")
    assert "last 10 of 16 entries" in out
    assert '{"number":5}' in out
    assert '{"number":4}' not in out
    assert "step.done         {" not in headcount("show", ID)[1]
    shown = json.loads(headcount("show", ID, "--json")[1])
    assert shown.keys() >= KEYS
    assert [entry["type"] for entry in shown["entries"]] == [
        "session_metadata",
        *["step.done"] * 15,
    ]


def test_show_says_which_lines_are_damaged(headcount, store):
    create()
    path = store / f"{ID}.jsonl"
    with path.open("ab") as file:
        file.write(b"torn\x1b[31m\n" * 7)
    code, out, err = headcount("show", ID)
    assert code == 0
    assert "timeline of 1 entry\n" in out
    said = err.splitlines()
    assert said[0] == f"headcount: {path}: line 2 is damaged, skipped"
    assert len(said) == 4
    assert said[-1].endswith("5 more such lines")  # the last of them sums up


def test_unreadable_session_is_shown_as_far_as_possible(headcount, store):
    store.mkdir()
    (store / "damaged.jsonl").write_text('{"type": "note.a", "text": "still here"}\n')
    code, out, _ = headcount("show", "damaged")
    assert code == 0
    assert "verdict       unreadable" in out
    assert "still here" in out
    assert "claude --resume" not in out


@pytest.mark.parametrize(
    "tmux", [None, "work:@3.%7", "w\x1b[31m"], ids=["no-tmux", "tmux", "hostile"]
)
def test_show_says_where_a_live_session_is_open(headcount, store, me, tmux):
    write(store, ID, **me)
    start = me["process"].split(":")[-1]
    client = {"pid": me["pid"], "sessionId": ID, "procStart": start, "tmux": tmux}
    client["startedAt"] = time.time() * 1000  # which counts without /proc
    files = store.parent / "home/.claude/sessions"
    files.mkdir(parents=True)
    (files / f"{me['pid']}.json").write_text(json.dumps(client))
    out = headcount("show", ID)[1]
    shown = f"tmux {tmux}".replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    where = shown if tmux and not HERE.program else str(HERE)
    assert out.splitlines()[-1] == f"it is open in pid {me['pid']}, {where}"
    assert "--resume" not in out
    view = as_json(headcount, ID)
    assert view["resume"] is None
    assert view["open_in"] == [HERE._replace(tmux=tmux or "").as_object()]


def test_show_says_that_a_silent_session_is_open(headcount, store, me):
    old = timestamps.from_epoch(time.time() - 2 * DAY)
    write(store, ID, **me, start_time=old, last_heartbeat=old)
    out = headcount("show", ID)[1]
    assert "verdict       stale" in out
    assert out.splitlines()[-1] == f"it is open in pid {me['pid']}, {HERE}"


def test_show_offers_to_resume_a_session_that_a_live_process_has_left(
    headcount, store, me
):
    write(store, ID, **me, cwd="/")
    sessions.close_session(ID, pid=os.getpid(), reason="clear")
    lines = headcount("show", ID)[1].splitlines()
    assert lines[-2:] == ["resume it with", f"cd -- / && claude --resume {ID}"]


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        pytest.param(
            {"cwd": "/nowhere/gone"},
            ["its folder is gone; resume it with", f"claude --resume {ID}"],
            id="folder",
        ),
        pytest.param(
            {"transcript_path": "/nowhere/x.jsonl"},
            ["", "it cannot be resumed: its transcript is gone"],
            id="transcript",
        ),
        pytest.param(
            {"host": "far", "cwd": "/"},
            [
                "it may be open elsewhere; if not, resume it with",
                f"cd -- / && claude --resume {ID}",
            ],
            id="host",
        ),
    ],
)
def test_show_says_what_resuming_a_session_lacks(headcount, store, changes, end):
    write(store, ID, **changes)
    assert headcount("show", ID)[1].splitlines()[-2:] == end
