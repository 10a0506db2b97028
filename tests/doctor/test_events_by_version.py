"""`headcount doctor`: do the clients in use know the events that are installed?"""

from __future__ import annotations

import json
import os

import pytest
from examination import install_hooks, make_asynchronous, strip
from installing import of_version, put_claude
from support import ASYNCHRONOUS, SCRIPTS, only_with_proc

from lib import sessions
from lib.claude import settings

NEW = {"PermissionRequest", "Elicitation", "ElicitationResult", "FileChanged"}
NEW |= {"StopFailure"}
# Every client knows these.
COMMON = {*SCRIPTS} - NEW
with_proc = only_with_proc("without /proc the client waits for the hook of Stop")


@pytest.fixture
def path_with(tmp_path):
    """Return a PATH with a `claude` of a version; None: without one."""

    def make(version):
        if version is None:
            return os.environ["PATH"]
        folder = put_claude(tmp_path / "bin", of_version(version))
        return f"{folder}:{os.environ['PATH']}"

    return make


def events_in(path):
    return {*json.loads(path.read_text())["hooks"]}


def asynchronous_in(path):
    return [hook.event for hook in settings.installed_hooks(str(path)) if hook.is_async]


def messages(findings):
    return [f["message"] for f in findings.of("problem") + findings.of("warn")]


@pytest.mark.parametrize(
    "version",
    [
        pytest.param("2.1.332", id="current"),
        pytest.param("2.1.100", id="drops-the-file-but-knows-all"),
        pytest.param("nightly", id="unknown"),
        pytest.param(None, id="no-client"),
    ],
)
def test_doctor_finds_nothing_wrong_with_all_events(
    examine, installed, path_with, version
):
    findings, code = examine(PATH=path_with(version))
    assert (messages(findings), code) == ([], 0)


@pytest.mark.parametrize(
    ("version", "unknown"),
    [
        pytest.param(
            "2.1.74",
            "Elicitation, ElicitationResult, FileChanged, StopFailure",
            id="2.1.74",
        ),
        pytest.param("2.1.82", "FileChanged", id="2.1.82"),
    ],
)
def test_doctor_reports_events_that_void_the_settings_and_fix_removes_them(
    examine, installed, path_with, version, unknown
):
    path = path_with(version)
    findings, code = examine(PATH=path)
    assert code == 1
    assert findings.problem[1] == (
        f"user: `claude` on PATH has version {version}, which does not know {unknown} "
        f"and so ignores all of {installed}"
    )
    findings, code = examine("--fix", PATH=path)
    assert (code, len(findings.fixed)) == (0, 1)
    assert events_in(installed) == {*SCRIPTS} - {*unknown.split(", ")}
    assert examine(PATH=path)[1] == 0


def test_doctor_reports_events_that_void_the_settings_of_a_live_session(
    examine, installed, store
):
    sessions.create_session(
        session_id="still-open",
        pid=os.getpid(),
        transcript_path="/t.jsonl",
        client_version="2.1.74",
    )
    message = examine()[0].problem[1]
    assert message.startswith("user: session still-open has version 2.1.74, which")


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        pytest.param("2.1.332", {*SCRIPTS}, id="all"),
        pytest.param("2.1.78", {*SCRIPTS} - {"FileChanged"}, id="all-but-FileChanged"),
        pytest.param("2.0.44", COMMON, id="common-only"),
        pytest.param("nightly", COMMON, id="unknown"),
        pytest.param(None, COMMON, id="no-client"),
    ],
)
def test_doctor_adds_what_every_client_in_use_knows(
    examine, installed, path_with, version, wanted
):
    strip(installed, *NEW)
    path = path_with(version)
    findings, code = examine(PATH=path)
    missing = ", ".join(sorted(wanted - COMMON))
    expected = [f"hook{'s' * (',' in missing)} missing: {missing}"] if missing else []
    assert (messages(findings), code) == (expected, len(expected))
    assert examine("--fix", PATH=path)[1] == 0
    assert events_in(installed) == wanted


@pytest.mark.parametrize(
    ("event", "version", "who", "after"),
    [
        pytest.param("PostToolUse", "2.1.332", None, ["PostToolUse"], id="2.1.332"),
        pytest.param("PostToolUse", None, None, ["PostToolUse"], id="no-client"),
        pytest.param("PostToolUse", "2.1.200", "version 2.1.200", [], id="2.1.200"),
        pytest.param("UserPromptSubmit", "2.1.200", "version 2.1.200", [], id="prompt"),
        pytest.param("PostToolUse", "nightly", None, ["PostToolUse"], id="unknown"),
        pytest.param("Stop", "2.1.332", None, ["Stop"], id="turn", marks=with_proc),
        pytest.param(
            *("Stop", "2.1.200", "version 2.1.200", []),
            id="turn-of-2.1.200",
            marks=with_proc,
        ),
    ],
)
def test_doctor_finds_hooks_for_which_a_client_has_to_wait(
    examine, installed, path_with, event, version, who, after
):
    make_asynchronous(installed, [event])
    path = path_with(version)
    findings, code = examine(PATH=path)
    message = f"user: {installed} has an asynchronous hook for {event}, and `claude` "
    message += f"on PATH has {who}, which has to wait for it"
    assert (messages(findings), code) == ([message] if who else [], 0)
    assert examine("--fix", PATH=path)[1] == 0
    assert asynchronous_in(installed) == after
    assert messages(examine(PATH=path)[0]) == []


def test_doctor_finds_a_stop_hook_that_print_mode_does_not_wait_for(
    examine, installed, path_with
):
    content = json.loads(installed.read_text())
    content["hooks"]["Stop"][0]["hooks"][0]["async"] = True
    installed.write_text(json.dumps(content))
    path = path_with("2.1.332")
    (message,) = messages(examine(PATH=path)[0])
    assert "has an asynchronous hook for Stop" in message
    examine("--fix", PATH=path)
    assert messages(examine(PATH=path)[0]) == []
    assert asynchronous_in(installed) == ASYNCHRONOUS
    stop = json.loads(installed.read_text())["hooks"]["Stop"][0]["hooks"][0]
    assert "async" not in stop


def test_doctor_finds_nothing_wrong_with_a_hook_that_is_waited_for(
    examine, installed, path_with
):
    """As an installation from before the client's upgrade has it."""
    path = path_with("2.1.332")
    findings, code = examine("--fix", PATH=path)
    assert (messages(findings), code, findings.fixed) == ([], 0, [])
    assert asynchronous_in(installed) == []


def test_doctor_keeps_what_is_installed_where_it_finds_no_client(
    examine, installed, path_with
):
    strip(installed, "Stop")
    findings, code = examine("--fix", PATH=path_with(None))
    assert (code, len(findings.fixed)) == (0, 1)
    assert events_in(installed) == {*SCRIPTS}


@pytest.mark.parametrize(
    "version",
    [pytest.param("2.1.332", id="all"), pytest.param("2.0.44", id="common-only")],
)
def test_doctor_runs_the_hooks_that_are_installed(
    examine, home, checkout, path_with, version
):
    path = install_hooks(home / ".claude/settings.json", checkout)
    examine("--fix", PATH=path_with(version))
    findings, code = examine(quick=False, PATH=path_with(version))
    timed = [f["message"].split()[0] for f in findings if f["check"] == "timing"]
    assert (code, {*timed}) == (0, events_in(path))
