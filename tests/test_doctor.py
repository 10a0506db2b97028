"""`headcount doctor`: each fault, planted for real, is found and told how to mend.

Where that needs neither root nor a person, what is told is run, and seen to mend.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time

import pytest
from command_line import write
from examination import Findings, variables, wire
from installing import copy_of_checkout
from support import ID

from lib import clock, errorlog, selftest, sessions
from lib.checks import machine, records
from lib.checks.finding import Look

NOW = Look(0.0, quick=True)


def test_nothing_wrong_is_exit_0_and_only_ok(examine, wired, store):
    sessions.create_session(session_id=ID)
    findings, code = examine()
    assert (findings.of("problem"), findings.of("warn"), code) == ([], [], 0)
    found = {finding["check"] for finding in findings}
    assert found == {
        *("python", "packages", "store", "files", "lock", "errors", "hooks", "scopes")
    }


def test_it_leaves_the_store_as_it_was(examine, wired, store):
    sessions.create_session(session_id=ID)
    before = sorted(os.listdir(store))
    examine()
    assert sorted(os.listdir(store)) == before


def test_a_store_that_is_yet_to_be_made_is_no_problem_and_is_not_made(
    examine, wired, store
):
    findings, code = examine()
    assert code == 0
    (told,) = [finding for finding in findings if finding["check"] == "store"]
    assert told["message"] == f"{store} is made when the first session begins"
    assert not store.exists()


def test_people_get_a_line_for_each_finding_and_the_command_below_it(doctor, store):
    store.mkdir(0o755)
    os.chmod(store, 0o755)
    done = doctor("--quick")
    shown = done.stdout.splitlines()
    assert done.returncode == 1
    at = shown.index(f"problem  store     {store} is open to others (mode 0755)")
    assert shown[at + 1].strip() == f"mend (or --fix): chmod 700 {store}"
    assert done.stderr == (
        "headcount: 2 problems found; `headcount doctor --fix` mends 1\n"
    )


def test_nothing_that_a_path_holds_reaches_the_terminal_as_control(doctor, tmp_path):
    store = tmp_path / "st\x1b[31more\u202e"
    store.mkdir(0o755)
    (store / "new\nline.jsonl").touch(0o644)
    done = doctor("--quick", HEADCOUNT_DIR=str(store))
    assert [line for line in done.stdout.splitlines() if not line.isprintable()] == []
    assert "st�[31more" in done.stdout


# ---- The store ------------------------------------------------------------------


def test_python_and_package_versions_are_told(examine, wired):
    findings, _ = examine()
    told = {finding["check"]: finding["message"] for finding in findings}
    assert told["python"].startswith(".".join(map(str, sys.version_info[:3])))
    for name in ("filelock", "psutil", "python-dateutil"):
        assert name in told["packages"]


def test_packages_that_are_missing_are_named_with_what_installs_them(
    store, home, tmp_path, wired, checkout
):
    bare = tmp_path / "bare"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True
    )
    done = subprocess.run(
        [bare / "bin/python", "-m", "lib", "doctor", "--json", "--quick"],
        env=variables(store, home, PYTHONPATH=str(checkout)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    check, message, mend = Findings(json.loads(done.stdout)).problem
    assert check == "packages"
    assert message.endswith("lacks filelock, psutil, python-dateutil")
    assert mend.startswith(f"{bare}/bin/python -m pip install filelock")


def test_a_python_that_is_too_old_is_a_problem(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    (finding,) = machine.python(NOW)
    assert finding.level == "problem"
    assert "3.9.18" in finding.message
    assert "3.10" in finding.message


@pytest.mark.parametrize("mode", [0o755, 0o701, 0o500])
def test_a_store_of_the_wrong_mode_is_mended_by_chmod(
    examine, wired, store, carry_out, mode
):
    store.mkdir()
    store.chmod(mode)
    findings, code = examine()
    assert code == 1
    check, message, mend = findings.problem
    assert (check, mend) == ("store", f"chmod 700 {store}")
    assert f"mode {mode:04o}" in message
    carry_out(mend)
    assert examine()[1] == 0


def test_a_store_that_is_a_file_is_mended_by_moving_it(
    examine, wired, store, carry_out
):
    store.write_text("in the way")
    findings, code = examine()
    assert code == 1
    assert findings.problem == (
        "store",
        f"{store} is no folder",
        f"mv {store} {store}.aside",
    )
    carry_out(findings.problem[2])
    assert examine()[1] == 0


def test_a_store_that_is_a_link_to_nothing_is_mended_by_moving_it(
    examine, wired, store, carry_out
):
    store.symlink_to("/nowhere/at/all")
    findings, code = examine()
    assert code == 1
    assert "symbolic link to nothing" in findings.problem[1]
    carry_out(findings.problem[2])
    assert examine()[1] == 0


def test_a_store_that_cannot_be_made_is_told(examine, wired, store):
    store.write_text("in the way")
    findings, code = examine(HEADCOUNT_DIR=f"{store}/below")
    assert code == 1
    assert findings.problem[1].startswith(
        f"{store}/below cannot be made: {store} is no"
    )


def test_a_store_that_is_refused_is_told_once_and_the_rest_is_examined(
    examine, wired, tmp_path
):
    (tmp_path / "out").symlink_to("/etc")
    findings, code = examine(HEADCOUNT_DIR="out/x")
    assert code == 1
    assert findings.problem[0] == "store"
    assert findings.problem[1].startswith("HEADCOUNT_DIR=out/x leads out of")
    assert {"python", "packages"} <= {finding["check"] for finding in findings}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_another_is_mended_by_chown(examine, wired, store):
    sessions.create_session(session_id=ID)
    path = store / f"{ID}.jsonl"
    os.chown(path, 65_534, -1)
    findings, code = examine()
    assert code == 1
    assert findings.problem == ("files", f"1 not yours: {path}", f"sudo chown 0 {path}")
    os.chown(path, 0, -1)
    os.chown(store, 65_534, -1)
    assert examine()[0].problem[1:] == (
        f"{store} belongs to user 65534, not to you",
        f"sudo chown 0 {store}",
    )


def test_files_that_others_may_read_are_mended_by_chmod(
    examine, wired, store, carry_out
):
    for number in range(7):
        sessions.create_session(session_id=f"session-{number}")
        os.chmod(store / f"session-{number}.jsonl", 0o644)
    findings, code = examine()
    assert code == 1
    check, message, mend = findings.problem
    assert check == "files"
    assert message.startswith(f"7 not of mode 0600: {store}/session-0.jsonl")
    assert "2 more" in message
    carry_out(mend)
    assert examine()[0].problem[1].startswith("2 not of mode 0600")


def test_archived_files_and_the_log_are_looked_at_too(examine, wired, store):
    sessions.create_session(session_id=ID)
    path = sessions.archive_session(store / f"{ID}.jsonl")
    errorlog.note("here", "nothing")
    os.chmod(path, 0o640)
    os.chmod(store / "errors.log", 0o640)
    message = examine()[0].problem[1]
    assert str(path) in message
    assert "errors.log" in message


@pytest.mark.parametrize("kind", ["garbage", "link", "fifo", "folder"])
def test_what_holds_no_session_is_mended_by_moving_it_aside(
    examine, wired, store, carry_out, kind
):
    store.mkdir(0o700)
    path = store / "it's odd.jsonl"
    if kind == "garbage":
        path.write_bytes(b"\xff\x00")
        path.chmod(0o600)
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "fifo":
        os.mkfifo(path, 0o600)
    else:
        path.mkdir()
    findings, code = examine()
    assert code == 1
    check, message, mend = findings.problem
    assert (check, message) == ("files", f"1 without valid metadata: {path}")
    carry_out(mend)
    assert examine()[1] == 0


def test_an_archive_that_is_a_link_or_a_file_is_told_and_mended(
    examine, wired, store, tmp_path, carry_out
):
    store.mkdir(0o700)
    (tmp_path / "elsewhere").mkdir()
    (store / "archive").symlink_to(tmp_path / "elsewhere")
    _, _, mend = examine()[0].problem
    assert mend == f"rm {store}/archive"
    carry_out(mend)
    (store / "archive").write_text("in the way")
    check, message, mend = examine()[0].problem
    assert (check, message) == ("archive", f"{store}/archive is no folder")
    carry_out(mend)
    assert examine()[1] == 0


def test_a_store_without_locks_is_told(store, monkeypatch):
    store.mkdir(0o700)

    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    (finding,) = records.lock(NOW)
    assert finding.level == "problem"
    assert "does its file system have locks" in finding.message
    assert "HEADCOUNT_DIR" in finding.mend
    assert os.listdir(store) == []


def test_what_hooks_complained_of_is_told_once_each_with_how_often(
    examine, doctor, wired, store
):
    for number in range(5):
        errorlog.note("heartbeat", f"{ID[:-1]}{number} is busy for {number} s \x1b[31m")
    errorlog.note("stop", "no room")
    old = clock.stamp(time.time() - 8 * 86_400)
    log = store / "errors.log"
    log.write_text(f"{old} 0.1.0 long ago\n" + log.read_text())
    findings, code = examine()
    assert code == 0
    first, newest, other = [f["message"] for f in findings.of("warn", "errors")]
    assert first == "6 lines in errors.log of the last 7 days:"
    assert newest.startswith("1 x, last ")
    assert newest.endswith(" stop: no room")
    assert other.startswith("5 x, last ")
    assert f"heartbeat: {ID[:-1]}4 is busy for 4 s" in other
    done = doctor("--quick")
    assert all(line.isprintable() for line in done.stdout.splitlines())


def test_of_many_complaints_the_newest_are_told(examine, wired, store):
    for word in "abcdefg":
        errorlog.note(word * 3, "no")
    told = [finding["message"] for finding in examine()[0].of("warn", "errors")]
    assert told[0].endswith("7 days, of 7 kinds; the newest 5:")
    assert [line[-7:-4] for line in told[1:]] == ["ggg", "fff", "eee", "ddd", "ccc"]


# ---- The hooks ------------------------------------------------------------------


def test_no_hook_wired_is_mended_by_the_installer(examine, store, checkout, carry_out):
    findings, code = examine()
    assert code == 1
    check, message, mend = findings.problem
    assert (check, message) == ("hooks", "no hook is wired, so no session is recorded")
    assert mend == shlex.quote(str(checkout / "install.sh"))
    carry_out(mend)
    assert examine()[1] == 0


@pytest.mark.parametrize("name", ["settings.json", "settings.local.json"])
def test_hooks_of_a_project_count_where_claude_code_reads_them(
    examine, checkout, tmp_path, name
):
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / "src/deep").mkdir(parents=True)
    wire(project / ".claude" / name, checkout)
    assert examine(cwd=project)[1] == 0
    assert examine(cwd=tmp_path)[1] == 1
    findings, code = examine(cwd=project / "src/deep")
    assert code == 1
    assert f"{name} counts only for sessions started in {project}" in str(findings)
    assert examine(cwd=tmp_path, CLAUDE_PROJECT_DIR=str(project))[1] == 0


def test_in_the_home_folder_the_same_file_is_not_two_scopes(examine, wired, home):
    link = home.parent / "link"
    link.symlink_to(home)
    findings, code = examine(cwd=home, HOME=str(link))
    assert code == 0
    assert sum(finding["check"] == "hooks" for finding in findings) == 1


def test_events_that_are_missing_are_named_and_mended(examine, wired, carry_out):
    strip(wired, "Stop", "PostToolUse")
    findings, code = examine()
    assert code == 1
    assert findings.problem[1] == "not wired: PostToolUse, Stop"
    carry_out(findings.problem[2])
    assert examine()[1] == 0


def test_a_wired_script_that_is_gone_is_named(examine, wired, checkout):
    (checkout / "hooks/stop.py").unlink()
    findings, code = examine()
    assert code == 1
    assert findings.problem[1].startswith(
        f"user: the wired script {checkout}/hooks/stop.py is missing"
    )


def test_a_wired_python_that_is_a_broken_link_is_named(examine, wired, checkout):
    python = checkout / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python")
    findings, code = examine()
    assert code == 1
    assert findings.problem[1].startswith(f"user: the wired python {python} is missing")


def test_a_checkout_that_has_moved_is_told_once_and_mended_from_its_new_place(
    examine, home, checkout, carry_out
):
    was = checkout.parent / "was here"
    wire(home / ".claude/settings.json", checkout)
    settings_path = home / ".claude/settings.json"
    settings_path.write_text(settings_path.read_text().replace(str(checkout), str(was)))
    findings, code = examine()
    assert code == 1
    _, message, mend = findings.problem
    assert message == f"user: the wired checkout {was} is gone (was it moved?)"
    carry_out(mend)
    assert examine()[1] == 0


def test_two_commands_for_one_event_are_told_with_the_scopes(
    examine, wired, tmp_path, store, carry_out
):
    other = copy_of_checkout(tmp_path / "other")
    (other / ".venv/bin").mkdir(parents=True)
    (other / ".venv/bin/python").symlink_to(sys.executable)
    wire(tmp_path / ".claude/settings.json", other)
    findings, code = examine()
    assert code == 1
    _, message, mend = findings.problem
    assert message.startswith("two commands for Notification, PostToolUse, Session")
    assert "user and project" in message
    assert mend.endswith(f"--uninstall --scope project --project {tmp_path}")
    carry_out(mend)
    assert examine()[1] == 0


def test_the_same_command_in_two_scopes_is_no_problem(
    examine, wired, checkout, tmp_path
):
    wire(tmp_path / ".claude/settings.local.json", checkout)
    assert examine()[1] == 0


def test_hooks_that_are_turned_off_are_told_with_the_file(examine, home, checkout):
    path = home / ".claude/settings.json"
    wire(path, checkout, '{"disableAllHooks": true}')
    findings, code = examine()
    assert code == 1
    assert findings.problem[1] == f"user: {path} turns off all hooks"
    assert "disableAllHooks" in findings.problem[2]


def test_settings_that_are_broken_are_told_and_the_other_scopes_examined(
    examine, wired, tmp_path
):
    broken = tmp_path / ".claude/settings.json"
    broken.parent.mkdir()
    broken.write_text("{ // no comments\n}")
    findings, code = examine()
    assert code == 1
    assert findings.problem[1].startswith(f"project: {broken} is not valid JSON")
    assert any(f["check"] == "hooks" and f["level"] == "ok" for f in findings)


def test_a_command_that_links_to_nothing_is_told_and_mended(
    examine, wired, home, carry_out
):
    link = home / ".local/bin/headcount"
    link.parent.mkdir(parents=True)
    link.symlink_to("/nowhere/headcount")
    findings, code = examine()
    assert code == 1
    assert findings.problem[0] == "command"
    assert "/nowhere/headcount" in findings.problem[1]
    carry_out(findings.problem[2])
    assert examine()[1] == 0
    link.symlink_to(sys.executable)
    assert examine()[1] == 0


def strip(path, *events):
    """Take the hooks of *events* out, as another program that rewrites settings may."""
    content = json.loads(path.read_text())
    for event in events or [*content["hooks"]]:
        del content["hooks"][event]
    path.write_text(json.dumps(content))


def test_hooks_that_were_wired_before_are_told_by_what_they_recorded(
    examine, wired, store
):
    now = clock.stamp(time.time())
    path = write(store, ID, source="startup", transcript_path="/t", last_heartbeat=now)
    store.chmod(0o700)
    path.chmod(0o600)
    strip(wired, "SessionStart", "Stop")
    _, message, _ = examine()[0].problem
    assert message == (
        "not wired: SessionStart, Stop. They were before: "
        f"SessionStart was recorded by {now}"
    )
    strip(wired)
    _, message, _ = examine()[0].problem
    assert message == (
        "no hook is wired, so no session is recorded. They were wired before: "
        f"a session was recorded by {now}"
    )


def test_a_session_of_another_tool_is_no_evidence_of_hooks(examine, store):
    sessions.create_session(session_id=ID)
    assert "before" not in examine()[0].problem[1]


def test_hooks_stripped_from_the_scope_they_were_in_are_mended_there(
    examine, checkout, tmp_path, carry_out
):
    project = tmp_path / "project"
    (project / ".claude").mkdir(parents=True)
    (project / ".claude/settings.local.json").write_text('{"model": "opus"}\n')
    where = f"--scope local --project {shlex.quote(str(project))}"
    carry_out(f"{shlex.quote(str(checkout))}/install.sh {where}")
    strip(project / ".claude/settings.local.json")
    _, _, mend = examine(cwd=project)[0].problem
    assert mend.endswith(where)
    carry_out(mend)
    assert examine(cwd=project)[1] == 0


def test_it_says_which_settings_it_looked_at_and_which_it_cannot_see(
    examine, wired, tmp_path
):
    (told,) = [f["message"] for f in examine()[0] if f["check"] == "scopes"]
    assert str(wired) in told
    assert f"{tmp_path}/.claude/settings.local.json (local)" in told
    assert "managed settings" in told
    assert "--settings" in told


@pytest.mark.parametrize("gone", [True, False])
def test_a_status_line_of_ours_needs_its_script(examine, wired, checkout, gone):
    script = checkout / "hooks/statusline.py"
    command = shlex.join([sys.executable, "-I", "-S", str(script)]) + " # headcount"
    content = json.loads(wired.read_text())
    content["statusLine"] = {"type": "command", "command": command}
    wired.write_text(json.dumps(content))
    if gone:
        script.unlink()
    findings, code = examine()
    assert code == (1 if gone else 0)
    if gone:
        check, message, mend = findings.problem
        assert check == "statusline"
        assert message == f"user: the status line names {script}, which is missing"
        assert mend.endswith("install.sh' --statusline")


@pytest.mark.parametrize(
    "value", ['"x"', "[]", "1", '{"command": 5}', '{"command": "/hooks/statusline.py"}']
)
def test_a_status_line_that_is_not_ours_is_nobodys_business(
    examine, home, value, wired
):
    content = json.loads(wired.read_text())
    content["statusLine"] = json.loads(value)
    wired.write_text(json.dumps(content))
    findings, code = examine()
    assert code == 0
    assert not any(finding["check"] == "statusline" for finding in findings)


# ---- The hooks fired ------------------------------------------------------------


def test_every_hook_is_fired_and_timed_without_a_trace_in_the_store(
    examine, wired, store
):
    findings, _ = examine(quick=False)
    assert findings.of("problem") == []
    told = [f["message"] for f in findings if f["check"] == "timing"]
    assert [message.split()[0] for message in told] == [*selftest.EVENTS]
    for message in told:
        assert re.fullmatch(r"\w+ +p50 +\d+ ms, p95 +\d+ ms of \d+ runs.*", message)
    assert not store.exists()


def test_a_hook_that_does_not_record_is_a_problem_that_the_installer_mends(
    examine, wired, checkout, carry_out
):
    sound = (checkout / "hooks/stop.py").read_text()
    (checkout / "hooks/stop.py").write_text("raise SystemExit('I am broken')\n")
    assert examine()[1] == 0
    findings, code = examine(quick=False)
    assert code == 1
    check, message, mend = findings.problem
    assert check == "timing"
    assert message.startswith("the hook of Stop does not record: no `turn_close`")
    assert "I am broken" in message
    (checkout / "hooks/stop.py").write_text(sound)
    carry_out(mend)
    assert examine(quick=False)[1] == 0


def test_a_slow_hook_is_warned_of(examine, wired, checkout):
    slow = "import time\ntime.sleep(0.6)\n" + (checkout / "hooks/stop.py").read_text()
    slow = slow.replace("from __future__ import annotations\n", "")
    (checkout / "hooks/stop.py").write_text(slow)
    findings, code = examine(quick=False)
    assert code == 0
    told = [f["message"] for f in findings.of("warn", "timing")]
    assert any(message.startswith("Stop ") for message in told)
    assert "each delays the session" in told[0]


@pytest.mark.parametrize("name", ["settings.json", "settings.local.json"])
def test_no_command_that_a_repository_brings_is_run(examine, checkout, tmp_path, name):
    (tmp_path / "clone").mkdir()
    path = wire(tmp_path / f"clone/.claude/{name}", checkout)
    content = json.loads(path.read_text())
    for groups in content["hooks"].values():
        hook = groups[0]["hooks"][0]
        hook["command"] = f"touch {tmp_path}/run; {hook['command']}"
    path.write_text(json.dumps(content))
    findings, _ = examine(cwd=tmp_path / "clone", quick=False)
    assert not (tmp_path / "run").exists()
    (told,) = [f["message"] for f in findings if f["check"] == "timing"]
    assert told.startswith("no hook was fired")


# ---- What --fix does ------------------------------------------------------------


def test_what_fix_would_do_is_told_without_it_and_nothing_done(examine, wired, store):
    store.mkdir()
    store.chmod(0o755)
    findings, code = examine()
    assert code == 1
    assert [f["fixable"] for f in findings.of("problem")] == [True]
    assert findings.fixed == []
    assert store.stat().st_mode & 0o777 == 0o755
    keys = {"level", "check", "message", "mend", "fixable", "fixed"}
    assert all(set(finding) == keys for finding in findings)


def test_fix_closes_folders_and_files_and_ends_by_what_is_left(
    examine, doctor, wired, store
):
    for number in range(7):
        sessions.create_session(session_id=f"session-{number}")
        os.chmod(store / f"session-{number}.jsonl", 0o644)
    sessions.archive_session(store / "session-0.jsonl")
    os.chmod(store / "archive", 0o755)
    store.chmod(0o777)
    done = doctor("--quick", "--fix")
    assert done.returncode == 0, done.stdout
    assert f"fixed    store     {store} is open to others (mode 0777)" in done.stdout
    assert f"done: chmod 700 {store}/archive" in done.stdout
    assert done.stderr == ""
    assert store.stat().st_mode & 0o777 == 0o700
    assert {f.stat().st_mode & 0o777 for f in store.rglob("*.jsonl")} == {0o600}
    assert examine()[0].of("problem") == []


def test_fix_leaves_alone_what_is_not_proven_ours(examine, wired, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    (shared / "letter.txt").touch()
    for name in ("numbers.jsonl", f"{ID}.jsonl"):
        (shared / name).write_text('{"type":"user"}\n')
        (shared / name).chmod(0o644)
    (shared / "link.jsonl").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").touch(0o644)
    findings, code = examine("--fix", HEADCOUNT_DIR=str(shared))
    assert code == 1
    assert findings.fixed == []
    assert shared.stat().st_mode & 0o777 == 0o755
    modes = [path.stat().st_mode & 0o777 for path in shared.glob("[!l]*.jsonl")]
    assert modes == [0o644, 0o644]


def test_fix_does_not_reach_a_file_through_a_second_name(
    examine, wired, store, tmp_path
):
    path = write(store, ID)
    store.chmod(0o700)
    path.chmod(0o644)
    os.link(path, tmp_path / "mine too")
    findings, code = examine("--fix")
    assert code == 1
    assert findings.fixed == []
    assert path.stat().st_mode & 0o777 == 0o644


def test_fix_wires_what_was_stripped_where_it_was(examine, wired):
    before = wired.read_text()
    strip(wired, "Stop", "PostToolUse")
    findings, code = examine("--fix")
    assert code == 0
    (fixed,) = findings.fixed
    assert fixed["message"].startswith("not wired: PostToolUse, Stop")
    assert json.loads(wired.read_text()) == json.loads(before)


def test_fix_wires_a_checkout_that_was_moved(examine, wired, checkout):
    before = wired.read_text()
    wired.write_text(before.replace(str(checkout), "/nowhere/head count"))
    findings, code = examine("--fix")
    assert code == 0
    assert findings.fixed != []
    assert wired.read_text() == before


def test_fix_does_not_decide_between_checkouts_or_wire_what_is_all_gone(
    examine, wired, tmp_path, checkout
):
    other = copy_of_checkout(tmp_path / "other")
    path = wire(wired, other)
    strip(path, "Stop")
    stripped = path.read_text()
    assert examine("--fix")[0].fixed == []
    assert path.read_text() == stripped
    strip(path)
    bare = path.read_text()
    assert examine("--fix")[1] == 1
    assert path.read_text() == bare


def test_fix_edits_no_settings_that_a_repository_shares(examine, checkout, tmp_path):
    path = wire(tmp_path / ".claude/settings.json", checkout)
    strip(path, "Stop")
    stripped = path.read_text()
    findings, code = examine("--fix")
    assert (code, findings.fixed) == (1, [])
    assert path.read_text() == stripped


def test_fix_takes_out_what_is_wired_twice(examine, wired, checkout, tmp_path):
    local = tmp_path / ".claude/settings.local.json"
    wire(local, checkout)
    local.write_text(local.read_text().replace("-I -S", "-S -I"))
    assert examine()[0].problem[1].startswith("two commands for ")
    findings, code = examine("--fix")
    assert code == 0
    assert [f["message"][:16] for f in findings.fixed] == ["two commands for"]
    assert not local.exists()


def test_fix_removes_our_link_to_nothing_and_no_other(examine, wired, home):
    link = home / ".local/bin/headcount"
    link.parent.mkdir(parents=True)
    link.symlink_to("/nowhere/.venv/bin/headcount")
    assert examine("--fix")[1] == 0
    assert not os.path.lexists(link)
    link.symlink_to("/nowhere/headcount")
    assert examine("--fix")[1] == 1
    assert os.path.lexists(link)


def test_fix_finishes_an_interrupted_move_and_keeps_every_byte(examine, wired, store):
    sessions.create_session(session_id=ID)
    live = store / f"{ID}.jsonl"
    before = live.read_bytes()
    day = store / "archive/2026-01-02"
    day.mkdir(parents=True, mode=0o700)
    (store / "archive").chmod(0o700)
    os.link(live, day / live.name)
    findings, code = examine()
    assert code == 0
    (told,) = findings.of("warn")
    assert told["message"].startswith("a move was interrupted")
    assert (told["mend"], told["fixable"]) == ("headcount doctor --fix", True)
    findings, code = examine("--fix")
    assert (code, findings.of("warn")) == (0, findings.fixed)
    assert not (day / live.name).exists()
    assert live.read_bytes() == before


def test_a_second_name_outside_the_store_is_told_with_how_to_find_it(
    examine, wired, store, tmp_path
):
    sessions.create_session(session_id=ID)
    path = store / f"{ID}.jsonl"
    os.link(path, tmp_path / "other name")
    findings, code = examine("--fix")
    assert (code, findings.fixed) == (1, [])
    _, message, mend = findings.problem
    assert "outside the store" in message
    assert mend == f"find / -xdev -samefile {path}"


def test_fix_removes_old_leftovers_of_ours_alone(examine, wired, store, carry_out):
    sessions.create_session(session_id=ID)
    names = [f".{ID}.{'0' * 16}.tmp", f".{ID}.{'1' * 16}.tmp", ".theirs.tmp", ".x.swp"]
    for name in names:
        (store / name).touch(0o600)
        os.utime(store / name, (0, 0))
    os.utime(store / names[1])  # of a beginning that may be under way
    findings, code = examine()
    assert code == 0
    (told,) = findings.of("warn")
    assert told["message"].startswith("1 hidden file left by a crash: ")
    findings, _ = examine("--fix")
    assert len(findings.fixed) == 1
    assert {name for name in names if (store / name).exists()} == set(names[1:])
    os.utime(store / names[1], (0, 0))
    carry_out(examine()[0].of("warn")[0]["mend"])
    assert examine()[0].of("warn") == []


def test_what_fix_could_not_do_is_said_and_is_still_a_problem(
    doctor, wired, home, checkout
):
    strip(wired, "Stop")
    holder = f"import sys,time;sys.path.insert(0,{str(checkout)!r})\n"
    holder += "from lib import settings,store,file_lock\nimport os\n"
    holder += "store.ensure_folder(store.SESSIONS_DIR)\n"
    holder += "p=os.path.join(store.SESSIONS_DIR,settings.LOCK_NAME)\n"
    holder += (
        "file_lock.with_lock(p,lambda:(print('held',flush=True),sys.stdin.read()))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder],
        env=dict(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process_:
        assert process_.stdout.readline() == "held\n"
        done = doctor("--quick", "--fix")
        process_.communicate("")
    assert done.returncode == 1
    assert "headcount: could not wire the hooks of " in done.stderr
    assert "not wired: Stop" in done.stdout


def test_two_commands_for_one_event_in_one_file_are_told_and_mended(
    examine, wired, carry_out
):
    before = wired.read_text()
    content = json.loads(before)
    (group,) = content["hooks"]["Stop"]
    old = group["hooks"][0]["command"].replace("-I -S", "-I")
    content["hooks"]["Stop"] = [
        {"hooks": [{"type": "command", "command": old, "timeout": 5}]},
        group,
    ]
    for mend in (carry_out, lambda _: examine("--fix")):
        wired.write_text(json.dumps(content))
        _, message, command = examine()[0].problem
        assert message.startswith("two commands for Stop in the settings of user:")
        mend(command)
        assert examine()[1] == 0
        assert json.loads(wired.read_text()) == json.loads(before)
