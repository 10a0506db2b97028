"""Live clients that leave no record: `headcount doctor` names them and says why."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time

import pytest
from examination import install_hooks
from installing import put_claude
from support import ID, ROOT, Client, only_with_proc

from lib.system import process

LONG_AGO = (1_000_000_000, 1_000_000_000)


@pytest.fixture
def start(store, home):
    """Start what looks like a client, with a file in Claude Code's own folder."""
    with contextlib.ExitStack() as stack:

        def run(*arguments, cwd=home, env=None, **entry):
            variables = {"PATH": os.environ["PATH"], "HEADCOUNT_DIR": str(store)}
            client = stack.enter_context(
                subprocess.Popen(
                    [
                        sys.executable,
                        ROOT / "tests/fake_client.py",
                        "claude",
                        *arguments,
                    ],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    cwd=cwd,
                    env=variables if env is None else {**variables, **env},
                )
            )
            stack.callback(client.stdin.close)
            assert client.stdout.readline() == b"ready\n"
            register(home, client.pid, cwd=str(cwd), **entry)
            return client.pid

        yield run


def register(home, pid, **entry):
    """Write the file that Claude Code keeps about a process of its own."""
    start = process.fingerprint(pid).rpartition(":")[2]
    known = {"pid": pid, "procStart": start, "entrypoint": "sdk-cli"}
    known |= {"startedAt": time.time() * 1000, **entry}
    folder = home / ".claude/sessions"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{pid}.json").write_text(json.dumps(known))


def trust(home, *folders):
    projects = {str(folder): {"hasTrustDialogAccepted": True} for folder in folders}
    (home / ".claude.json").write_text(json.dumps({"projects": projects}))


@pytest.fixture
def reason(examine):
    """Examine; return why the one client without a record has none."""

    def run(pid, cwd=None, **more):
        findings, _ = examine(cwd=cwd, **more)
        (told,) = [f["message"] for f in findings.of("warn", "clients")]
        before, _, why = told.partition(" leaves no record: ")
        assert before.startswith(f"the client with pid {pid} in ")
        return why

    return run


@pytest.fixture
def long_installed(installed):
    """Hooks that were installed before any client here started."""
    os.utime(installed, LONG_AGO)
    return installed


def on_record(findings):
    (told,) = [f["message"] for f in findings.of("ok", "clients")]
    return told


def test_client_on_record_is_not_reported(examine, long_installed, home, store):
    with Client() as client:
        client.fire("SessionStart", source="startup")
        register(home, client.pid, cwd="/")
        findings, code = examine()
    assert code == 0
    assert findings.of("warn") == []
    assert on_record(findings) == "1 of 1 live clients on record"


def test_client_with_an_archived_session_is_on_record(
    examine,
    long_installed,
    home,
    store,
):
    from lib import sessions

    with Client() as client:
        client.fire("SessionStart", source="startup")
        register(home, client.pid, cwd="/")
        sessions.archive_session(store / f"{ID}.jsonl")
        assert on_record(examine()[0]) == "1 of 1 live clients on record"


def test_client_without_a_record_is_never_a_problem(examine, long_installed, start):
    start()
    start()
    findings, code = examine()
    assert code == 0
    assert len(findings.of("warn", "clients")) == 2
    assert on_record(findings) == "0 of 2 live clients on record"


@pytest.mark.parametrize(
    "change",
    [
        {"procStart": "1", "startedAt": 1000},
        {"procStart": None, "startedAt": None},
    ],
    ids=["other-start", "no-start"],
)
def test_process_with_a_reused_pid_is_not_a_client(examine, installed, start, change):
    start(**change)
    assert not any(f["check"] == "clients" for f in examine()[0])


@only_with_proc("a psutil fingerprint names no pid namespace")
def test_client_in_another_pid_namespace_is_ignored(examine, installed, start):
    start(pidDomain="linux:0:pid:[1]")
    assert not any(f["check"] == "clients" for f in examine()[0])
    start(pidDomain=f"linux:0:pid:[{os.stat('/proc/self/ns/pid').st_ino}]")
    assert on_record(examine()[0]) == "0 of 1 live clients on record"


def test_client_started_before_the_hooks_were_installed_is_explained(
    reason, start, home, checkout
):
    pid = start()
    later = time.time() + 60
    os.utime(install_hooks(home / ".claude/settings.json", checkout), (later, later))
    assert "before the hooks were installed" in reason(pid)


def test_client_just_started_is_reported_as_too_young_to_judge(
    reason,
    start,
    long_installed,
):
    assert reason(start()) == "it was started only seconds ago; check again"


@pytest.mark.parametrize("word", ["--bare", "--safe-mode"])
def test_client_with_an_argument_that_disables_hooks_is_explained(
    reason, start, long_installed, word
):
    assert reason(start(word)) == f"it was started with {word}, which runs no hooks"


@pytest.mark.parametrize(
    "words",
    [["--setting-sources", "project,local"], ["--setting-sources=project"]],
    ids=["two-words", "one-word"],
)
def test_client_that_does_not_read_the_settings_with_the_hooks_is_explained(
    reason, start, long_installed, words
):
    assert reason(start(*words)).startswith("it was started with --setting-sources, ")


