"""`headcount doctor` about the hooks: are they installed, and do they record."""

from __future__ import annotations

import json
import re
import shlex
import sys
import time

import pytest
from command_line import write
from examination import install_hooks, strip
from installing import copy_of_checkout
from support import ID

from lib import sessions
from lib.claude import smoke_test
from lib.record import timestamps


def test_no_hook_installed_is_fixed_by_the_installer(examine, store, checkout, run_fix):
    findings, code = examine()
    assert code == 1
    check, message, fix = findings.problem
    assert (check, message) == (
        "hooks",
        "no hook is installed, so no session is recorded",
    )
    assert fix == shlex.quote(str(checkout / "install.sh"))
    run_fix(fix)
    assert examine()[1] == 0


@pytest.mark.parametrize("name", ["settings.json", "settings.local.json"])
def test_hooks_of_a_project_count_where_claude_code_reads_them(
    examine, checkout, tmp_path, name
):
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / "src/deep").mkdir(parents=True)
    install_hooks(project / ".claude" / name, checkout)
    assert examine(cwd=project)[1] == 0
    assert examine(cwd=tmp_path)[1] == 1
    findings, code = examine(cwd=project / "src/deep")
    assert code == 1
    assert f"{name} counts only for sessions started in {project}" in str(findings)
    assert examine(cwd=tmp_path, CLAUDE_PROJECT_DIR=str(project))[1] == 0


def test_in_the_home_folder_the_same_file_is_not_two_scopes(examine, installed, home):
    link = home.parent / "link"
    link.symlink_to(home)
    findings, code = examine(cwd=home, HOME=str(link))
    assert code == 0
    assert sum(finding["check"] == "hooks" for finding in findings) == 1


def test_events_that_are_missing_are_named_and_fixed(examine, installed, run_fix):
    strip(installed, "Stop", "PostToolUse")
    findings, code = examine()
    assert code == 1
    assert findings.problem[1] == "hooks missing: PostToolUse, Stop"
    run_fix(findings.problem[2])
    assert examine()[1] == 0


def test_a_script_that_is_gone_is_named(examine, installed, checkout):
    (checkout / "hooks/stop.py").unlink()
    findings, code = examine()
    assert code == 1
    assert findings.problem[1].startswith(
        f"user: the hooks use the script {checkout}/hooks/stop.py, which is missing"
    )


def test_a_python_that_is_a_broken_link_is_named(examine, installed, checkout):
    python = checkout / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python")
    findings, code = examine()
    assert code == 1
    assert findings.problem[1].startswith(
        f"user: the hooks use the python {python}, which is "
    )


def test_a_checkout_that_has_moved_is_told_once_and_fixed_from_its_new_place(
    examine, home, checkout, run_fix
):
    was = checkout.parent / "was here"
    install_hooks(home / ".claude/settings.json", checkout)
    settings_path = home / ".claude/settings.json"
    settings_path.write_text(settings_path.read_text().replace(str(checkout), str(was)))
    findings, code = examine()
    assert code == 1
    _, message, fix = findings.problem
    assert (
        message == f"user: the hooks are in {was}, which does not exist (was it moved?)"
    )
    run_fix(fix)
    assert examine()[1] == 0


def test_two_commands_for_one_event_are_told_with_the_scopes(
    examine, installed, tmp_path, store, run_fix
):
    other = copy_of_checkout(tmp_path / "other")
    (other / ".venv/bin").mkdir(parents=True)
    (other / ".venv/bin/python").symlink_to(sys.executable)
    install_hooks(tmp_path / ".claude/settings.json", other)
    findings, code = examine()
    assert code == 1
    _, message, fix = findings.problem
    assert message.startswith("two commands for Notification, PostToolUse, Session")
    assert "user and project" in message
    assert fix.endswith(f"--uninstall --scope project --project {tmp_path}")
    run_fix(fix)
    assert examine()[1] == 0


def test_the_same_command_in_two_scopes_is_no_problem(
    examine, installed, checkout, tmp_path
):
    install_hooks(tmp_path / ".claude/settings.local.json", checkout)
    assert examine()[1] == 0


def test_hooks_that_are_turned_off_are_told_with_the_file(examine, home, checkout):
    path = home / ".claude/settings.json"
    install_hooks(path, checkout, '{"disableAllHooks": true}')
    findings, code = examine()
    assert code == 1
    assert findings.problem[1] == f"user: {path} turns off all hooks"
    assert "disableAllHooks" in findings.problem[2]


def test_settings_that_are_broken_are_told_and_the_other_scopes_examined(
    examine, installed, tmp_path
):
    broken = tmp_path / ".claude/settings.json"
    broken.parent.mkdir()
    broken.write_text("{ // no comments\n}")
    findings, code = examine()
    assert code == 1
    assert findings.problem[1].startswith(f"project: {broken} is not valid JSON")
    assert any(f["check"] == "hooks" and f["level"] == "ok" for f in findings)


def test_a_command_that_links_to_nothing_is_told_and_fixed(
    examine, installed, home, run_fix
):
    link = home / ".local/bin/headcount"
    link.parent.mkdir(parents=True)
    link.symlink_to("/nowhere/headcount")
    findings, code = examine()
    assert code == 1
    assert findings.problem[0] == "command"
    assert "/nowhere/headcount" in findings.problem[1]
    run_fix(findings.problem[2])
    assert examine()[1] == 0
    link.symlink_to(sys.executable)
    assert examine()[1] == 0


