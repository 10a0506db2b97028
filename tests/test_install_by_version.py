"""`install.sh` installs the events that every client in use knows.

Before 2.1.101 a client drops a whole settings file for one event it does not know.
"""

from __future__ import annotations

import json
import os

import pytest
from installing import of_version, put_claude
from support import ASYNCHRONOUS, SCRIPTS

from lib import sessions
from lib.claude import settings
from lib.claude.settings_text import hook_merge

COMMON = ["SessionStart", "UserPromptSubmit", "PostToolUse", "Notification"]
COMMON += ["Stop", "SessionEnd"]
WITH_PERMISSION = [*COMMON, "PermissionRequest"]
ALL = [*SCRIPTS]
THEIRS = """{
\t"model" : "opus", "hooks": {
    "FileChanged" : [ {"matcher":"x", "hooks":[{"type":"command","command":"mine"}]} ]
  } }"""


def installed_events(folder):
    content = json.loads((folder / ".claude/settings.json").read_text())
    return [*content["hooks"]]


def said(output):
    """What one line says of the events that were left out; "" without that line."""
    lines = [line for line in output.splitlines() if line.startswith("left out:")]
    assert len(lines) <= 1
    return lines[0].removeprefix("left out: ") if lines else ""


@pytest.mark.parametrize(
    ("version", "code"),
    [
        pytest.param("2.1.121", 1, id="drops-the-file"),
        pytest.param("2.1.122", 0, id="skips-the-hook"),
    ],
)
def test_malformed_hook_is_refused_if_a_client_drops_the_file_for_it(
    run, checkout, home, tools, version, code
):
    (tools / "claude").unlink()
    put_claude(tools, of_version(version))
    (home / ".claude").mkdir()
    file = home / ".claude/settings.json"
    file.write_text('{"hooks": {"Stop": [{"type": "command", "command": "x"}]}}')
    done = run(checkout / "install.sh", "--dry-run")
    assert done.returncode == code
    reason = "`hooks.Stop[0].hooks` must be an array (line 1, column 21)"
    assert (reason in done.stderr) is bool(code)


@pytest.mark.parametrize(
    ("script", "expected", "why"),
    [
        pytest.param(of_version("2.1.332"), ALL, "", id="2.1.332"),
        pytest.param(of_version("2.1.100"), ALL, "", id="2.1.100"),
        pytest.param(
            of_version("2.1.74"), WITH_PERMISSION, "has version 2.1.74", id="2.1.74"
        ),
        pytest.param(
            of_version("2.0.45"), WITH_PERMISSION, "has version 2.0.45", id="2.0.45"
        ),
        pytest.param(of_version("2.0.44"), COMMON, "has version 2.0.44", id="2.0.44"),
        pytest.param("echo hello", COMMON, "has an unknown version", id="garbage"),
        pytest.param("exit 3", COMMON, "has an unknown version", id="failing"),
        pytest.param("sleep 600", COMMON, "has an unknown version", id="hanging"),
        pytest.param(None, COMMON, "no `claude` is on PATH", id="no-client"),
    ],
)
def test_print_and_dry_run_agree_on_what_the_client_on_path_knows(
    run, checkout, home, tools, script, expected, why
):
    (tools / "claude").unlink()
    if script is not None:
        put_claude(tools, script)
    printed = run(checkout / "install.sh", "--print")
    events = json.loads(printed.stdout)["hooks"]
    assert sorted(events) == sorted(expected)
    assert said(printed.stderr).partition(":")[0].split(", ") == (
        [event for event in ALL if event not in expected] or [""]
    )
    assert why in said(printed.stderr)
    diff = run(checkout / "install.sh", "--dry-run").stdout
    assert {event for event in ALL if f'+    "{event}": [' in diff} == {*events}
    assert said(diff) == said(printed.stderr)
    assert not (home / ".claude").exists()