def test_client_with_setting_sources_that_include_the_hooks_is_not_blamed(
    reason, start, long_installed
):
    assert "sources" not in reason(start("--setting-sources", "user,local"))


def test_client_with_another_store_is_explained_without_leaking_its_environment(
    doctor,
    reason,
    start,
    long_installed,
    tmp_path,
):
    other = {"HEADCOUNT_DIR": f"{tmp_path}/other", "SECRET": "hunter2"}
    pid = start(env=other)
    why = f"it records to {tmp_path}/other (HEADCOUNT_DIR in its environment)"
    assert reason(pid) == why
    assert "hunter2" not in doctor("--quick", "--json").stdout


def test_client_without_headcount_dir_is_explained(reason, start, long_installed, home):
    pid = start(env={"HEADCOUNT_DIR": ""})
    default = f"{home}/.local/state/headcount"
    assert (
        reason(pid) == f"it records to {default} (no HEADCOUNT_DIR in its environment)"
    )


def test_client_with_a_relative_store_is_looked_for_in_its_project(
    reason,
    start,
    long_installed,
    tmp_path,
):
    (tmp_path / "project").mkdir()
    pid = start(cwd=tmp_path / "project", env={"HEADCOUNT_DIR": ".sessions"})
    assert reason(pid).startswith(f"it records to {tmp_path}/project/.sessions (")


def test_client_started_below_the_project_with_the_hooks_is_explained(
    reason,
    start,
    checkout,
    tmp_path,
):
    project = tmp_path / "project"
    path = install_hooks(project / ".claude/settings.json", checkout)
    (project / "src/deep").mkdir(parents=True)
    why = reason(start(cwd=project / "src/deep"))
    assert why == (
        f"the hooks in {path} apply only to clients started in {project} itself, "
        "and it was started below"
    )


@pytest.mark.parametrize(
    ("version", "is_explained"),
    [("2.1.210", True), ("2.1.211", False), ("", False)],
    ids=["old", "new", "unknown"],
)
def test_old_client_started_below_a_repository_with_local_hooks_is_explained(
    reason, start, checkout, tmp_path, version, is_explained
):
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    path = install_hooks(project / ".claude/settings.local.json", checkout)
    (project / "src").mkdir()
    why = reason(start(cwd=project / "src", version=version))
    said = f"the hooks in {path} apply only to clients started in {project} itself"
    assert why.startswith(said) == is_explained
    assert "no hook is installed" not in why


def test_client_started_in_another_project_is_explained(
    reason,
    start,
    checkout,
    tmp_path,
):
    path = install_hooks(tmp_path / "here/.claude/settings.json", checkout)
    (tmp_path / "there").mkdir()
    why = reason(start(cwd=tmp_path / "there"), cwd=tmp_path / "here")
    assert why == (
        f"the hooks in {path} apply to that project only, and it was started elsewhere"
    )


def test_client_without_any_hooks_gets_the_install_command(examine, start, home):
    start()
    (told,) = examine()[0].of("warn", "clients")
    assert told["message"].endswith("no hook is installed in the settings it reads")
    assert told["fix"].endswith("install.sh'")


def test_client_in_a_project_that_disables_hooks_is_explained(
    reason, start, long_installed, tmp_path
):
    path = tmp_path / "project/.claude/settings.local.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"disableAllHooks": true}')
    assert reason(start(cwd=tmp_path / "project")) == f"{path} turns off all hooks"


def test_client_whose_hooks_are_missing_is_explained(
    reason,
    start,
    long_installed,
    checkout,
):
    for script in (checkout / "hooks").glob("*.py"):
        script.unlink()
    assert reason(start()).startswith("none of the installed hooks can be run")


def test_client_in_an_untrusted_folder_is_explained(
    reason,
    start,
    long_installed,
    home,
    tmp_path,
):
    (tmp_path / "project/src").mkdir(parents=True)
    trust(home, home)
    pid = start(cwd=tmp_path / "project/src", entrypoint="cli")
    assert reason(pid) == "its folder is not trusted"
    trust(home, home, tmp_path / "project")
    assert "trusted" not in reason(pid)


def test_client_in_the_home_folder_is_not_reported_as_untrusted(
    reason, start, long_installed, home
):
    (home / ".claude.json").write_text('{"projects": {}}')
    assert "trusted" not in reason(start(cwd=home, entrypoint="cli"))


def test_client_that_asks_for_trust_is_found_by_its_key_file(
    reason,
    start,
    long_installed,
    home,
    tmp_path,
):
    (tmp_path / "project").mkdir()
    trust(home, home)
    pid = start(cwd=tmp_path / "project")
    folder = home / ".claude/sessions"
    (folder / f"{pid}.json").unlink()
    (folder / f"{pid}.{'0' * 64}.key").touch()
    assert reason(pid).startswith("it asks whether to trust its folder")