def test_hooks_that_were_installed_before_are_told_by_what_they_recorded(
    examine, installed, store
):
    now = timestamps.from_epoch(time.time())
    path = write(store, ID, source="startup", transcript_path="/t", last_heartbeat=now)
    store.chmod(0o700)
    path.chmod(0o600)
    strip(installed, "SessionStart", "Stop")
    _, message, _ = examine()[0].problem
    assert message == (
        "hooks missing: SessionStart, Stop. They were installed before: "
        f"SessionStart was recorded by {now}"
    )
    strip(installed)
    _, message, _ = examine()[0].problem
    assert message == (
        "no hook is installed, so no session is recorded. They were installed before: "
        f"a session was recorded by {now}"
    )


def test_a_session_of_another_tool_is_no_evidence_of_hooks(examine, store):
    sessions.create_session(session_id=ID)
    assert "before" not in examine()[0].problem[1]


def test_hooks_stripped_from_the_scope_they_were_in_are_fixed_there(
    examine, checkout, tmp_path, run_fix
):
    project = tmp_path / "project"
    (project / ".claude").mkdir(parents=True)
    (project / ".claude/settings.local.json").write_text('{"model": "opus"}\n')
    where = f"--scope local --project {shlex.quote(str(project))}"
    run_fix(f"{shlex.quote(str(checkout))}/install.sh {where}")
    strip(project / ".claude/settings.local.json")
    _, _, fix = examine(cwd=project)[0].problem
    assert fix.endswith(where)
    run_fix(fix)
    assert examine(cwd=project)[1] == 0


def test_it_says_which_settings_it_looked_at_and_which_it_cannot_see(
    examine, installed, tmp_path
):
    (told,) = [f["message"] for f in examine()[0] if f["check"] == "scopes"]
    assert str(installed) in told
    assert f"{tmp_path}/.claude/settings.local.json (local)" in told
    assert "managed settings" in told
    assert "--settings" in told


@pytest.mark.parametrize("gone", [True, False])
def test_a_status_line_of_ours_needs_its_script(examine, installed, checkout, gone):
    script = checkout / "hooks/statusline.py"
    command = shlex.join([sys.executable, "-I", "-S", str(script)]) + " # headcount"
    content = json.loads(installed.read_text())
    content["statusLine"] = {"type": "command", "command": command}
    installed.write_text(json.dumps(content))
    if gone:
        script.unlink()
    findings, code = examine()
    assert code == (1 if gone else 0)
    if gone:
        check, message, fix = findings.problem
        assert check == "statusline"
        assert message == f"user: the status line names {script}, which is missing"
        assert fix.endswith("install.sh' --statusline")


@pytest.mark.parametrize(
    "value", ['"x"', "[]", "1", '{"command": 5}', '{"command": "/hooks/statusline.py"}']
)
def test_a_status_line_that_is_not_ours_is_nobodys_business(
    examine, home, value, installed
):
    content = json.loads(installed.read_text())
    content["statusLine"] = json.loads(value)
    installed.write_text(json.dumps(content))
    findings, code = examine()
    assert code == 0
    assert not any(finding["check"] == "statusline" for finding in findings)


# ---- The hooks run ------------------------------------------------------------


def test_every_hook_is_run_and_timed_without_a_trace_in_the_store(
    examine, installed, store
):
    findings, _ = examine(quick=False)
    assert findings.of("problem") == []
    told = [f["message"] for f in findings if f["check"] == "timing"]
    assert [message.split()[0] for message in told] == [*smoke_test.EVENTS]
    for message in told:
        assert re.fullmatch(r"\w+ +p50 +\d+ ms, p95 +\d+ ms of \d+ runs.*", message)
    assert not store.exists()


def test_a_hook_that_does_not_record_is_a_problem_that_the_installer_fixes(
    examine, installed, checkout, run_fix
):
    sound = (checkout / "hooks/stop.py").read_text()
    (checkout / "hooks/stop.py").write_text("raise SystemExit('I am broken')\n")
    assert examine()[1] == 0
    findings, code = examine(quick=False)
    assert code == 1
    check, message, fix = findings.problem
    assert check == "timing"
    assert message.startswith("the hook of Stop does not record: no `turn_close`")
    assert "I am broken" in message
    (checkout / "hooks/stop.py").write_text(sound)
    run_fix(fix)
    assert examine(quick=False)[1] == 0


def test_a_slow_hook_is_warned_of(examine, installed, checkout):
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
    path = install_hooks(tmp_path / f"clone/.claude/{name}", checkout)
    content = json.loads(path.read_text())
    for groups in content["hooks"].values():
        hook = groups[0]["hooks"][0]
        hook["command"] = f"touch {tmp_path}/run; {hook['command']}"
    path.write_text(json.dumps(content))
    findings, _ = examine(cwd=tmp_path / "clone", quick=False)
    assert not (tmp_path / "run").exists()
    (told,) = [f["message"] for f in findings if f["check"] == "timing"]
    assert told.startswith("no hook was run")
