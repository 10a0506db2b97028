"""The files of the plugin, and how it finds a Python, without Claude Code."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import ROOT, SCRIPTS, hook_command

import lib
from lib import plugin as plugin_module
from lib.claude import events

BASE = getattr(sys, "_base_executable", sys.executable)
TOOLS = ("sh", "date", "grep", "mkdir", "readlink", "sed", "tr")
SHELLS = [shell for shell in ("bash", "dash", "ksh") if shutil.which(shell)]
RUN = ROOT / "hooks/run"
STANDARD_PLACES = ("/opt/homebrew/bin", "/usr/local/bin", "/usr/bin", "/opt/local/bin")
# Of the user who runs the tests; they have a home of their own.
PYENV = Path(pwd.getpwuid(os.geteuid()).pw_dir, ".pyenv/versions")
OLD_PYTHONS = sorted(PYENV.glob("3.9.*/bin"))
OLDEST_WITH_PLUGINS = (2, 0, 45)


def in_plugin(name):
    return json.loads((ROOT / name).read_text())


@pytest.fixture
def tools(tmp_path):
    """A PATH with what every Unix has, and no Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name))
    return folder


@pytest.fixture
def plugin(tmp_path):
    """A copy of the plugin that looks in no place of this machine but PATH and HOME."""
    copy = tmp_path / "plug in"
    for name in ("bin", "hooks", "lib"):
        shutil.copytree(ROOT / name, copy / name)
    text = RUN.read_text()
    for place in STANDARD_PLACES:
        assert f" {place}/python3.1[0-9]" in text
        text = text.replace(f" {place}/python3", f" {tmp_path}{place}/python3")
    (copy / "hooks/run").write_text(text)
    return copy


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def start(home, tools, plugin):
    """Return a function that starts a hook as Claude Code does; it reads the file."""
    store = home / ".local/state/headcount"
    (group,) = in_plugin("hooks/hooks.json")["hooks"]["UserPromptSubmit"]

    def start(path=(), shell="sh", **variables):
        (tools / "sh").unlink()
        (tools / "sh").symlink_to(shutil.which(shell))
        payload = {"session_id": "a", "hook_event_name": "UserPromptSubmit"}
        done = subprocess.run(
            [tools / "sh", "-c", group["hooks"][0]["command"]],
            input=json.dumps(payload),
            env={
                "CLAUDE_PLUGIN_ROOT": str(plugin),
                "HOME": str(home),
                "PATH": path_of(*path, tools),
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        record = store / "a.jsonl"
        return record.read_text().splitlines() if record.exists() else []

    return start


@pytest.fixture
def log(home):
    return home / ".local/state/headcount/errors.log"


def path_of(*folders):
    return os.pathsep.join(map(str, folders))


def put_python(path, script=None):
    """Make *path* this Python, or a *script* in its place; return its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    words = f'exec "{BASE}" "$@"' if script is None else script
    path.write_text(f"#!/bin/sh\n{words}\n")
    path.chmod(0o755)
    return path.parent


def test_version_is_the_same_everywhere():
    assert in_plugin(".claude-plugin/plugin.json")["version"] == lib.__version__
    (listed,) = in_plugin(".claude-plugin/marketplace.json")["plugins"]
    assert "version" not in listed  # the client takes that of plugin.json
    changes = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## (.*) - \d{4}-\d\d-\d\d$", changes, re.MULTILINE)
    assert releases[0] == lib.__version__
    formula = (ROOT / "contrib/homebrew/headcount.rb").read_text()
    assert f"/headcount-{lib.__version__}.tar.gz" in formula


def test_hooks_of_the_plugin_are_those_of_the_settings():
    example = in_plugin("settings.example.json")["hooks"]
    known = in_plugin("hooks/hooks.json")["hooks"]
    newer = in_plugin("hooks/newer.json")["hooks"]
    assert in_plugin(".claude-plugin/plugin.json")["hooks"] == "./hooks/newer.json"
    since = {event.name: event.since for event in events.EVENTS}

    assert known.keys() | newer.keys() == example.keys()
    assert {event for event in example if since[event] <= OLDEST_WITH_PLUGINS} == {
        *known
    }
    for event, groups in (known | newer).items():
        (hook,) = groups[0]["hooks"]
        script = next(row.script for row in events.EVENTS if row.name == event)
        assert hook["command"].split('"')[2].split()[:2] == [script, "$PPID"]


@pytest.mark.parametrize("shell", SHELLS)
def test_hook_records_with_a_python_on_path(start, tmp_path, shell):
    folder = put_python(tmp_path / "some where/python3.12")

    assert len(start([folder], shell)) == 2


@pytest.mark.parametrize(
    "place",
    [
        "home/.pyenv/versions/3.12.1/bin/python3",
        "home/.asdf/installs/python/3.13.0/bin/python3",
        "home/.local/share/mise/installs/python/3.11.7/bin/python3",
        "home/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python3",
        "opt/homebrew/bin/python3.13",
        "usr/local/bin/python3.10",
        "plug in/.venv/bin/python3.12",
    ],
    ids=lambda place: place.split("/bin/")[0],
)
def test_hook_finds_a_python_that_is_not_on_path(start, tmp_path, place):
    put_python(tmp_path / place)

    assert len(start()) == 2


@pytest.mark.parametrize(
    ("name", "script"),
    [
        pytest.param("python3.10", "exit 127", id="shim-of-another-version"),
        pytest.param("python3.11", "exit 1", id="no-standard-library"),
        pytest.param("python3", 'case "$*" in *-c*) exit 1 ;; esac', id="too-old"),
    ],
)
def test_hook_goes_on_to_the_next_python_if_one_does_not_work(
    start, tmp_path, name, script
):
    bad = put_python(tmp_path / "bad" / name, script)
    good = put_python(tmp_path / "good/python3")

    assert len(start([bad, good])) == 2


def test_hook_does_not_start_again_after_it_was_killed(start, log, tmp_path):
    folder = put_python(tmp_path / "killed/python3.10", "kill -TERM $$")
    put_python(folder / "python3.11")

    assert start([folder]) == []
    assert not log.exists()


def test_hook_runs_no_python_in_a_relative_folder(start, tmp_path, monkeypatch):
    put_python(tmp_path / "repository/python3", "touch ran")
    monkeypatch.chdir(tmp_path / "repository")

    start([".", "", "../repository"])

    assert not Path("ran").exists()


def test_hook_asks_no_shim_while_there_is_another_python(start, tmp_path):
    shims = put_python(tmp_path / "shims/python3.12", f"touch {tmp_path}/asked")
    put_python(shims / "python3", f"touch {tmp_path}/asked")
    other = put_python(tmp_path / "other/python3.12")

    assert len(start([shims, other])) == 2
    assert not (tmp_path / "asked").exists()


@pytest.mark.skipif(not OLD_PYTHONS, reason="pyenv has no Python 3.9")
def test_old_python_records_nothing_and_is_logged(start, log):
    old = OLD_PYTHONS[0]

    assert start([old]) == []
    assert "no Python 3.10 or newer" in log.read_text()


@pytest.mark.parametrize("shell", SHELLS)
def test_missing_python_is_logged_once_a_day_in_private(start, log, shell, store):
    for _ in range(3):
        assert start(shell=shell) == []

    (line,) = log.read_text().splitlines()
    assert line.startswith(time.strftime("%Y-%m-%dT", time.gmtime()))
    assert f" {lib.__version__} hooks/run: no Python 3.10 or newer" in line
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_missing_python_is_reported_by_doctor(start, home):
    start()

    done = subprocess.run(
        [sys.executable, "-m", "lib", "doctor", "--quick"],
        cwd=ROOT,
        env={"HOME": str(home), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "hooks/run: no Python" in done.stdout


@pytest.mark.parametrize("kind", ["link", "foreign"])
def test_missing_python_leaves_a_log_of_another_program_alone(start, log, kind):
    log.parent.mkdir(parents=True)
    target = log.parent / "target"
    target.write_text("of another program\n")
    if kind == "link":
        log.symlink_to(target)
    else:
        target.rename(log)

    start()

    assert log.read_text() == "of another program\n"


def test_missing_python_is_logged_nowhere_if_the_store_is_relative(start, log):
    start(HEADCOUNT_DIR="relative")

    assert not log.exists()
    assert not Path("relative").exists()


def test_hook_of_a_plugin_that_is_gone_is_silent(start, plugin, log):
    shutil.rmtree(plugin / "hooks")
    command = in_plugin("hooks/hooks.json")["hooks"]["Stop"][0]["hooks"][0]["command"]

    done = subprocess.run(
        ["sh", "-c", command],
        env={"CLAUDE_PLUGIN_ROOT": str(plugin), "PATH": os.defpath},
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_command_of_the_plugin_runs_through_a_link(plugin, tools, home, tmp_path):
    folder = put_python(tmp_path / "python/python3")
    link = tmp_path / "headcount"
    link.symlink_to(plugin / "bin/headcount")

    def run(*folders):
        return subprocess.run(
            [link, "--version"],
            env={"HOME": str(home), "PATH": path_of(*folders, tools)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert run(folder).stdout == f"headcount {lib.__version__}\n"
    missing = run()
    assert missing.returncode == 1
    assert missing.stderr.startswith("headcount: no Python 3.10 or newer")


# ---- Beside hooks in the settings -----------------------------------------------


@pytest.fixture
def both(home, tmp_path, monkeypatch):
    """Return a function that fires the event in the settings and in the plugin."""
    store, project = home / "store", tmp_path / "project"
    environment = {
        "HOME": str(home),
        "HEADCOUNT_DIR": str(store),
        "CLAUDE_PROJECT_DIR": str(project),
        "CLAUDE_PID": str(os.getpid()),
    }

    def fire(event="UserPromptSubmit", *, plugin_only=False):
        payload = json.dumps({"session_id": "a", "hook_event_name": event})
        for words in ([],) * (not plugin_only) + (["plugin"],):
            script = ROOT / f"hooks/{SCRIPTS[event]}.py"
            subprocess.run(
                [sys.executable, "-I", "-S", script, str(os.getpid()), *words],
                input=payload.encode(),
                env=environment,
                check=True,
            )
        record = store / "a.jsonl"
        lines = record.read_text().splitlines() if record.exists() else []
        return [json.loads(line)["type"] for line in lines]

    return fire


def settings_with(
    event="UserPromptSubmit", script=None, group=(), hook=(), python=sys.executable
):
    name = script or ROOT / f"hooks/{SCRIPTS[event]}.py"
    command = f"{python} -I -S {name} $PPID 2>/dev/null || : # headcount"
    hooks = [{"type": "command", "command": command, **dict(hook)}]
    return {"hooks": {event: [{"hooks": hooks, **dict(group)}]}}


@pytest.fixture
def write_settings(home, tmp_path):
    def write(values, name="home/.claude/settings.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = values if isinstance(values, str) else json.dumps(values)
        path.write_text(text)

    return write


ONCE, TWICE = (
    ["session_metadata", "heartbeat"],
    ["session_metadata"] + 2 * ["heartbeat"],
)


@pytest.mark.parametrize(
    "name",
    [
        "home/.claude/settings.json",
        "project/.claude/settings.json",
        "project/.claude/settings.local.json",
    ],
)
def test_plugin_leaves_an_event_to_settings_that_record_it(both, write_settings, name):
    write_settings(settings_with(), name)

    assert both() == ONCE


def test_plugin_leaves_an_event_to_a_hook_that_finds_another_python(
    both, write_settings
):
    values = settings_with()
    (hook,) = values["hooks"]["UserPromptSubmit"][0]["hooks"]
    hook["command"] = hook_command("heartbeat", python="/gone/python")
    write_settings(values)

    assert both() == ONCE


def test_plugin_records_an_event_that_the_settings_lack(both, write_settings):
    write_settings(settings_with("Stop"))

    assert both(plugin_only=True) == ONCE


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(settings_with(script="/gone/hooks/heartbeat.py"), id="gone"),
        pytest.param(settings_with(python="/gone/python"), id="python-gone"),
        pytest.param(settings_with(group={"matcher": "Bash"}), id="matcher"),
        pytest.param(settings_with(hook={"if": "Bash(*)"}), id="condition"),
        pytest.param("{" + json.dumps(settings_with()), id="invalid"),
        pytest.param({**settings_with(), "env": "x"}, id="ignored-by-the-client"),
        pytest.param({"note": "# headcount"}, id="only-the-mark"),
    ],
)
def test_plugin_records_where_a_hook_in_the_settings_may_not(
    both, write_settings, values
):
    write_settings(values)

    assert both(plugin_only=True) == ONCE


@pytest.mark.parametrize(
    "words", [["--setting-sources", "project"], ["--setting-sources="]]
)
def test_plugin_records_if_the_client_reads_no_settings_of_the_user(
    home, write_settings, monkeypatch, words
):
    write_settings(settings_with())
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("CLAUDE_PROJECT_DIR", raising=False)
    client = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    client.stdout.readline()  # it has its command line now
    try:
        assert plugin_module.is_recorded_by_settings("UserPromptSubmit", os.getpid())
        assert not plugin_module.is_recorded_by_settings("UserPromptSubmit", client.pid)
    finally:
        client.communicate(b"\n")


def test_plugin_beside_other_settings_loads_only_what_a_hook_may(home, write_settings):
    write_settings({"hooks": {}, "model": "opus"})
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from lib import hook; before = set(sys.modules)\n"
        "from lib import plugin\n"
        "assert not plugin.is_recorded_by_settings('Stop', 1)\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        env={"HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.split() == ["lib.plugin"]