def test_key_file_left_by_another_process_is_not_a_client(
    examine,
    start,
    long_installed,
    home,
):
    folder = home / ".claude/sessions"
    (folder / f"{start()}.json").unlink()
    (folder / f"{os.getpid()}.{'0' * 64}.key").touch()  # alive, but no client
    pid = start()
    (folder / f"{pid}.json").unlink()
    (folder / f"{pid}.{'0' * 64}.key").touch()
    os.utime(folder / f"{pid}.{'0' * 64}.key", LONG_AGO)  # older than the process
    assert not any(f["check"] == "clients" for f in examine()[0])


def test_client_that_shows_the_resume_list_is_explained(reason, start, long_installed):
    assert reason(start("--resume")).startswith("it shows the list of sessions")


def test_clients_beyond_ten_are_counted_only(examine, start, long_installed):
    for _ in range(12):
        start()
    told = [f["message"] for f in examine()[0].of("warn", "clients")]
    assert len(told) == 11
    assert told[-1] == "2 more leave no record"


def test_clients_are_found_in_claude_config_dir(
    examine,
    start,
    home,
    tmp_path,
):
    start()
    (home / ".claude").rename(tmp_path / "config")
    findings, _ = examine(CLAUDE_CONFIG_DIR=str(tmp_path / "config"))
    assert on_record(findings) == "0 of 1 live clients on record"
    assert not any(f["check"] == "clients" for f in examine()[0])


HOSTILE = [
    b"",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"7",
    b'"pid"',
    b"{" * 60_000,
    b"[" * 60_000,
    b'{"pid": ' + b"9" * 6000 + b"}",
    b'{"pid": PID, "procStart": "START", "cwd": 5, "entrypoint": []}',
    b'{"pid": PID, "procStart": "START", "cwd": "/a\\u0000b"}',
    b'{"pid": PID, "procStart": "START", "cwd": "/\\ud800"}',
    b'{"pid": PID, "procStart": "START", "cwd": "../x", "pidDomain": {}}',
    b'{"pid": PID, "procStart": START, "cwd": "/' + b"x/" * 20_000 + b'"}',
    b'{"pid": true, "procStart": {}}',
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_doctor_survives_any_content_of_a_client_file(
    doctor,
    start,
    long_installed,
    home,
    content,
):
    pid = start()
    begun = process.fingerprint(pid).rpartition(":")[2].encode()
    content = content.replace(b"PID", str(pid).encode()).replace(b"START", begun)
    (home / f".claude/sessions/{pid}.json").write_bytes(content)
    (home / ".claude.json").write_bytes(content)
    done = doctor("--quick")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].startswith("ok       python")
    assert all(line.isprintable() for line in done.stdout.splitlines())


def test_doctor_survives_any_file_in_the_folder_of_clients(
    doctor, long_installed, home
):
    folder = home / ".claude/sessions"
    folder.mkdir()
    os.mkfifo(folder / "1.json")
    (folder / "2.json").mkdir()
    (folder / "3.json").symlink_to("/nowhere")
    for name in (
        "0.json",
        "-1.json",
        "9" * 30 + ".json",
        "².json",
        "x.json",
        "1",
        "1.key",
    ):
        (folder / name).touch()
    (folder / f"{os.getpid()}.json").write_bytes(b" " * 100_000)
    assert doctor("--quick").returncode == 0


# ---- Without such files, `claude agents --json` is asked ------------------------


@pytest.fixture
def claude(tmp_path):
    """Put a program called claude on PATH; return the PATH."""

    def make(script):
        script = f'echo "$*" >> {tmp_path}/asked\n{script}'
        return f"{put_claude(tmp_path / 'bin', script)}:{os.environ['PATH']}"

    return make


def was_asked(folder):
    return "agents --json\n" in (folder / "asked").read_text()


def test_claude_agents_is_run_if_the_client_files_are_missing(
    examine,
    start,
    long_installed,
    home,
    claude,
    tmp_path,
):
    pid = start()
    (home / ".claude/sessions" / f"{pid}.json").unlink()
    (home / ".claude/sessions").rmdir()
    rows = json.dumps([{"pid": pid, "cwd": str(tmp_path)}, {"pid": 1}, 5, {}])
    path = claude(f"[ \"$*\" = 'agents --json' ] && echo '{rows}'")
    assert not any(f["check"] == "clients" for f in examine(PATH=path)[0])
    assert not was_asked(tmp_path)
    findings, _ = examine(quick=False, PATH=path)
    (told,) = findings.of("warn", "clients")
    assert told["message"].startswith(f"the client with pid {pid} in {tmp_path} leaves")


@pytest.mark.parametrize(
    "script", ["exit 1", "echo '{'", "echo '{}'", "kill -9 $$", "exec sleep 600"]
)
def test_claude_agents_without_an_answer_is_not_waited_for(
    examine,
    long_installed,
    claude,
    tmp_path,
    script,
):
    findings, code = examine(quick=False, PATH=claude(script))
    assert code == 0
    assert was_asked(tmp_path)
    assert not any(f["check"] == "clients" for f in findings)


def test_claude_agents_is_not_run_if_the_client_files_exist(
    examine,
    long_installed,
    home,
    claude,
    tmp_path,
):
    (home / ".claude/sessions").mkdir()
    examine(quick=False, PATH=claude("echo []"))
    assert not was_asked(tmp_path)
