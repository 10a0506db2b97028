"""The `headcount` command as people and scripts run it: real processes, real files."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from command_line import DAY, HOSTILE, archive, create, environment, write
from support import DEAD_PID, ID, ROOT, lines, types

from lib import __version__, cli, clock, options, sessions

COMMANDS = options.NAMES
KEYS = {
    *("session_id", "verdict", "reasons", "state", "pid", "cwd", "label"),
    *("start_time", "last_heartbeat", "path", "archived"),
}

# ---- list -----------------------------------------------------------------------


def test_an_empty_store_is_one_helpful_sentence_and_no_failure(headcount, store):
    code, out, err = headcount()
    assert (code, out) == (0, "")
    assert err.startswith(f"headcount: no sessions in {store}")
    assert "headcount doctor" in err
    assert err.count("\n") == 1
    assert not store.exists()


def test_an_empty_store_is_an_empty_array_in_json(headcount):
    assert headcount("list", "--json") == (0, "[]\n", "")


def test_list_is_the_default_with_and_without_its_options(headcount):
    create(label="nightly build")
    for words in (["list"], [], ["--all"]):
        code, out, err = headcount(*words)
        assert (code, err) == (0, "")
        assert "nightly build" in out
    assert json.loads(headcount("--json")[1])[0]["session_id"] == ID


def test_list_shows_twenty_sessions_and_each_can_be_typed(headcount):
    ids = [create(f"{number:08d}-same-beginning") for number in range(20)]
    _, out, _ = headcount("list")
    _, *rows = out.splitlines()
    assert sorted(row.split()[1] for row in rows) == [known[:8] for known in ids]
    code, out, _ = headcount("show", rows[7].split()[1])
    assert code == 0


def test_json_has_every_key_also_where_there_is_no_value(headcount, store):
    create(state="busy")
    write(store, "bare-one", pid=None, start_time=None)
    (store / "damaged.jsonl").write_text("not json\n")
    found = {one["session_id"]: one for one in json.loads(headcount("--json")[1])}
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


def test_the_archive_is_listed_with_all_only(headcount, store):
    create()
    path = archive(store, "gone-one")
    assert "gone-one" not in headcount("list")[1]
    _, out, _ = headcount("list", "--all")
    assert "dead, archived" in out
    found = {
        one["session_id"]: one for one in json.loads(headcount("--all", "--json")[1])
    }
    assert found["gone-one"]["archived"] is True
    assert found["gone-one"]["path"] == str(path)
    assert found[ID]["archived"] is False


def test_a_damaged_session_is_listed_as_unreadable_with_its_path(headcount, store):
    create()
    (store / "damaged.jsonl").write_bytes(b"\x00\xff{")
    code, out, _ = headcount("list")
    assert code == 0
    (row,) = [row for row in out.splitlines() if row.startswith("unreadable")]
    assert str(store / "damaged.jsonl") in row


def test_here_is_the_working_tree_of_the_current_folder(headcount, tmp_path):
    tree = tmp_path / "tree"
    (tree / ".git").mkdir(parents=True)
    (tree / "a").mkdir()
    (tree / "b").mkdir()
    create("session-here", cwd=str(tree / "a"))
    create("session-there", cwd=str(tmp_path))
    found = json.loads(headcount("--here", "--json", cwd=tree / "b")[1])
    assert [one["session_id"] for one in found] == ["session-here"]
    (tree / "other").mkdir()
    (tree / "other/.git").touch()
    code, out, err = headcount("--here", cwd=tree / "other")
    assert (code, out) == (0, "")
    assert "this working tree" in err


def test_here_in_a_folder_that_is_gone_says_so(headcount, tmp_path):
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
    assert done.stderr.startswith("headcount: cannot tell the current folder")


def test_hostile_labels_and_folders_reach_no_pipe_and_no_terminal(
    headcount, terminal, store
):
    create(label=HOSTILE, cwd="/" + HOSTILE)
    sessions.append_to_session(ID, {"type": "x", "text": HOSTILE})
    (store / "\x1b[31mfile\u202e.jsonl").write_text(HOSTILE)
    seen = [
        headcount(*words)[1] + terminal(*words, NO_COLOR="1")
        for words in (["list"], ["show", ID], ["--json"], ["show", ID, "--json"])
    ]
    seen += headcount("show", "nope\x1b[31m")[2]
    seen += headcount("show", "\x1b[31mfile")
    shown = "".join(map(str, seen)).split("\n")
    assert [line for line in shown if not line.isprintable()] == []
    assert "日本語 😀" in seen[0]


def test_a_terminal_is_never_too_narrow_and_a_pipe_has_no_width(headcount, terminal):
    label = "日本語のラベル😀" * 12
    create(label=label, cwd="/srv/" + "deep/" * 40)
    from lib.render import width

    rows = terminal("list", NO_COLOR="1").splitlines()
    assert max(map(width, rows)) == 80
    assert label not in rows[1]
    assert label in headcount("list", COLUMNS="40")[1]


def test_colour_is_for_terminals_that_want_it(headcount, terminal):
    create(state="busy")
    assert "\x1b[32mbusy\x1b[0m" in terminal("list")
    assert "\x1b" not in terminal("list", NO_COLOR="1")
    assert "\x1b" not in terminal("list", "--json")
    assert "\x1b" not in headcount("list", TERM="xterm")[1]


def test_what_the_encoding_lacks_is_replaced(headcount):
    create(label="日本語")
    code, out, _ = headcount("list", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert code == 0
    assert "???" in out


def test_a_reader_that_leaves_early_ends_it_quietly(store):
    for number in range(50):
        write(store, f"session-{number:03d}", label="x" * 4000)
    script = '"$0" -m lib list | head -n 1; echo "${PIPESTATUS[0]}"'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable],
        env=environment(store),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[1] in {"0", "141"}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_behind_stdout_is_a_failure_in_words(store):
    create()
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lib", "list"],
            env=environment(store),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("headcount: cannot write to stdout: No space")
    assert done.stderr.count("\n") == 1


def test_closed_standard_streams_do_no_harm(store):
    create()
    for redirected in ("list >&-", "list 2>&-", f"append {ID} note.a - <&-"):
        script = f'"$0" -m lib {redirected}'
        done = subprocess.run(
            ["bash", "-c", script, sys.executable],
            env=environment(store),
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr


def test_an_interrupt_ends_it_with_130_and_without_words(store):
    create()
    command = subprocess.Popen(
        [sys.executable, "-m", "lib", "append", ID, "note.a", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(store),
    )
    stat = f"/proc/{command.pid}/wchan"
    deadline = time.monotonic() + 10
    while "pipe" not in _text(stat) and time.monotonic() < deadline:
        if not os.path.exists("/proc"):
            pytest.skip("only Linux tells that it reads stdin")
        time.sleep(0.01)
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=10)
    assert (command.returncode, err) == (130, b"")
    assert len(lines(store / f"{ID}.jsonl")) == 1


def _text(path):
    with open(path) as file:
        return file.read()


def test_listing_writes_nothing(headcount, store):
    create()
    (store / "damaged.jsonl").write_text("x")
    before = {path: path.stat().st_mtime_ns for path in [store, *store.iterdir()]}
    for words in (["list", "--all"], ["show", ID], ["cleanup", "--dry-run"]):
        headcount(*words)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert set(store.iterdir()) == before.keys() - {store}


def test_a_store_that_cannot_be_read_is_named():
    # Root is refused nothing, so it becomes somebody else, who cannot read pytest's
    # folders or import from root's.
    script = (
        "import os, sys\n"
        "from lib import cli\n"
        "if not os.geteuid():\n"
        "    cli.main(['--json'])  # which imports all that it needs\n"
        "    os.seteuid(65534)\n"
        "sys.exit(cli.main(['list']))"
    )
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        closed = os.path.join(folder, "store")
        os.mkdir(closed, 0o000)
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={"HEADCOUNT_DIR": closed, "HOME": folder, "PYTHONPATH": str(ROOT)},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"headcount: cannot read {closed}: Permission denied")
    assert "headcount doctor" in done.stderr


def test_a_refused_store_is_said_in_one_line(headcount, tmp_path):
    (tmp_path / "out").symlink_to("/etc")
    code, out, err = headcount("list", cwd=tmp_path, HEADCOUNT_DIR="out/x")
    assert (code, out) == (1, "")
    assert err.startswith("headcount: HEADCOUNT_DIR=out/x leads out of")
    assert err.count("\n") == 1


# ---- show -----------------------------------------------------------------------


def test_show_tells_facts_verdict_reasons_entries_and_how_to_resume(
    headcount, tmp_path
):
    folder = tmp_path / "with space"
    folder.mkdir()
    create(label="nightly build", cwd=str(folder), state="waiting")
    sessions.append_to_session(ID, {"type": "build.done", "ok": True})
    code, out, err = headcount("show", ID)
    assert (code, err) == (0, "")
    shown = out.splitlines()
    assert f"session    {ID}" in shown
    assert "label      nightly build" in shown
    assert "verdict    alive" in shown
    assert f"             pid {os.getpid()} is running" in shown
    assert "timeline of 3 entries" in shown
    assert any("  waiting    " in line for line in shown)
    assert "    others  1 build.done" in shown
    assert shown[-1] == f"cd '{folder}' && claude --resume {ID}"


def test_show_gives_the_last_entries_asked_for_and_json_all(headcount):
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


def test_a_unique_beginning_is_enough(headcount):
    create("6f2a1b3c-one")
    create("77777777-two")
    assert headcount("show", "6")[1].startswith("session    6f2a1b3c-one\n")


def test_an_ambiguous_beginning_lists_the_candidates_and_exits_4(headcount):
    create("6f2a1b3c-one", label="nightly")
    create("6f2a1b3c-two")
    for words in (["show", "6f2a"], ["append", "6f2a", "x"], ["label", "6f2a", "x"]):
        code, out, err = headcount(*words)
        assert (code, out) == (4, "")
        first, *candidates = err.splitlines()
        assert first.startswith("headcount: 2 sessions begin with 6f2a")
        assert candidates == ["  6f2a1b3c-one  nightly", "  6f2a1b3c-two"]


def test_a_whole_id_goes_before_a_beginning_even_from_the_archive(headcount, store):
    create("nightly-2")
    create("weekly")
    create("weekly-2")
    archive(store, "nightly")
    assert headcount("show", "weekly")[1].startswith("session    weekly\n")
    assert headcount("show", "nightly")[1].startswith("session    nightly\n")


def test_a_live_session_goes_before_an_archived_one(headcount, store):
    create("6f2a1b3c-live")
    archive(store, "6f2a1b3c-filed")
    archive(store, "99999999-filed")
    assert headcount("show", "6f2a")[1].startswith("session    6f2a1b3c-live\n")
    _, out, _ = headcount("show", "9999")
    assert out.startswith("session    99999999-filed\n")
    assert "(archived)" in out


def test_of_a_session_archived_twice_the_newer_file_is_shown(headcount, store):
    first = archive(store, ID, last_heartbeat=clock.stamp(time.time() - 3 * DAY))
    second = archive(store, ID, last_heartbeat=clock.stamp(time.time() - 2 * DAY))
    assert first != second
    assert json.loads(headcount("show", ID, "--json")[1])["path"] == str(second)


@pytest.mark.parametrize(
    "words",
    [["show", "nope"], ["append", "nope", "x"], ["label", "../x", "y"]],
    ids=["show", "append", "label"],
)
def test_an_unknown_id_exits_3_and_says_where_it_was_looked_for(
    headcount, store, words
):
    create()
    code, out, err = headcount(*words)
    assert (code, out) == (3, "")
    assert err.startswith(f"headcount: no session {words[1]} in {store}")
    assert "headcount list --all" in err


def test_show_says_which_lines_are_damaged(headcount, store):
    create()
    path = store / f"{ID}.jsonl"
    with path.open("ab") as file:
        file.write(b"torn\x1b[31m\n" * 7)
    code, out, err = headcount("show", ID)
    assert code == 0
    assert "timeline of 1 entry\n" in out
    said = err.splitlines()
    assert said[0] == f"headcount: {path}: line 2 is damaged, passed over"
    assert len(said) == 4
    assert said[-1].endswith("5 more such lines")  # the last of them sums up


def test_an_unreadable_session_is_shown_as_far_as_it_goes(headcount, store):
    store.mkdir()
    (store / "damaged.jsonl").write_text('{"type": "note.a", "text": "still here"}\n')
    code, out, _ = headcount("show", "damaged")
    assert code == 0
    assert "verdict    unreadable" in out
    assert "still here" in out
    assert "claude --resume" not in out


# ---- cleanup --------------------------------------------------------------------


def test_cleanup_archives_what_is_over_and_says_what_and_why(headcount, store):
    create()
    write(store, "dead-one")
    write(store, "old-one", last_heartbeat=clock.stamp(time.time() - 2 * DAY), pid=None)
    code, out, err = headcount("cleanup")
    assert (code, err) == (0, "")
    *moved, summary = out.splitlines()
    assert f"dead-one  dead  pid {DEAD_PID} is gone" in moved
    assert len(moved) == 2
    assert summary == "archived 2 of 3 sessions"
    assert [path.name for path in store.glob("*.jsonl")] == [f"{ID}.jsonl"]
    assert headcount("cleanup")[1] == "archived 0 of 1 session\n"


def test_a_dry_run_says_what_would_be_and_moves_nothing(headcount, store):
    path = write(store, "dead-one")
    code, out, _ = headcount("cleanup", "--dry-run")
    assert code == 0
    assert out.splitlines()[-1] == "would archive 1 of 1 session"
    assert path.exists()
    assert json.loads(headcount("cleanup", "--dry-run", "--json")[1])["dry_run"] is True
    assert path.exists()


def test_cleanup_in_json_has_the_sessions_with_their_new_paths(headcount, store):
    write(store, "dead-one")
    done = json.loads(headcount("cleanup", "--json")[1])
    assert (done["dry_run"], done["sessions"], done["problems"]) == (False, 1, [])
    (moved,) = done["archived"]
    assert moved.keys() >= KEYS
    assert moved["archived"] is True
    assert os.path.exists(moved["path"])


def test_cleanup_says_what_it_could_not_move_and_exits_1(headcount, store):
    write(store, "dead-one")
    (store / "archive").write_text("in the way")
    code, out, err = headcount("cleanup")
    assert code == 1
    assert out == "archived 0 of 1 session\n"
    assert err.startswith(f"headcount: {store / 'dead-one.jsonl'} was left where it is")
    assert (store / "dead-one.jsonl").exists()


# ---- append, label --------------------------------------------------------------


def test_append_adds_one_entry_and_prints_its_id(headcount, store):
    create()
    code, out, err = headcount("append", ID[:8], "build.done", '{"ok": true}')
    assert (code, err) == (0, "")
    entry = lines(store / f"{ID}.jsonl")[-1]
    assert (entry["type"], entry["ok"], entry["session_id"]) == ("build.done", True, ID)
    assert out == entry["id"] + "\n"


def test_append_reads_the_fields_from_stdin_or_does_without(headcount, store):
    create()
    headcount("append", ID, "note.a", "-", stdin='{"text": "日本語"}\n')
    headcount("append", ID, "note.b")
    first, second = lines(store / f"{ID}.jsonl")[1:]
    assert (first["type"], first["text"]) == ("note.a", "日本語")
    assert second["type"] == "note.b"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["heartbeat"], "Headcount's own", id="reserved"),
        pytest.param(["Bad Type"], "is no type", id="bad-type"),
        pytest.param(["x", "{"], "is not JSON", id="not-json"),
        pytest.param(["x", "[1]"], "no JSON object", id="no-object"),
        pytest.param(["x", '{"n": 1e999}'], "not JSON", id="infinite"),
        pytest.param(["x", "[" * 100_000], "is not JSON", id="deep"),
        pytest.param(["x", '{"type": "y"}'], "has the type 'y'", id="two-types"),
        pytest.param(["x", '{"session_id": "y"}'], "'y', not", id="two-ids"),
        pytest.param(["x", "-"], "stdin is not JSON", id="empty-stdin"),
    ],
)
def test_an_entry_that_cannot_be_exits_2_and_writes_nothing(
    headcount, store, words, says
):
    create()
    code, out, err = headcount("append", ID, *words)
    assert (code, out) == (2, "")
    assert err.startswith("headcount: ")
    assert says in err
    assert err.count("\n") == 1
    assert len(lines(store / f"{ID}.jsonl")) == 1


def test_an_entry_over_the_limit_exits_2_and_names_the_size(headcount):
    create()
    fields = json.dumps({"text": "x" * 70_000})
    code, _, err = headcount("append", ID, "x", "-", stdin=fields)
    assert code == 2
    assert "70" in err
    assert "65536" in err


def test_append_brings_an_archived_session_back_and_says_so(headcount, store):
    archive(store, "gone-one")
    code, _, err = headcount("append", "gone", "note.a")
    assert code == 0
    assert "brought back from the archive" in err
    assert types(store / "gone-one.jsonl") == ["session_metadata", "note.a"]


def test_nothing_is_added_to_a_file_without_metadata(headcount, store):
    store.mkdir()
    path = store / "damaged.jsonl"
    path.write_text("not json\n")
    code, _, err = headcount("label", "damaged", "x")
    assert code == 1
    assert err.startswith(f"headcount: {path} holds no valid metadata")
    assert path.read_text() == "not json\n"


def test_a_lock_that_another_holds_is_a_failure_in_words(store, monkeypatch, capsys):
    create()
    monkeypatch.setattr(sessions.PATIENT, "seconds", 0.1)
    path = store / f"{ID}.jsonl"
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code = cli.main(["append", ID, "note.a"])
    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert err.startswith(f"headcount: cannot lock {path}")
    assert len(lines(path)) == 1


def test_label_gives_changes_and_takes_away_a_label(headcount, store):
    create()

    def label():
        return json.loads(headcount("--json")[1])[0]["label"]

    assert headcount("label", ID, "nightly build") == (0, "", "")
    entry = lines(store / f"{ID}.jsonl")[-1]
    assert (entry["type"], entry["source"]) == ("session_update", "person")
    assert label() == "nightly build"
    headcount("label", ID[:8], "-")
    assert label() == "-"
    headcount("label", ID, "")
    assert label() is None


# ---- how it is called -----------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["lst"], id="no-such-command"),
        pytest.param(["list", "--al"], id="abbreviated"),
        pytest.param(["show"], id="no-id"),
        pytest.param(["show", ""], id="empty-id"),
        pytest.param(["label", ID], id="no-text"),
        pytest.param(["list", "\x1b[31m"], id="surplus"),
    ],
)
def test_a_wrong_call_exits_2_with_one_line(headcount, words):
    code, out, err = headcount(*words)
    assert (code, out) == (2, "")
    assert err.startswith("headcount: ")
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()


def test_help_has_every_command_and_an_example_of_each(headcount):
    _, out, _ = headcount("--help")
    assert all(f"    {command} " in out for command in COMMANDS)
    for command in COMMANDS:
        code, out, err = headcount(command, "--help")
        assert (code, err) == (0, "")
        assert re.search("^Examples?:\n  headcount", out, re.MULTILINE)


def test_version_is_the_packages(headcount):
    assert headcount("--version") == (0, f"headcount {__version__}\n", "")


def test_it_runs_isolated_as_the_installed_command_does(store):
    create()
    script = (
        "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); "
        "runpy.run_module('lib', run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script, str(ROOT), "list"],
        env=environment(store),
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert ID[:8] in done.stdout
    assert done.stderr == ""
