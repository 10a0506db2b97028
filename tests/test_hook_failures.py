"""The hooks as installed, when something is wrong: they do no harm, and log it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest
from support import (
    DEAD_PID,
    ID,
    ROOT,
    SCRIPTS,
    Client,
    bare_command,
    errors,
    hook_command,
    lines,
    payload,
    types,
    waiting_hook,
)

from lib import hook, sessions
from lib.record import timestamps
from lib.system import deadline


@pytest.mark.parametrize(
    "stdin",
    [
        pytest.param("", id="empty"),
        pytest.param("garbage", id="no-json"),
        pytest.param("[]", id="list"),
        pytest.param("null", id="null"),
        pytest.param("{}", id="no-id"),
        pytest.param('{"session_id": 7}', id="number-as-id"),
        pytest.param('{"session_id": ["a"]}', id="list-as-id"),
        pytest.param('{"session_id": "../../x"}', id="id-that-climbs"),
        pytest.param('{"session_id": "/etc/x"}', id="absolute-id"),
        pytest.param('{"session_id": "a\\u0000b"}', id="nul-in-id"),
        pytest.param('{"session_id": "' + "x" * 300 + '"}', id="long-id"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('\ufeff{"session_id": ""}', id="byte-order-mark"),
    ],
)
@pytest.mark.parametrize("script", sorted(set(SCRIPTS.values())))
def test_invalid_payload_is_logged_and_writes_nothing(store, script, stdin):
    done = subprocess.run(
        ["sh", "-c", bare_command(script)],
        input=stdin.encode(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert [path.name for path in store.iterdir()] == ["errors.log"]
    assert errors(store).count("\n") == 1


@pytest.mark.parametrize("script", sorted(set(SCRIPTS.values())))
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_hook_works_with_closed_standard_streams(store, client, script, closed):
    """The next file to be opened gets its descriptor; nothing may be written there."""
    sessions.create_session(session_id="other-id", cwd="/home/user/project")
    before = (store / "other-id.jsonl").read_bytes()
    command = bare_command(script)
    done = client.run(f"{command} {closed}; echo $?", json.dumps(payload("Stop")))
    said = done["stdout"].splitlines()
    assert (said[-1], done["stderr"]) == ("0", "")
    assert (len(said) == 1) is (script != "session_start" or closed != "2>&-")
    path = store / f"{ID}.jsonl"
    assert (store / "other-id.jsonl").read_bytes() == before
    if "<&-" in closed:
        assert not path.exists()
    else:
        assert types(path)[0] == "session_metadata"
        assert errors(store) == ""


def test_hook_does_not_wait_for_a_stdin_that_stays_open(store, client):
    command = f"(printf '%s' '{json.dumps(payload('Stop'))}'; sleep 60) | "
    process = subprocess.Popen(
        ["sh", "-c", command + hook_command("stop")], start_new_session=True
    )
    try:
        deadline = 50
        while not (store / f"{ID}.jsonl").exists() and deadline:
            deadline -= 1
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        assert types(store / f"{ID}.jsonl")[0] == "session_metadata"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_hook_reads_an_endless_stdin_only_to_the_limit(store, client):
    limit = 8 * 1024 * 1024
    command = bare_command("stop")
    done = client.run(f"yes '{{' | {command}; echo ended", "")
    assert (done["stdout"], done["stderr"]) == ("ended\n", "")
    said = errors(store)
    assert "stdin is not one JSON object" in said
    assert int(said.rpartition("(")[2].split()[0]) <= limit + (1 << 16)


def test_hook_does_not_wait_for_a_terminal_on_stdin(store):
    ours, theirs = pty.openpty()
    command = bare_command("stop")
    done = subprocess.run(["sh", "-c", command], stdin=theirs, check=False, timeout=60)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0
    assert "stdin is not one JSON object (0 bytes)" in errors(store)


def test_hook_ends_in_time_with_a_blocked_alarm_signal(store):
    """The signal mask is inherited, and of the shells only dash resets it."""
    code = (
        "import os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n"
        "os.execvp('bash', ['sh', '-c', sys.argv[1]])\n"
    )
    hook = subprocess.Popen(
        [sys.executable, "-c", code, hook_command("stop")], stdin=subprocess.PIPE
    )
    hook.stdin.write(json.dumps(payload("Stop")).encode())
    hook.stdin.flush()  # and it stays open
    assert hook.wait(60) == 0
    hook.stdin.close()
    assert types(store / f"{ID}.jsonl") == ["session_metadata", "turn_close"]


def test_hook_waits_longer_for_a_payload_to_begin_than_to_end():
    code = "import sys; sys.path.insert(0, sys.argv[1])\nfrom lib import hook\n"
    code += "hook.DEADLINE_SECONDS, hook.PAYLOAD_SECONDS = 120, 60\n"
    code += "print('ready', flush=True)\nprint(hook.read_payload(until_eof=True))\n"
    reader = subprocess.Popen(
        [sys.executable, "-c", code, ROOT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout.readline() == "ready\n"
    time.sleep(hook.STDIN_SECONDS * 2)  # as a busy client may
    reader.stdin.write("{}")
    reader.stdin.flush()  # and it stays open
    assert reader.stdout.readline() == "{}\n"
    assert reader.wait(60) == 0
    reader.stdin.close()
    reader.stdout.close()


def test_hook_waits_for_a_nonblocking_stdin(store):
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    hook = subprocess.Popen(["sh", "-c", hook_command("stop")], stdin=reading)
    raw = json.dumps(payload("Stop")).encode()
    time.sleep(0.1)  # by then it is reading, unless the machine is busy
    os.write(writing, raw)
    os.close(writing)
    assert hook.wait(60) == 0
    os.close(reading)
    assert types(store / f"{ID}.jsonl") == ["session_metadata", "turn_close"]


@pytest.mark.parametrize(
    "stays_open", [False, True], ids=["stdin-closed", "stdin-open"]
)
def test_hook_stopped_past_its_deadline_still_records_its_event(store, stays_open):
    """As on a machine that is overloaded, or that slept."""
    hook = waiting_hook("stop")
    hook.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, hook.pid, os.WSTOPPED | os.WNOWAIT)
    hook.stdin.write(json.dumps(payload("Stop")).encode())
    hook.stdin.flush()
    if not stays_open:
        hook.stdin.close()
    time.sleep(1)  # longer than the deadline
    hook.send_signal(signal.SIGCONT)
    assert hook.wait(60) == 0
    if stays_open:
        hook.stdin.close()
    assert types(store / f"{ID}.jsonl") == ["session_metadata", "turn_close"]


FAILURES = [
    *("ValueError('no')", "OSError(28, 'No space left')", "SystemExit(2)"),
    *("KeyboardInterrupt", "MemoryError", "RecursionError", "GeneratorExit"),
]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("script", sorted(set(SCRIPTS.values())))
def test_hook_logs_any_error_as_one_line(store, script, failure):
    """Nothing is on stdout or stderr, not even what other code prints."""
    code = (
        f"import sys, warnings; sys.path.insert(0, {str(ROOT)!r})\n"
        "from lib import hook, sessions\n"
        "def fail(*_, **__):\n"
        "    print('noise'); print('noise', file=sys.stderr); warnings.warn('noise')\n"
        f"    raise {failure}\n"
        "for name in ('resume_session', 'update_heartbeat', 'close_session'):\n"
        "    setattr(sessions, name, fail)\n"
        f"hook.run(hook.{script})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(payload("Stop")).encode(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    (line,) = errors(store).splitlines()
    when, version, said = line.split(" ", 2)
    assert timestamps.is_timestamp(when)
    assert version.count(".") == 2
    assert said.startswith(f"{script}: {failure.partition('(')[0]}: ")


def test_hook_keeps_its_deadline_after_a_failed_step(store, client):
    """The notice fails, then the cleanup hangs, and the hook still ends in time."""
    code = (
        f"import sys, time; sys.path.insert(0, {str(ROOT)!r})\n"
        "from lib import hook, sessions; from lib.views import notice\n"
        "def fail(*_): raise ValueError('on purpose')\n"
        "notice.collision_notice = fail\n"
        "sessions.auto_cleanup = lambda *_: time.sleep(600)\n"
        "hook.run(hook.session_start)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(payload("SessionStart")).encode(),
        check=False,
        timeout=60,
    )
    assert done.returncode == 0
    assert "ValueError: on purpose" in errors(store)
    assert "DeadlineExceeded: not done within" in errors(store)


@pytest.mark.parametrize("hang_at", ["before", "after"])
def test_hook_retries_an_entry_missed_at_the_deadline(store, hang_at):
    """As on a busy machine. A hook that has recorded its event does not try again."""
    code = (
        f"import sys, time; sys.path.insert(0, {str(ROOT)!r})\n"
        "from lib import hook, sessions\n"
        "begin, calls = sessions.resume_session, []\n"
        "def late(*a, **k):\n"
        "    calls.append(1)\n"
        f"    if {hang_at == 'before'} and len(calls) == 1: time.sleep(600)\n"
        "    begin(*a, **k)\n"
        "sessions.resume_session = late\n"
        "hang = lambda *_: time.sleep(600)\n"
        f"if {hang_at == 'after'}: sessions.auto_cleanup = hang\n"
        "hook.run(hook.session_start)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(payload("SessionStart")).encode(),
        check=True,
        timeout=60,
    )
    assert types(store / f"{ID}.jsonl") == ["session_metadata"]
    assert ("retrying" in errors(store)) is (hang_at == "before")


@pytest.mark.parametrize("event", ["SessionStart", "UserPromptSubmit"])
def test_hook_records_its_event_although_the_disk_of_the_worktree_hangs(store, event):
    """The branch is left out; a read that never ends stands in for a dead mount."""
    code = (
        f"import sys, time; sys.path.insert(0, {str(ROOT)!r})\n"
        "from lib import hook; from lib.system import git\n"
        "git.Worktrees.root = lambda *_: time.sleep(600)\n"
        f"hook.run(hook.{SCRIPTS[event]})\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(payload(event)).encode(),
        env={**os.environ, "HEADCOUNT_QUIET": "1"},
        check=True,
        timeout=60,
    )
    expected = ["session_metadata", "heartbeat"][: 1 + (event != "SessionStart")]
    assert types(store / f"{ID}.jsonl") == expected
    assert "retrying" in errors(store)


def test_hook_of_a_plugin_ends_before_the_client_cancels_a_session_end():
    """Which is 1.5 s after it began. The interpreter takes a part of that."""
    assert hook.DEADLINE_SECONDS + hook.PLUGIN_RETRY_SECONDS <= 1.25


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        pytest.param(["1"], hook.RETRY_SECONDS, id="settings"),
        pytest.param(["1", "plugin"], hook.PLUGIN_RETRY_SECONDS, id="plugin"),
    ],
)
def test_hook_has_less_time_to_retry_in_a_plugin(words, seconds, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["hook", *words])
    alarms = []
    monkeypatch.setattr(deadline, "alarm", alarms.append)
    calls = iter([deadline.DeadlineExceeded(), None])

    def action(_):
        if error := next(calls):
            raise error

    hook._run_with_retry(action, hook.Event({}, 1))

    assert alarms == [seconds]


@pytest.mark.parametrize("event", ["UserPromptSubmit", "Stop", "SessionEnd"])
def test_torn_line_loses_no_later_event(store, client, event):
    """As installed: what a hook has not imported matters (see `jsonl.decode`)."""
    client.fire("SessionStart", source="startup")
    path = store / f"{ID}.jsonl"
    for torn in (
        b'{"type":"heartbeat","v":1,"i',
        b"{",
        b'{"a":tru',
        b"\0\0\0",
        b'{"a":"\n',
    ):
        with path.open("ab") as file:
            file.write(torn)
        client.fire(event, reason="other")
        client.fire("SessionStart", source="resume")
        last = sessions.load_session_jsonl(path)[-2:]
        assert [entry.get("event", entry["type"]) for entry in last] == [
            "session_close" if event == "SessionEnd" else event,
            "session_resume",
        ]
    assert errors(store) == ""


@pytest.mark.parametrize("script", sorted(set(SCRIPTS.values())))
def test_stopped_lock_holder_loses_no_entry(store, client, script):
    client.fire("SessionStart", source="startup")
    path = store / f"{ID}.jsonl"
    before = len(lines(path))
    hold = (
        "import fcntl, os, sys, time; f = open(sys.argv[1]); "
        "fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, path], stdout=subprocess.PIPE
    )
    try:
        holder.stdout.readline()
        holder.send_signal(signal.SIGSTOP)
        event = next(event for event in SCRIPTS if SCRIPTS[event] == script)
        client.fire(event, source="resume")
        assert len(lines(path)) == before + 1
        assert "written without the lock" in errors(store)
    finally:
        holder.kill()
        holder.communicate()


def test_hooks_record_where_the_file_system_has_no_locks(store, client):
    """Such as a network file system without its lock service."""
    if not os.path.exists("/usr/bin/strace"):
        pytest.skip("strace is not installed")
    trace = "strace -f -qq -o /dev/null -e inject=flock:error=ENOSYS"
    sessions.create_session(session_id="away", pid=DEAD_PID)
    sessions.archive_session(store / "away.jsonl")  # made before the locks were gone
    command = f"{trace} {hook_command('stop')}"
    client.run(command, json.dumps(payload("Stop", "away")))
    assert types(store / "away.jsonl") == ["session_metadata", "turn_close"]
    for event in ("SessionStart", "UserPromptSubmit", "Stop", "SessionEnd"):
        command = f"{trace} {hook_command(SCRIPTS[event])}"
        done = client.run(command, json.dumps(payload(event)))
        assert done == {"status": 0, "stdout": "", "stderr": ""}
    assert types(store / f"{ID}.jsonl") == [
        *("session_metadata", "heartbeat", "turn_close", "session_close")
    ]
    assert "does its file system support locks?" in errors(store)


def test_unwritable_store_blocks_no_hook(store, client, tmp_path):
    (tmp_path / "file").write_text("")
    for event in SCRIPTS:
        assert client.fire(event, env={"HEADCOUNT_DIR": str(tmp_path / "file/x")}) == ""


def test_relative_store_is_in_the_project_and_ignored_by_git(client, tmp_path):
    env = {"HEADCOUNT_DIR": ".headcount", "CLAUDE_PROJECT_DIR": str(tmp_path)}
    client.fire("SessionStart", env=env)
    assert (tmp_path / f".headcount/{ID}.jsonl").exists()
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    status = ["git", "-C", str(tmp_path), "status", "--porcelain"]
    assert subprocess.run(status, capture_output=True, check=True).stdout == b""


@pytest.mark.parametrize("named", [".link", ".link/sessions", "../outside", "a/../.."])
def test_relative_store_outside_the_project_is_refused(client, tmp_path, named):
    project, outside = tmp_path / "project", tmp_path / "outside"
    project.mkdir()
    outside.mkdir()
    (project / ".link").symlink_to("../outside")
    env = {"HEADCOUNT_DIR": named, "CLAUDE_PROJECT_DIR": str(project)}
    for event in SCRIPTS:
        client.fire(event, env=env)
    assert list(outside.iterdir()) == []
    assert sorted(tmp_path.iterdir()) == [outside, project]
    assert list(project.iterdir()) == [project / ".link"]


def test_modules_in_the_working_directory_are_not_imported(store, client, tmp_path):
    for name in ("json", "fcntl", "psutil", "lib", "sitecustomize", "errno"):
        (tmp_path / f"{name}.py").write_text("open('hostile', 'w')")
    for script in set(SCRIPTS.values()):
        client.run(
            hook_command(script),
            json.dumps(payload("Stop")),
            cwd=str(tmp_path),
            env={"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nope"},
        )
    assert not (tmp_path / "hostile").exists()
    assert (store / f"{ID}.jsonl").exists()


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({"LC_ALL": "C", "LANG": "C"}, id="C"),
        pytest.param({"LC_ALL": "POSIX", "PYTHONUTF8": "0"}, id="POSIX"),
        pytest.param({"PYTHONIOENCODING": "ascii", "LC_CTYPE": "C"}, id="ascii"),
        pytest.param({"PATH": "", "TZ": "no/such", "HOME": ""}, id="no-path"),
        pytest.param({"HOME": "/gone", "PYTHONWARNINGS": "error"}, id="no-home"),
    ],
)
def test_hook_works_in_any_environment(tmp_path, monkeypatch, env):
    """Not even one in which no path is ASCII. The other tests do not set HOME."""
    tree = tmp_path / "プロジェクト ü"
    monkeypatch.setenv("HEADCOUNT_DIR", str(tree / "store"))
    store = tree / "store"
    with Client() as first, Client() as second:
        first.fire("SessionStart", "first", env=env, cwd=str(tree))
        said = json.loads(second.fire("SessionStart", env=env, cwd=str(tree)))
        assert "プロジェクト ü: first (idle)" in said["systemMessage"]
        for event in [*SCRIPTS][1:]:
            second.fire(event, env=env, notification_type="idle_prompt")
        first.fire("SessionStart", "first", env=env, source="resume", cwd="/")
        assert not (store / f"{ID}.jsonl").exists()  # it was closed, and archived
        second.fire("UserPromptSubmit", env=env)
    entries = lines(store / f"{ID}.jsonl")
    assert entries[0]["cwd"] == str(tree)
    assert (entries[-1]["type"], entries[-1]["state"]) == ("heartbeat", "busy")
    assert errors(store) == ""


def test_hook_works_in_a_deleted_working_directory(store, client, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f"rmdir {gone}; {hook_command('session_start')}"
    done = client.run(command, json.dumps(payload("SessionStart")), cwd=str(gone))
    assert (done["status"], done["stdout"]) == (0, "")
    assert (store / f"{ID}.jsonl").exists()
