"""The `headcount` command as people and scripts run it: real processes, real files."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from command_line import HOSTILE, create, environment, write
from support import ID, ROOT, lines

from lib import __version__, sessions
from lib.cli import main, spec
from lib.cli.commands import restore
from lib.record import timestamps

COMMANDS = spec.NAMES


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
    shown = re.split("[\n\t]", "".join(map(str, seen)))
    assert [text for text in shown if not text.isprintable()] == []
    assert "日本語 😀" in seen[0]


def test_rows_fit_80_columns_on_a_terminal_and_are_whole_in_a_pipe(headcount, terminal):
    label = "日本語のラベル😀" * 12
    create(label=label, cwd="/srv/" + "deep/" * 40)
    from lib.cli.terminal.width import width

    rows = terminal("list", NO_COLOR="1").splitlines()
    assert max(map(width, rows)) == 80
    assert label not in rows[1]
    assert label in headcount("list", "--table", COLUMNS="40")[1]


def test_colour_is_used_only_on_terminals_that_want_it(headcount, terminal):
    create(state="busy")
    assert "\x1b[32mbusy\x1b[0m" in terminal("list")
    assert "\x1b" not in terminal("list", NO_COLOR="1")
    assert "\x1b" not in terminal("list", "--json")
    assert "\x1b" not in headcount("list", "--table", TERM="xterm")[1]


def test_characters_outside_the_encoding_are_replaced(headcount):
    create(label="日本語")
    code, out, _ = headcount(
        "list", "--table", PYTHONUTF8="0", PYTHONIOENCODING="ascii"
    )
    assert code == 0
    assert "???" in out


def test_closed_pipe_ends_a_command_silently(store):
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
def test_full_disk_behind_stdout_fails_with_a_message(store):
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


def test_commands_work_with_closed_standard_streams(store):
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


@pytest.mark.usefixtures("interruptible")
def test_interrupt_exits_130_silently(store):
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


def test_unreadable_store_is_named_in_the_error():
    # Root is refused nothing, so it becomes somebody else, who cannot read pytest's
    # folders or import from root's.
    script = (
        "import os, sys\n"
        "from lib.cli import main\n"
        "if not os.geteuid():\n"
        "    main.main(['--json'])  # which imports all that it needs\n"
        "    os.seteuid(65534)\n"
        "sys.exit(main.main(['list']))"
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


def test_refused_store_is_reported_in_one_line(headcount, tmp_path):
    (tmp_path / "out").symlink_to("/etc")
    code, out, err = headcount("list", cwd=tmp_path, HEADCOUNT_DIR="out/x")
    assert (code, out) == (1, "")
    assert err.startswith("headcount: HEADCOUNT_DIR=out/x leads out of")
    assert err.count("\n") == 1


def test_bug_is_reported_with_traceback_and_versions_and_exits_1(
    monkeypatch, store, capsys
):
    def run(_):
        raise KeyError(HOSTILE)

    monkeypatch.setattr(restore, "run", run)
    assert main.main(["restore", ID]) == main.FAILED
    out, err = capsys.readouterr()
    first, *traceback = err.removesuffix("\n").split("\n")
    assert out == ""
    assert first.startswith("headcount: unexpected error, a bug in headcount")
    assert __version__ in first
    assert sys.version.split()[0] in first
    assert traceback[0].startswith("Traceback")
    assert traceback[-1].startswith("KeyError: ")
    assert all(line.isprintable() for line in traceback)


# ---- how it is called -----------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["lst"], id="no-such-command"),
        pytest.param(["list", "--al"], id="abbreviated"),
        pytest.param(["show"], id="no-id"),
        pytest.param(["show", ""], id="empty-id"),
        pytest.param(["label", ID], id="no-text"),
        pytest.param(["list", "a", "\x1b[31m"], id="surplus"),
    ],
)
def test_wrong_usage_exits_2_with_one_line(headcount, words):
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


def test_version_option_prints_the_package_version(headcount):
    assert headcount("--version") == (0, f"headcount {__version__}\n", "")


def test_command_runs_isolated_as_the_installed_command_does(store):
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


@pytest.mark.parametrize("value", ["banana", "0", "-1", "nan", "inf", "1e-9", "0.99"])
def test_invalid_ttl_is_reported_once_and_the_default_is_used(headcount, store, value):
    yesterday = timestamps.from_epoch(time.time() - 25 * 3600)
    write(store, ID, pid=os.getpid(), last_heartbeat=yesterday)
    code, out, err = headcount("show", ID, HEADCOUNT_TTL_HOURS=value)
    assert code == 0
    assert err == (
        f"headcount: HEADCOUNT_TTL_HOURS is '{value}', which is not a number of hours "
        "from 1 on; the default of 24 is used\n"
    )
    assert "(the limit is 24 h)" in out
    assert headcount("list", HEADCOUNT_TTL_HOURS="22")[2] == ""


def test_invalid_ttl_is_not_reported_by_commands_without_verdicts(headcount):
    for words in (["completion", "bash"], ["help"], ["--version"]):
        assert headcount(*words, HEADCOUNT_TTL_HOURS="banana")[2] == ""