def test_install_follows_the_client_up_and_down_and_uninstall_takes_all_out(
    run, checkout, home, tools
):
    target = home / ".claude/settings.json"
    target.parent.mkdir()
    target.write_text(THEIRS)
    for version, expected, count in (
        ("2.0.44", COMMON, 6),
        ("2.1.332", ALL, 11),
        ("2.1.74", WITH_PERMISSION, 7),
        ("2.1.100", ALL, 11),
    ):
        put_claude(tools, of_version(version))
        done = run(checkout / "install.sh")
        assert (done.returncode, done.stderr) == (0, "")
        assert {*installed_events(home)} == {*expected, "FileChanged"}, version
        assert target.read_text().count("# headcount") == count
        assert f"{count} hooks installed" in done.stdout
        assert done.stdout.count(" ms") == count
        assert bool(said(done.stdout)) == (expected is not ALL)
        assert '{"matcher":"x", "hooks":[{"type":"command","command":"mine"}]}' in (
            target.read_text()
        )
    put_claude(tools, of_version("2.0.44"))
    run(checkout / "install.sh", "--uninstall")
    assert target.read_text() == THEIRS


def test_install_makes_a_hook_asynchronous_in_place_if_no_client_must_wait(
    run, checkout, home, tools
):
    target = home / ".claude/settings.json"
    target.parent.mkdir()
    target.write_text(THEIRS)
    for version, expected in (
        ("2.1.200", []),
        ("2.1.332", ASYNCHRONOUS),
        ("2.1.200", []),
        ("2.1.332", ASYNCHRONOUS),
    ):
        put_claude(tools, of_version(version))
        done = run(checkout / "install.sh")
        assert (done.returncode, done.stderr) == (0, "")
        hooks = {hook.event: hook for hook in settings.installed_hooks(str(target))}
        assert [event for event in ALL if hooks[event].is_async] == expected
        assert not any(hook.may_be_killed for hook in hooks.values())
        assert target.read_text().count("# headcount") == len(ALL)
        assert "is up to date" in run(checkout / "install.sh").stdout
    run(checkout / "install.sh", "--uninstall")
    assert target.read_text() == THEIRS


def test_install_of_six_hooks_is_upgraded_in_place(run, checkout, home, tools):
    put_claude(tools, of_version("2.0.44"))
    run(checkout / "install.sh")
    before = json.loads((home / ".claude/settings.json").read_text())["hooks"]
    assert [*before] == COMMON
    put_claude(tools, of_version("2.1.332"))
    run(checkout / "install.sh")
    after = json.loads((home / ".claude/settings.json").read_text())["hooks"]
    for event in ASYNCHRONOUS:
        hook_merge.make_asynchronous(event, before[event][0]["hooks"][0])
    assert {event: after[event] for event in COMMON} == before
    assert sorted(after) == sorted(ALL)
    unchanged = run(checkout / "install.sh")
    assert "settings.json is up to date; not changed" in unchanged.stdout
    run(checkout / "install.sh", "--uninstall")
    assert not (home / ".claude/settings.json").exists()


@pytest.mark.parametrize(
    ("version", "expected", "why"),
    [
        pytest.param("2.1.332", ALL, "", id="current"),
        pytest.param("2.1.74", WITH_PERMISSION, "has version 2.1.74", id="old"),
        pytest.param(None, COMMON, "has an unknown version", id="unknown"),
    ],
)
def test_install_respects_the_client_of_a_live_session(
    run, checkout, store, version, expected, why
):
    sessions.create_session(
        session_id="still-open",
        pid=os.getpid(),
        transcript_path="/t.jsonl",
        client_version=version,
    )
    printed = run(checkout / "install.sh", "--print", HEADCOUNT_DIR=str(store))
    assert sorted(json.loads(printed.stdout)["hooks"]) == sorted(expected)
    assert why in said(printed.stderr)
    assert ("session still-open" in said(printed.stderr)) == (expected is not ALL)


def test_install_starts_no_client_but_to_ask_for_its_version(
    run, checkout, tools, tmp_path
):
    script = f'echo "$*" >> {tmp_path}/asked; {of_version("2.1.332")}'
    put_claude(tools, script)
    assert run(checkout / "install.sh").returncode == 0
    assert {*(tmp_path / "asked").read_text().splitlines()} == {"--version"}
    (tmp_path / "asked").unlink()
    assert run(checkout / "install.sh", "--uninstall").returncode == 0
    assert not (tmp_path / "asked").exists()
