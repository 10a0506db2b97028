"""`headcount doctor` about the hooks: which are installed, where, what is missing."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time

import pytest
from examination import install_hooks, strip
from installing import copy_of_checkout, of_version, put_claude
from support import SCRIPTS

from lib.claude import settings
from lib.doctor import hooks
from lib.doctor.finding import PROBLEM, Context


def test_missing_hooks_are_fixed_by_the_installer(examine, store, checkout, run_fix):
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


@pytest.fixture
def project(tmp_path):
    """A project that is a git repository."""
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / "src/deep").mkdir(parents=True)
    return project


def test_project_hooks_count_only_where_claude_code_reads_them(
    examine, checkout, tmp_path, project
):
    install_hooks(project / ".claude/settings.json", checkout)
    assert examine(cwd=project)[1] == 0
    assert examine(cwd=tmp_path)[1] == 1
    findings, code = examine(cwd=project / "src/deep")
    assert code == 1
    said = f"settings.json applies only to sessions started in {project}"
    assert said in str(findings)
    assert examine(cwd=tmp_path, CLAUDE_PROJECT_DIR=str(project))[1] == 0


def test_local_hooks_of_a_repository_count_below_its_root(examine, checkout, project):
    path = install_hooks(project / ".claude/settings.local.json", checkout)
    strip(path, "Stop")
    findings, code = examine(cwd=project / "src/deep")
    assert (code, findings.problem[1]) == (1, "hook missing: Stop")
    words = [str(checkout / "install.sh"), "--scope", "local", "--project"]
    assert shlex.split(findings.problem[2]) == [*words, str(project)]
    assert examine("--fix", cwd=project / "src/deep")[1] == 0
    assert "Stop" in json.loads(path.read_text())["hooks"]


@pytest.mark.parametrize(
    ("version", "warned"),
    [("2.1.211", None), ("2.1.210", "version 2.1.210"), ("x", "an unknown version")],
    ids=["new", "old", "unknown"],
)
def test_client_that_does_not_read_the_local_hooks_of_a_repository_is_named(
    examine, checkout, tmp_path, project, version, warned
):
    install_hooks(project / ".claude/settings.local.json", checkout)
    folder = put_claude(tmp_path / "bin", of_version(version))
    path = f"{folder}:{os.environ['PATH']}"
    assert not examine(cwd=project, PATH=path)[0].of("warn", "hooks")
    found = examine(cwd=project / "src", PATH=path)[0].of("warn", "hooks")
    said = [finding["message"].partition(" has ")[2] for finding in found]
    assert said == ([warned] if warned else [])


def test_home_settings_are_one_scope_when_run_in_the_home_folder(
    examine, installed, home
):
    link = home.parent / "link"
    link.symlink_to(home)
    findings, code = examine(cwd=home, HOME=str(link))
    assert code == 0
    assert sum(finding["check"] == "hooks" for finding in findings) == 1


NEW_HOOK = [{"hooks": [{"type": "new"}]}]
NEW_MODE = {"permissions": {"defaultMode": "new"}}


@pytest.mark.parametrize(
    ("client", "addition", "place"),
    [
        pytest.param("2.1.332", NEW_MODE, "permissions.defaultMode", id="mode"),
        pytest.param(
            "2.1.332",
            {"hooks": {"PreToolUse": NEW_HOOK}},
            "hooks.PreToolUse[0].hooks[0].type",
            id="type",
        ),
        pytest.param(
            "2.1.332", {"hooks": {"SubagentStop": NEW_HOOK}}, None, id="type-skipped"
        ),
        pytest.param(
            "2.1.200",
            {"hooks": {"SubagentStop": NEW_HOOK}},
            "hooks.SubagentStop[0].hooks[0].type",
            id="type-of-any-event",
        ),
    ],
)
def test_words_that_a_client_may_not_know_are_a_warning_of_doctor_and_install(
    examine, installed, checkout, home, tmp_path, client, addition, place
):
    folder = put_claude(tmp_path / "b", f"echo '{client} (Claude Code)'")
    value = json.loads(installed.read_text())
    value["hooks"] |= addition.get("hooks", {})
    installed.write_text(json.dumps({**addition, **value}))
    variables = {"PATH": f"{folder}:{os.environ['PATH']}"}
    findings, code = examine(**variables)
    warnings = [f for f in findings if (f["check"], f["level"]) == ("hooks", "warn")]
    assert code == 0
    said = subprocess.run(
        [checkout / "install.sh", "--dry-run"],
        env={"HOME": str(home), **variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if place is None:
        assert (warnings, "does not know" in said) == ([], False)
        return
    (warning,) = warnings
    assert f"`{place}` is not a " in warning["message"]
    assert "(line 1, column " in warning["message"]
    assert f"note:     in {installed}, `{place}` is not a " in said
    assert "doctor --live" in warning["fix"]


@pytest.mark.parametrize(
    ("value", "level", "said"),
    [
        pytest.param("{store}", None, "", id="same"),
        pytest.param("{store}/../store", None, "", id="same-in-other-words"),
        pytest.param("/srv/named", "warn", "record to /srv/named", id="other"),
        pytest.param("~bob/x", "problem", "names the home of a user", id="refused"),
    ],
)
def test_store_that_the_settings_name_is_compared_with_that_of_the_command(
    examine, installed, store, value, level, said
):
    named = {"env": {"HEADCOUNT_DIR": value.format(store=store)}}
    installed.write_text(json.dumps({**json.loads(installed.read_text()), **named}))
    findings, code = examine()
    assert code == (level == "problem")
    found = [f for f in findings if f["check"] == "hooks" and f["level"] != "ok"]
    assert [f["level"] for f in found] == [level] * bool(level)
    assert said in "".join(f["message"] for f in found)
    if level == "warn":
        assert found[0]["fix"] == "export 'HEADCOUNT_DIR=/srv/named'"


def test_missing_events_are_named_and_fixed(examine, installed, run_fix):
    strip(installed, "Stop", "PostToolUse")
    findings, code = examine()
    assert code == 1
    assert findings.problem[1] == "hooks missing: PostToolUse, Stop"
    run_fix(findings.problem[2])
    assert examine()[1] == 0


def test_missing_hook_script_is_named(examine, installed, checkout):
    (checkout / "hooks/stop.py").unlink()
    findings, code = examine()
    assert code == 1
    assert findings.problem[1].startswith(
        f"user: the hooks use the script {checkout}/hooks/stop.py, which is missing"
    )


def test_broken_python_link_is_named(examine, installed, checkout):
    python = checkout / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python")
    findings, code = examine()
    assert code == 1
    assert findings.problem[1].startswith(
        f"user: the hooks use the python {python}, which is "
    )


def test_moved_checkout_is_reported_once_and_fixed_from_its_new_place(
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


def test_duplicate_commands_are_reported_with_their_scopes(
    examine, installed, tmp_path, store, run_fix
):
    other = copy_of_checkout(tmp_path / "other")
    (other / ".venv/bin").mkdir(parents=True)
    (other / ".venv/bin/python").symlink_to(sys.executable)
    install_hooks(tmp_path / ".claude/settings.json", other)
    findings, code = examine()
    assert code == 1
    _, message, fix = findings.problem
    assert message.startswith(f"two commands for {', '.join(sorted(SCRIPTS))} in the ")
    assert "user and project" in message
    assert fix.endswith(f"--uninstall --scope project --project {tmp_path}")
    run_fix(fix)
    assert examine()[1] == 0


def test_same_command_in_two_scopes_is_not_a_problem(
    examine, installed, checkout, tmp_path
):
    install_hooks(tmp_path / ".claude/settings.local.json", checkout)
    assert examine()[1] == 0


def test_disabled_hooks_are_reported_with_the_file(examine, home, checkout):
    path = home / ".claude/settings.json"
    install_hooks(path, checkout, '{"disableAllHooks": true}')
    findings, code = examine()
    assert code == 1
    assert findings.problem[1] == f"user: {path} turns off all hooks"
    assert "disableAllHooks" in findings.problem[2]


@pytest.mark.parametrize("switch", ["disableAllHooks", "allowManagedHooksOnly"])
def test_managed_settings_that_turn_hooks_off_are_reported(
    store, home, installed, tmp_path, monkeypatch, switch
):
    folder = tmp_path / "managed"
    folder.mkdir()
    file = folder / "managed-settings.json"
    file.write_text(f'{{"{switch}": true}}')
    monkeypatch.setattr(settings, "MANAGED_FOLDERS", (str(folder),))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    findings = [*hooks.check_hooks(Context(time.time()))]
    message = f"managed: {file} turns off your hooks ({switch})"
    assert (PROBLEM, message) in [(f.level, f.message) for f in findings]
    (scopes,) = hooks.check_scopes(Context(time.time()))
    assert f"{file} (managed)" in scopes.message


def test_settings_that_the_client_ignores_are_reported_with_the_cause(
    examine, installed, home
):
    """An entry of another tool, written after the install, voids the file."""
    content = json.loads(installed.read_text())
    content["hooks"]["PreToolUse"] = [{"type": "command", "command": "say hi"}]
    installed.write_text(json.dumps(content))
    findings, code = examine()
    assert code == 1
    check, message, fix = findings.problem
    assert check == "hooks"
    assert message.startswith(f"user: {installed} is not valid as settings of")
    assert "`hooks.PreToolUse[0].hooks` must be an array (line 1, column " in message
    assert fix == f"edit {installed}"


def test_hook_that_the_client_only_skips_is_no_problem(examine, installed):
    content = json.loads(installed.read_text())
    content["hooks"]["Stop"].append({"type": "command", "command": "say hi"})
    installed.write_text("\ufeff" + json.dumps(content))
    assert examine()[1] == 0


def test_hook_that_is_twice_in_one_file_is_reported_and_fixed(examine, installed):
    content = json.loads(installed.read_text())
    content["hooks"]["Stop"] *= 2
    installed.write_text(json.dumps(content))
    findings, _ = examine()
    (warning,) = findings.of("warn")
    message = f"user: {installed} has the same hook more than once for Stop"
    assert (warning["message"], warning["fixable"]) == (message, True)
    assert [finding["message"] for finding in examine("--fix")[0].fixed] == [message]
    assert len(json.loads(installed.read_text())["hooks"]["Stop"]) == 1
    assert examine()[0].of("warn") == []


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("$HOME/tools{}", id="variable"),
        pytest.param('"$HOME/tools{}"', id="quoted-variable"),
        pytest.param('"${HOME}/tools{}"', id="quoted-braces"),
        pytest.param('"$HOME"/tools{}', id="variable-quoted-alone"),
        pytest.param("~/tools{}", id="tilde"),
        pytest.param('"$HOME/"tools{}', id="slash-quoted-too"),
    ],
)
def test_paths_in_hand_edited_commands_are_understood(examine, home, environment, path):
    checkout = copy_of_checkout(home / "tools", environment)
    file = install_hooks(home / ".claude/settings.json", checkout)
    content = json.loads(file.read_text())
    for groups in content["hooks"].values():
        hook = groups[0]["hooks"][0]
        hook["command"] = re.sub(
            f"{re.escape(str(checkout))}(\\S+)",
            lambda match: path.replace("{}", match[1]),
            hook["command"],
        )
    file.write_text(json.dumps(content))
    findings, code = examine()
    assert code == 0, findings


def test_broken_settings_are_reported_and_the_other_scopes_examined(
    examine, installed, tmp_path
):
    broken = tmp_path / ".claude/settings.json"
    broken.parent.mkdir()
    broken.write_text("{ // no comments\n}")
    findings, code = examine()
    assert code == 1
    assert findings.problem[1].startswith(f"project: {broken} is not valid JSON")
    assert any(f["check"] == "hooks" and f["level"] == "ok" for f in findings)


def test_scopes_finding_names_the_examined_and_the_invisible_settings(
    examine, installed, tmp_path
):
    (told,) = [f["message"] for f in examine()[0] if f["check"] == "scopes"]
    assert str(installed) in told
    assert f"{tmp_path}/.claude/settings.local.json (local)" in told
    assert "managed settings" in told
    assert "--settings" in told


# ---- The plugin -----------------------------------------------------------------


@pytest.fixture
def enable_plugin(home):
    """Return a function that enables the plugin as `claude plugin install` does."""

    def enable(*, installed=True, state=True):
        path = home / ".claude/settings.json"
        values = json.loads(path.read_text()) if path.exists() else {}
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({**values, "enabledPlugins": {PLUGIN: state}}))
        folder = home / ".claude/plugins/cache"
        folder.mkdir(parents=True)
        places = {PLUGIN: [{"installPath": str(folder)}]} if installed else {}
        listed = folder.parent / "installed_plugins.json"
        listed.write_text(json.dumps({"version": 2, "plugins": places}))
        return folder

    return enable


PLUGIN = "headcount@headcount"


def test_enabled_plugin_needs_no_hooks_in_the_settings(examine, home, enable_plugin):
    folder = enable_plugin()

    findings, code = examine()

    assert code == 0
    message = f"{home}/.claude/settings.json enables the plugin {PLUGIN}, in {folder}"
    assert ("ok", message) in [(found["level"], found["message"]) for found in findings]


@pytest.mark.parametrize("kind", ["not-listed", "gone"])
def test_enabled_plugin_that_is_not_installed_is_a_problem(
    examine, enable_plugin, kind
):
    folder = enable_plugin(installed=kind == "gone")
    folder.rmdir()

    findings, code = examine()

    assert code == 1
    check, message, fix = findings.problem
    assert (check, fix) == ("hooks", f"claude plugin install '{PLUGIN}'")
    assert f"enables the plugin {PLUGIN}, which is not installed" in message
    assert (f"{folder} is gone" in message) is (kind == "gone")


def test_disabled_plugin_counts_for_nothing(examine, enable_plugin):
    enable_plugin(state=False)

    findings, code = examine()

    assert code == 1
    assert "no hook is installed" in findings.problem[1]


@pytest.mark.parametrize("line", [True, False], ids=["status-line", "hooks-alone"])
def test_hooks_beside_the_plugin_are_reported_and_fix_removes_them(
    examine, home, checkout, installed, enable_plugin, line
):
    path = home / ".claude/settings.json"
    if line:
        values = json.loads(path.read_text())
        status_line = settings.desired_status_line(str(checkout))
        path.write_text(json.dumps({**values, "statusLine": status_line}))
    enable_plugin()

    findings, code = examine()
    (warning,) = [found for found in findings.of("warn") if found["check"] == "hooks"]
    assert code == 0
    assert f"the plugin {PLUGIN} is enabled, and {path} has 11 hooks too" in str(
        warning
    )
    assert warning["fixable"]

    findings, _ = examine("--fix")
    assert [found["message"] for found in findings.fixed] == [warning["message"]]
    after = json.loads(path.read_text())
    assert ("hooks" in after, "statusLine" in after) == (False, line)
    assert after["enabledPlugins"] == {PLUGIN: True}


def test_hooks_that_only_the_plugin_has_are_not_missing(
    examine, home, installed, enable_plugin
):
    path = home / ".claude/settings.json"
    values = json.loads(path.read_text())
    del values["hooks"]["Stop"]
    path.write_text(json.dumps(values))
    enable_plugin()

    assert examine()[1] == 0
