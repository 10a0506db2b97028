"""`headcount recover --open tmux` and `recover SESSION...`, with a real tmux."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from command_line import archive, create, write
from multiplexers import Tmux, needs_tmux, wait_for
from support import ID, ROOT

from lib import sessions
from lib.record import timestamps

OTHER = "0aa1f931-8a2e-4bc2-841e-e420ad80648c"
RECOVER = [sys.executable, "-m", "lib", "recover", "--open", "tmux"]


@pytest.fixture
def claude(tmp_path):
    """Install a stand-in for the client, which notes how it was started, and stays."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/claude"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$* in $(pwd -P) with $CLAUDE_CONFIG_DIR" >>{tmp_path}/started\n'
        "exec cat\n"
    )
    program.chmod(0o755)
    return f"{tmp_path}/bin:{os.environ['PATH']}"


@pytest.fixture
def tmux(store, tmp_path, claude):
    """The default tmux server of this test, which is not running yet."""
    folder = tmp_path / f"tmux-{os.geteuid()}"
    folder.mkdir(mode=0o700)
    server = Tmux(folder / "default", store, PATH=claude, TMUX_TMPDIR=str(tmp_path))
    yield server
    server.close()


@pytest.fixture
def recover(store, tmux):
    """Run `headcount recover`; return its exit code, stdout and stderr."""

    def run(*words):
        done = subprocess.run(
            [*RECOVER[:-2], *words],
            env=tmux.env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def started(tmp_path, number):
    """The lines that so many clients have noted."""
    log = tmp_path / "started"
    wait_for(
        lambda: log.exists() and len(log.read_text().splitlines()) >= number,
        f"{number} clients start",
    )
    return sorted(log.read_text().splitlines())


def windows(tmux):
    return tmux("list-windows", "-a", "-F", "#{session_name}:#{window_index}").split()


@needs_tmux
def test_open_resumes_each_session_in_its_folder_and_never_twice(
    recover, tmux, store, tmp_path
):
    folder = tmp_path / "it's #(touch made) $(touch made) #{pid}"
    folder.mkdir()
    write(store, ID, cwd=str(folder), label="#(touch made) publish")
    archive(store, OTHER, cwd=str(tmp_path))
    create("lives")
    code, said, told = recover("--open", "tmux")
    lines = [f"headcount:{number}  " for number in (0, 1)]
    assert [line[: len(lines[0])] for line in said.splitlines()] == lines
    assert {line.split("  ")[1] for line in said.splitlines()} == {ID, OTHER}
    assert (code, told) == (0, "headcount: `tmux attach -t headcount` shows them\n")
    assert started(tmp_path, 2) == sorted(
        [
            f"--resume {OTHER} in {tmp_path} with ",
            f"--resume {ID} in {folder} with ",
        ]
    )
    code, said, told = recover("--open", "tmux")
    assert (code, said) == (1, "")
    assert f"{ID} was not resumed: it is being resumed in tmux headcount:" in told
    assert len(windows(tmux)) == 2
    assert list(tmp_path.rglob("made")) == []


@needs_tmux
def test_two_at_once_open_one_window_for_each_session(tmux, store, tmp_path):
    for number in range(4):
        write(store, f"s{number}-lost", cwd=str(tmp_path))
    both = [
        subprocess.Popen(
            RECOVER,
            env=tmux.env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    for process in both:
        process.wait(60)
    started(tmp_path, 4)
    assert len(windows(tmux)) == 4


@needs_tmux
def test_open_uses_the_tmux_session_that_it_runs_in(tmux, store, tmp_path):
    write(store, ID, cwd=str(tmp_path))
    tmux.start("work", "cat")
    command = ["sh", "-c", 'cd "$0" && exec "$@"', str(ROOT), *RECOVER]
    tmux("new-window", "-d", "-t", "work:", *command)
    (line,) = started(tmp_path, 1)
    assert line == f"--resume {ID} in {tmp_path} with "
    assert {window.split(":")[0] for window in windows(tmux)} == {"work"}


@needs_tmux
def test_session_that_came_back_in_the_meantime_is_not_opened(tmux, store, tmp_path):
    write(store, ID, cwd=str(tmp_path))
    code = (
        "from lib import sessions; from lib.cli import main, reopening; "
        "opens = reopening.open_windows; "
        f"resume = lambda: sessions.resume_session({ID!r}, source='resume'); "
        "reopening.open_windows = lambda found: (resume(), opens(found))[1]; "
        "raise SystemExit(main.main(['recover', '--open', 'tmux']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=tmux.env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{ID} was not resumed: it is open in pid" in done.stderr
    assert not (tmp_path / "started").exists()


@needs_tmux
def test_open_gives_the_client_the_config_folder_of_the_transcript(
    recover, tmux, store, tmp_path
):
    transcript = tmp_path / f"other/projects/-p/{ID}.jsonl"
    transcript.parent.mkdir(parents=True)
    transcript.touch()
    write(store, ID, cwd=str(tmp_path), transcript_path=str(transcript))
    assert recover("--open", "tmux")[0] == 0
    (line,) = started(tmp_path, 1)
    assert line == f"--resume {ID} in {tmp_path} with {tmp_path}/other"


@needs_tmux
def test_window_of_a_client_that_fails_stays_and_is_no_obstacle(
    recover, tmux, store, tmp_path
):
    write(store, ID, cwd=str(tmp_path))
    os.mkfifo(tmp_path / "go")
    program = tmp_path / "bin/claude"
    program.write_text(
        f"#!/bin/sh\nread line <{tmp_path}/go; echo no network; exit 7\n"
    )
    assert recover("--open", "tmux")[0] == 0
    (tmp_path / "go").write_text("\n")
    dead = ("list-panes", "-a", "-F", "#{pane_dead}")
    wait_for(lambda: tmux(*dead) == "1", "the client fails")
    shown = ("capture-pane", "-p", "-S", "-", "-t", "headcount:0")
    wait_for(lambda: "no network" in tmux(*shown), "the window says why")
    assert recover("--open", "tmux")[0] == 0
    assert len(windows(tmux)) == 2


@needs_tmux
def test_window_that_closes_at_once_is_an_error(recover, tmux, store, tmp_path):
    write(store, ID, cwd=str(tmp_path))
    real = shutil.which("tmux")
    fake = tmp_path / "bin/tmux"
    fake.write_text(  # as if the client had ended by then
        f"#!/bin/sh\n[ $1 != set-option ] || exec {real} kill-window -t headcount\n"
        f'exec {real} "$@"\n'
    )
    fake.chmod(0o755)
    code, said, told = recover("--open", "tmux")
    assert (code, said) == (1, "")
    assert told == f"headcount: {ID} was not resumed: its window closed at once\n"


def test_open_without_tmux_says_so(headcount, store, tmp_path, claude):
    write(store, ID, cwd="/")
    (tmp_path / "bin/env").symlink_to(shutil.which("env"))
    code, said, told = headcount("recover", "--open", "tmux", PATH=f"{tmp_path}/bin")
    assert (code, said) == (1, "")
    assert f"{ID} was not resumed: tmux" in told
    assert "No such file or directory" in told


# ---- Sessions by name -----------------------------------------------------------


def test_recover_lists_only_the_sessions_that_are_named_however_old(headcount, store):
    old = timestamps.from_epoch(1e9)
    write(store, ID, start_time=old, last_heartbeat=old, label="nightly")
    write(store, OTHER)
    code, said, told = headcount("recover", "--json", "nightly")
    found = [session["session_id"] for session in json.loads(said)["sessions"]]
    assert (code, found, told) == (0, [ID], "")


def test_named_session_that_did_not_end_uncleanly_is_reported(headcount, store):
    create(ID)
    write(store, OTHER)
    sessions.close_session(create("closed"))
    code, said, told = headcount("recover", "--print0", ID, OTHER[:6], "closed")
    assert code == 1
    assert said == f"claude --resume {OTHER}\0"
    assert f"headcount: {ID} did not end uncleanly: pid {os.getpid()} is" in told
    assert "headcount: closed did not end uncleanly: closed" in told


@pytest.mark.parametrize(
    "words",
    [
        ["x", "--all"],
        ["x", "--here"],
        ["x", "--since", "1d"],
        ["--open=tmux", "--json"],
    ],
    ids=" ".join,
)
def test_options_that_exclude_each_other_exit_2(headcount, store, words):
    code, said, told = headcount("recover", *words)
    assert (code, said) == (2, "")
    assert "exclude" in told
