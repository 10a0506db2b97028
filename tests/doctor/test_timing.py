"""`headcount doctor` runs the hooks: do they record, and how fast."""

from __future__ import annotations

import json
import re

import pytest
from examination import install_hooks, strip

from lib.claude import smoke_test


def test_timing_runs_every_hook_without_writing_to_the_store(examine, installed, store):
    findings, _ = examine(quick=False)
    assert findings.of("problem") == []
    told = [f["message"] for f in findings if f["check"] == "timing"]
    assert [message.split()[0] for message in told] == [*smoke_test.EVENTS]
    for message in told:
        assert re.fullmatch(r"\w+ +p50 +\d+ ms, p95 +\d+ ms of \d+ runs.*", message)
    assert not store.exists()


def test_hook_that_does_not_record_is_a_problem_fixed_by_the_installer(
    examine, installed, checkout, run_fix
):
    sound = (checkout / "hooks/stop.py").read_text()
    (checkout / "hooks/stop.py").write_text("raise SystemExit('I am broken')\n")
    assert examine()[1] == 0
    findings, code = examine(quick=False)
    assert code == 1
    stop, failure = findings.of("problem", "timing")
    assert findings.of("problem") == [stop, failure]
    for event, problem in (("Stop", stop), ("StopFailure", failure)):
        why = f"the hook of {event} does not record: no `turn_close`"
        assert problem["message"].startswith(why)
        assert "I am broken" in problem["message"]
    (checkout / "hooks/stop.py").write_text(sound)
    run_fix(stop["fix"])
    assert examine(quick=False)[1] == 0


@pytest.fixture
def plugin(home, checkout):
    """The plugin alone, as `claude plugin install` leaves it."""
    name, folder = "headcount@headcount", home / ".claude/plugins"
    folder.mkdir(parents=True)
    listed = {"version": 2, "plugins": {name: [{"installPath": str(checkout)}]}}
    (folder / "installed_plugins.json").write_text(json.dumps(listed))
    settings = json.dumps({"enabledPlugins": {name: True}})
    (home / ".claude/settings.json").write_text(settings)
    return folder


@pytest.mark.parametrize("is_listed", [True, False], ids=["listed", "old-client"])
def test_timing_runs_the_hooks_of_the_plugin(examine, plugin, store, is_listed):
    if not is_listed:
        (plugin / "installed_plugins.json").unlink()
    findings, code = examine(quick=False)
    assert (code, findings.of("problem")) == (0, [])
    told = [f["message"] for f in findings if f["check"] == "timing"]
    assert [message.split()[0] for message in told] == [*smoke_test.EVENTS]
    assert not store.exists()


def test_hook_of_the_plugin_that_does_not_record_is_a_problem(
    examine, plugin, checkout
):
    (checkout / "hooks/stop.py").write_text("raise SystemExit('I am broken')\n")
    findings, code = examine(quick=False)
    assert code == 1
    stop, _ = findings.of("problem", "timing")
    assert stop["message"].startswith(
        "the hook of Stop does not record: no `turn_close`"
    )
    assert stop["fix"] == "claude plugin update 'headcount@headcount'"


def test_timing_runs_hooks_of_the_plugin_for_events_that_the_settings_lack(
    examine, installed, plugin, checkout
):
    values = json.loads((plugin.parent / "settings.json").read_text())
    install_hooks(installed, checkout, json.dumps(values))
    strip(installed, "Stop")
    findings, code = examine(quick=False)
    assert code == 0
    told = [f["message"] for f in findings if f["check"] == "timing"]
    assert [message.split()[0] for message in told] == [*smoke_test.EVENTS]


def test_slow_hook_is_a_warning(examine, installed, checkout):
    slow = "import time\ntime.sleep(0.6)\n" + (checkout / "hooks/stop.py").read_text()
    slow = slow.replace("from __future__ import annotations\n", "")
    (checkout / "hooks/stop.py").write_text(slow)
    findings, code = examine(quick=False)
    assert code == 0
    told = [f["message"] for f in findings.of("warn", "timing")]
    assert any(message.startswith("Stop ") for message in told)
    assert "each delays the session" in told[0]


@pytest.mark.parametrize("name", ["settings.json", "settings.local.json"])
@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        pytest.param("", "no hook was run", id="another-command"),
        # Then it runs the rest, which is as the installer writes it.
        pytest.param(
            "echo '{\"async\":true}'; ", "SessionStart", id="before-the-answer"
        ),
    ],
)
def test_timing_runs_no_command_of_project_settings(
    examine, checkout, tmp_path, name, prefix, message
):
    (tmp_path / "clone").mkdir()
    path = install_hooks(tmp_path / f"clone/.claude/{name}", checkout)
    content = json.loads(path.read_text())
    for groups in content["hooks"].values():
        hook = groups[0]["hooks"][0]
        hook["command"] = f"touch {tmp_path}/run; {prefix}{hook['command']}"
    path.write_text(json.dumps(content))
    findings, _ = examine(cwd=tmp_path / "clone", quick=False)
    assert not (tmp_path / "run").exists()
    (first, *_) = [f["message"] for f in findings if f["check"] == "timing"]
    assert first.startswith(message)
