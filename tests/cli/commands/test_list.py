"""`headcount list` as people and scripts ask for it, on pipes and on terminals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from command_line import (
    DAY,
    HOSTILE,
    KEYS,
    archive,
    cell,
    create,
    environment,
    listed,
    write,
)
from support import ID, ROOT, only_with_proc

from lib import sessions
from lib.cli.terminal.width import width
from lib.record import timestamps
from lib.system import process
from lib.views import local_days


def ids(headcount, *words):
    code, out, _ = headcount("list", "-q", *words)
    assert code == 0
    return out.split("\n")[:-1]


# ---- Which, and in which order ---------------------------------------------------


@pytest.fixture
def many(store):
    """One of each state and verdict."""
    for state in ("busy", "idle", "waiting"):
        create(f"{state}-one", state=state)
    create("closed-one")
    sessions.close_session("closed-one")  # after it, nothing is begun: that cleans up
    old = timestamps.from_epoch(time.time() - 2 * DAY)
    write(store, "stale-one", pid=os.getpid(), last_heartbeat=old, start_time=old)
    write(store, "unknown-one", pid=None)
    write(store, "dead-one")
    (store / "damaged.jsonl").write_text("not json\n")
    archive(store, "filed-one")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        pytest.param(["--state", "waiting"], ["waiting-one"], id="waiting"),
        pytest.param(["--state", "busy,idle"], ["busy-one", "idle-one"], id="comma"),
        pytest.param(
            ["--state", "busy", "--state", " idle"],
            ["busy-one", "idle-one"],
            id="option-twice",
        ),
        pytest.param(["--state", "closed"], ["closed-one"], id="closed"),
        pytest.param(["--state", "dead"], ["dead-one"], id="dead"),
        pytest.param(["--state", "stale"], ["stale-one"], id="stale"),
        pytest.param(["--state", "unknown"], ["unknown-one"], id="unknown"),
        pytest.param(["--state", "unreadable"], ["damaged"], id="unreadable"),
        pytest.param(
            ["--state", "alive"], ["busy-one", "idle-one", "waiting-one"], id="alive"
        ),
        pytest.param(
            ["--state", "dead", "-a"],
            ["dead-one", "filed-one"],
            id="dead-and-archived",
        ),
    ],
)
def test_state_option_lists_only_matching_sessions(headcount, many, words, found):
    assert sorted(ids(headcount, *words)) == found


@pytest.mark.parametrize(
    "state",
    ["", "busi", "busy,", "\x1b[31m"],
    ids=["empty", "misspelt", "final-comma", "control"],
)
def test_invalid_state_exits_2_and_names_the_valid_states(headcount, state):
    code, out, err = headcount("list", "--state", state)
    assert (code, out) == (2, "")
    assert "is not a valid value" in err
    assert "waiting" in err
    assert err.rstrip("\n").isprintable()


def test_since_lists_sessions_last_seen_at_or_after_the_time(headcount, store):
    now = time.time()
    moment = timestamps.from_epoch(now - 2 * DAY)
    write(store, "hour", last_heartbeat=timestamps.from_epoch(now - 3600))
    write(store, "just", last_heartbeat=moment, start_time=moment)
    for name, days in (("day", 1), ("week", 7)):
        when = timestamps.from_epoch(now - days * DAY)
        write(store, name, last_heartbeat=when, start_time=when)
    assert ids(headcount, "--since", "12h") == ["hour"]
    assert ids(headcount, "--since", "30h") == ["hour", "day"]
    assert ids(headcount, "--since", moment) == ["hour", "day", "just"]
    assert ids(headcount, "--since", "1d6h") == ["hour", "day"]
    assert headcount("list", "--since", "last year")[0] == 2


def test_sort_orders_the_rows(headcount, store):
    now = time.time()
    for name, age, sign, label in (
        ("a", 30, 5, "x"),
        ("b", 10, 9, "y"),
        ("c", 20, 7, "w"),
    ):
        write(
            store,
            name,
            start_time=timestamps.from_epoch(now - age * 60),
            last_heartbeat=timestamps.from_epoch(now - sign * 60),
            label=label,
        )
    assert ids(headcount, "--sort", "age") == ["b", "c", "a"]
    assert ids(headcount, "--sort", "heartbeat") == ["a", "c", "b"]
    assert ids(headcount, "--sort", "label") == ["c", "a", "b"]
    assert headcount("list", "--sort", "colour")[0] == 2


def test_quiet_prints_whole_ids_for_other_commands(headcount, store, many):
    listed = ids(headcount)
    assert listed[:2] == ["waiting-one", "busy-one"]
    script = '"$0" -m lib -q --state waiting | xargs -n 1 "$0" -m lib show'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable],
        env=environment(store),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("session       waiting-one\n")


def test_quiet_with_no_session_prints_nothing(headcount):
    assert headcount("list", "-q") == (0, "", "")


@pytest.mark.parametrize(
    "words",
    [["-q", "--json"], ["--table", "--json"], ["-q", "--columns", "id"]],
    ids=["quiet-json", "table-json", "quiet-columns"],
)
def test_two_ways_to_print_exclude_each_other(headcount, words):
    assert headcount("list", *words)[0] == 2


def test_list_without_a_match_says_so_on_stderr(headcount):
    create(state="busy")
    code, out, err = headcount("list", "--state", "stale")
    assert (code, out) == (0, "")
    assert "`headcount list --all` shows every session" in err


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        pytest.param("NIGHT", ["a-label"], id="label-in-any-case"),
        pytest.param("payments", ["b-name"], id="name"),
        pytest.param("/shop", ["c-place"], id="worktree"),
        pytest.param("main", ["c-place"], id="branch"),
        pytest.param("ni*ly", ["a-label"], id="wildcard"),
        pytest.param("[wip]", ["d-bracket"], id="bracket"),
        pytest.param("[w?p", ["d-bracket"], id="bracket-and-wildcard"),
        pytest.param("c-place", [], id="id"),
        pytest.param("", ["a-label", "b-name", "c-place", "d-bracket"], id="empty"),
    ],
)
def test_pattern_lists_only_matching_sessions(headcount, store, shop, pattern, found):
    write(store, "a-label", label="Nightly build")
    write(store, "b-name", name="payments")
    write(store, "c-place", cwd=str(shop))
    write(store, "d-bracket", label="[wip]")
    assert sorted(ids(headcount, pattern)) == found


def test_pattern_without_a_match_says_how_to_search_the_archive(headcount, store):
    archive(store, "a", label="nightly")
    code, out, err = headcount("list", "nightly")
    assert (code, out) == (0, "")
    assert "--all" in err
    assert ids(headcount, "nightly", "--all") == ["a"]


def test_closed_sessions_are_only_counted_until_ended_ones_are_listed(
    headcount, many, store
):
    yesterday = timestamps.from_epoch(local_days.start_of(time.time()) - 3600)
    archive(store, "old", last_heartbeat=yesterday, start_time=yesterday)
    *rows, footer = headcount("list", "--table")[1].splitlines()
    assert "closed-o" not in "".join(rows)
    assert footer == "2 more ended today: headcount list --ended"
    assert sorted(ids(headcount, "--ended")) == ["closed-one", "dead-one", "filed-one"]
    since = ids(headcount, "--ended", "--since", "2d")
    assert sorted(since) == ["closed-one", "dead-one", "filed-one", "old"]
    assert "closed-one" in listed(headcount)


def test_list_with_nothing_alive_says_how_many_ended_today(headcount):
    create("one")
    sessions.close_session("one")
    code, out, err = headcount("list")
    assert (code, out) == (0, "")
    assert err == (
        "headcount: no live session; 1 session ended today: `headcount list --ended`\n"
    )


def test_pipe_gets_values_separated_by_tabs(headcount, shop):
    create("a-very-long-session-id", label="a\tb", cwd=str(shop), state="waiting")
    _, out, _ = headcount("ls")
    found = listed(headcount)["a-very-long-session-id"]
    assert out.rstrip("\n").split("\t") == [
        *("waiting", "", found["state_since"], "a-very-long-session-id", "a b"),
        *(f"{shop} (main)", found["start_time"]),
    ]


def test_columns_option_chooses_the_columns(headcount, terminal, shop):
    create("one", label="nightly", cwd=str(shop))
    expected = ["one", str(os.getpid()), "main"]
    for words in (["id,pid,branch"], ["id", "--columns", "pid,branch"]):
        out = headcount("list", "--columns", *words)[1]
        assert out.rstrip("\n").split("\t") == expected
    heading, row = terminal("list", "--columns", "id,pid,branch").splitlines()
    assert heading.split() == ["ID", "PID", "BRANCH"]
    assert row.split() == expected
    code, _, err = headcount("list", "--columns", "id,brnch")
    assert code == 2
    assert "did you mean branch?" in err


# ---- How it looks ----------------------------------------------------------------

LABELS = [
    "nightly build",
    "日本語のラベル",
    "👩🏽\u200d🚀 launch 🇩🇪",
    "❤\ufe0f heart",
    HOSTILE,
    "e\u0301\u0301\u0301 marks",
    "x" * 5000,
    "\u1112\u1161\u11ab",
    "a\nb\tc",
]


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("number", [1, 20])
def test_list_rows_fit_the_terminal(terminal, shop, number, columns):
    for index in range(number):
        label = LABELS[-index % len(LABELS)]
        create(f"{index:08d}-one", label=label[:5000], cwd=str(shop), state="busy")
    rows = terminal("list", columns=columns, NO_COLOR="1").splitlines()
    assert len(rows) == number + 1
    assert max(map(width, rows)) <= columns
    if number > 1 and columns > 40:
        assert len({width(row[: row.rindex("  /")]) for row in rows[1:]}) == 1


@pytest.mark.parametrize(
    ("more", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["colour", "no-color", "dumb"],
)
def test_colours_are_basic_and_only_used_where_wanted(terminal, more, coloured):
    create(state="waiting")
    out = terminal("list", **more)
    assert ("\x1b[1;35mwaiting\x1b[0m" in out) == coloured
    assert ("\x1b" in out) == coloured


def test_list_shows_each_of_ten_thousand_sessions_once(headcount, store, shop):
    store.mkdir()
    who = {"pid": os.getpid(), "process": process.fingerprint(os.getpid())}
    for number in range(10_000):
        write(store, f"{number:08d}-{number}", cwd=str(shop), label="日本語", **who)
    _, out, _ = headcount("list", "--table")
    heading, *rows = out.splitlines()
    assert len({cell(heading, "ID", row) for row in rows}) == len(rows) == 10_000
    assert all(" (main) +9999  " in row for row in rows)


@pytest.mark.parametrize("number", [0, 1, 30, 2000], ids=str)
def test_table_fits_terminals_of_each_width(shell, store, headcount, number):
    store.mkdir()
    who = {"pid": os.getpid(), "process": process.fingerprint(os.getpid())}
    for index in range(number):
        name, folder = f"日本語 number {index} " * 4, f"/srv/{'long/' * 12}{index % 9}"
        known = who if index % 3 else {}
        write(store, f"{index:08x}-{index}", label=name, cwd=folder, **known)
    shell.tmux("set-option", "-g", "history-limit", "5000")
    shell.tmux("new-window")
    for columns in (80, 120, 200):
        shell.resize(columns)
        shell.type(f"clear; {sys.executable} -m lib list; echo en''d {columns}\n")
        shell.until(f"\nend {columns}")
        if not number:
            assert "no sessions in" in "\n".join(shell.lines)
            continue
        _, _, text = shell.history.rpartition("STATE")
        heading, *rows = f"STATE{text}".partition("\nend")[0].splitlines()
        assert max(map(width, [heading, *rows])) <= columns
        shown = [cell(heading, "ID", row) for row in rows]
        assert sorted(shown) == [f"{index:08x}" for index in range(number)]
    for session_id in {f"{index:08x}" for index in (0, number // 2, number - 1)}:
        assert headcount("show", session_id)[0] == (0 if number else 3)


def test_empty_store_is_reported_on_a_terminal(terminal):
    assert terminal("list") == ""


@only_with_proc("elsewhere to judge a process takes psutil")
def test_list_imports_nothing_that_is_slow_to_load(store):
    create(label="日本語", cwd=str(ROOT))
    code = (
        "import sys; from lib.cli import main; main.main(['list']); "
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(store),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ID[:8] in done.stdout
    loaded = set(done.stderr.split())
    slow = {
        "json",
        "logging",
        "psutil",
        "filelock",
        "dateutil",
        "subprocess",
        "pathlib",
    }
    assert loaded.isdisjoint(slow)


def test_list_is_the_default_with_and_without_its_options(headcount):
    create(label="nightly build")
    for words in (["list"], [], ["--all"]):
        code, out, err = headcount(*words)
        assert (code, err) == (0, "")
        assert "nightly build" in out
    assert json.loads(headcount("--json")[1])["sessions"][0]["session_id"] == ID


def test_list_shows_twenty_sessions_with_ids_that_show_accepts(headcount):
    ids = [create(f"{number:08d}-same-beginning") for number in range(20)]
    _, out, _ = headcount("list", "--table")
    heading, *rows = out.splitlines()
    listed = [cell(heading, "ID", row) for row in rows]
    assert sorted(listed) == [known[:8] for known in ids]
    code, out, _ = headcount("show", listed[7])
    assert code == 0


def test_json_has_every_key_even_without_a_value(headcount, store):
    create(state="busy")
    write(store, "bare-one", pid=None, start_time=None)
    (store / "damaged.jsonl").write_text("not json\n")
    found = {
        one["session_id"]: one for one in json.loads(headcount("--json")[1])["sessions"]
    }
    assert set(found) == {ID, "bare-one", "damaged"}
    assert all(one.keys() >= KEYS for one in found.values())
    alive = found[ID]
    assert (alive["verdict"], alive["state"]) == ("alive", "busy")
    assert alive["pid"] == os.getpid()
    assert alive["path"] == str(store / f"{ID}.jsonl")
    assert alive["archived"] is False
    assert alive.keys() >= {"process", "host", "tasks"}
    assert alive["start_time"].endswith("Z")
    assert all(isinstance(reason, str) for reason in alive["reasons"])
    assert found["bare-one"]["pid"] is None
    assert found["damaged"]["verdict"] is found["damaged"]["label"] is None
    assert found["damaged"]["reasons"] != []


def test_archived_sessions_are_listed_only_with_all(headcount, store):
    create()
    path = archive(store, "gone-one")
    assert "gone-one" not in headcount("list", "--table")[1]
    _, out, _ = headcount("list", "--table", "--all")
    assert "dead (archived)" in out
    found = {
        one["session_id"]: one
        for one in json.loads(headcount("--all", "--json")[1])["sessions"]
    }
    assert found["gone-one"]["archived"] is True
    assert found["gone-one"]["path"] == str(path)
    assert found[ID]["archived"] is False


def test_damaged_session_is_listed_as_unreadable_with_its_path(headcount, store):
    create()
    (store / "damaged.jsonl").write_bytes(b"\x00\xff{")
    code, out, _ = headcount("list", "--table")
    assert code == 0
    (row,) = [row for row in out.splitlines() if row.startswith("unreadable")]
    assert str(store / "damaged.jsonl") in row


def test_here_lists_sessions_of_the_current_worktree(headcount, tmp_path):
    tree = tmp_path / "tree"
    (tree / ".git").mkdir(parents=True)
    (tree / "a").mkdir()
    (tree / "b").mkdir()
    create("session-here", cwd=str(tree / "a"))
    create("session-there", cwd=str(tmp_path))
    found = json.loads(headcount("--here", "--json", cwd=tree / "b")[1])["sessions"]
    assert [one["session_id"] for one in found] == ["session-here"]
    (tree / "other").mkdir()
    (tree / "other/.git").touch()
    code, out, err = headcount("--here", cwd=tree / "other")
    assert (code, out) == (0, "")
    assert "in this worktree" in err


def test_here_in_a_deleted_folder_fails_with_a_message(headcount, tmp_path):
    create()
    folder = tmp_path / "gone"
    folder.mkdir()
    script = f'cd "{folder}"; rmdir "{folder}"; exec "$0" -m lib list --here'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable],
        env=environment(tmp_path / "store"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("headcount: cannot read the current folder")


def test_empty_store_is_reported_in_one_sentence_with_exit_0(headcount, store):
    code, out, err = headcount()
    assert (code, out) == (0, "")
    assert err.startswith(f"headcount: no sessions in {store} yet")
    assert "headcount doctor" in err
    assert err.count("\n") == 1
    assert not store.exists()


def test_list_with_archived_sessions_only_does_not_send_to_the_doctor(headcount, store):
    old = timestamps.from_epoch(time.time() - 3 * DAY)
    archive(store, "a", start_time=old, last_heartbeat=old)
    assert headcount()[2] == (
        "headcount: no live session; `headcount list --all` shows archived ones\n"
    )


def test_empty_store_is_an_empty_array_in_json(headcount):
    assert headcount("list", "--json") == (0, '{"v": 1, "sessions": []}\n', "")


def test_list_writes_nothing(headcount, store):
    create()
    (store / "damaged.jsonl").write_text("x")
    before = {path: path.stat().st_mtime_ns for path in [store, *store.iterdir()]}
    for words in (["list", "--all"], ["show", ID], ["cleanup", "--dry-run"]):
        headcount(*words)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert set(store.iterdir()) == before.keys() - {store}
