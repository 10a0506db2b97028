"""The files of the plugin, and how it finds a Python, without Claude Code."""

from __future__ import annotations

import itertools
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
from support import ID, ROOT, SCRIPTS, UNFINISHED, Client, lines, payload

import lib
from lib import plugin as plugin_module
from lib.claude import events, lateness
from lib.record import entries, timestamps

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
        shutil.copytree(ROOT / name, copy / name, ignore=UNFINISHED)
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


# ---- Beside other hooks of Headcount --------------------------------------------


@pytest.fixture
def checkout(tmp_path):
    """A second checkout, whose hooks are as good as ours."""
    copy = tmp_path / "another"
    for name in ("hooks", "lib"):
        shutil.copytree(ROOT / name, copy / name, ignore=UNFINISHED)
    return copy


@pytest.fixture
def parallel(store, checkout, tmp_path):
    """Return a function that fires an event in several installations at once.

    As Claude Code does: it starts their hooks one after another, and waits for all. It
    returns what they printed. With *in_turn* each has ended before the next starts.
    """
    folders = {"settings": ROOT, "plugin": ROOT, "other settings": checkout}

    def start(event, name):
        script = folders[name] / f"hooks/{SCRIPTS[event]}.py"
        words = [sys.executable, "-I", "-S", script, str(os.getpid())]
        with (tmp_path / "payload.json").open() as stdin:
            return subprocess.Popen(
                [*words, *["plugin"] * (name == "plugin")],
                stdin=stdin,
                stdout=subprocess.PIPE,
                env={**os.environ, "CLAUDE_PID": str(os.getpid()), "AI_AGENT": AGENT},
                text=True,
            )

    def fire(event, *names, in_turn=False, **fields):
        if event == "PostToolUse":  # a tool takes its time
            time.sleep(2 * lateness.FASTEST_TOOL_SECONDS)
        (tmp_path / "payload.json").write_text(json.dumps(payload(event, **fields)))
        if in_turn:
            return [start(event, name).communicate()[0] for name in names]
        hooks = [start(event, name) for name in names]
        return [hook.communicate()[0] for hook in hooks]

    return fire


def recorded(store):
    """The event of each entry; of one without that its source or reason."""
    return [
        next(entry[key] for key in ("event", "source", "reason") if key in entry)
        for entry in lines(store / f"{ID}.jsonl")
    ]


AGENT = "claude-code_2-1-332_harness"
SESSION = {
    "SessionStart": {"source": "startup"},
    "UserPromptSubmit": {"prompt": "hello"},
    "PermissionRequest": {"tool_name": "Bash"},
    "PostToolUse": {"tool_name": "Bash"},
    "Notification": {"notification_type": "permission_prompt"},
    "Stop": {},
    "StopFailure": {},
    "SessionEnd": {"reason": "clear"},
}
PAIRS = [
    pytest.param(names, id=" then ".join(names))
    for names in itertools.permutations(["settings", "plugin", "other settings"], 2)
]


@pytest.mark.parametrize("in_turn", [True, False], ids=["in turn", "at once"])
@pytest.mark.parametrize("names", PAIRS)
def test_event_is_recorded_once_by_two_installations(store, parallel, names, in_turn):
    for event, fields in SESSION.items():
        parallel(event, *names, in_turn=in_turn, **fields)

    others = [*SESSION][1:]
    assert recorded(store) == ["startup", *others[:-1], "clear"]


def test_event_is_recorded_once_by_three_installations(store, parallel):
    names = ("plugin", "other settings", "settings")
    for event in ("UserPromptSubmit", "Stop", "UserPromptSubmit", "Stop"):
        parallel(event, *names)

    assert recorded(store) == ["adopted", *["UserPromptSubmit", "Stop"] * 2]


def test_session_is_resumed_once_by_two_installations(store, parallel):
    parallel("SessionStart", "settings", source="startup")
    parallel("SessionStart", "plugin", "settings", source="resume")

    assert recorded(store) == ["startup", "resume"]


def test_one_installation_alone_answers_a_session_start(store, parallel):
    answers = parallel("SessionStart", "plugin", "settings", source="startup")

    assert sorted(map(bool, answers)) == [False, True]


def test_ids_of_each_installation_end_alike_and_as_those_of_no_other(monkeypatch):
    monkeypatch.setattr(entries, "_mark", "")
    endings = set()
    for number in range(150):
        for is_plugin in (False, True):
            entries.mark_as(f"/home/ada/{number}/lib/hook.py", is_plugin=is_plugin)
            ids = [entries.common_fields("heartbeat", ID)["id"] for _ in range(9)]
            (ending,) = {id_[-4:] for id_ in ids}
            endings.add(ending)
    assert len(endings) == 300


@pytest.mark.parametrize("name", ["settings", "plugin"])
def test_same_event_twice_is_recorded_twice_by_one_installation(store, parallel, name):
    for _ in range(2):
        parallel("UserPromptSubmit", name)

    assert recorded(store) == ["adopted", *["UserPromptSubmit"] * 2]


def test_same_event_twice_is_recorded_twice_by_two_installations(store, parallel):
    for names in (("settings", "plugin"), ("plugin", "settings")):
        parallel("UserPromptSubmit", *names, in_turn=True)

    assert recorded(store) == ["adopted", *["UserPromptSubmit"] * 2]


def test_event_that_says_something_new_is_recorded_by_each(store, parallel):
    parallel("Stop", "settings")
    parallel("Stop", "plugin", background_tasks=[{"status": "running"}])

    assert recorded(store) == ["adopted", "Stop", "Stop"]


@pytest.mark.by_hand
def test_event_is_recorded_if_the_last_like_it_is_old(store, parallel):
    parallel("UserPromptSubmit", "settings")
    path = store / f"{ID}.jsonl"
    old = timestamps.from_epoch(time.time() - entries.REPEAT_SECONDS - 60)
    head, last = path.read_text().splitlines()
    recent = json.loads(last)["timestamp"]
    path.write_text(f"{head}\n{last.replace(recent, old)}\n")

    parallel("UserPromptSubmit", "plugin")

    assert recorded(store)[1:] == ["UserPromptSubmit"] * 2


def test_event_of_another_client_is_recorded(store, parallel):
    parallel("UserPromptSubmit", "plugin")
    with Client() as client:
        client.fire("UserPromptSubmit")

    assert recorded(store)[-2:] == ["UserPromptSubmit"] * 2


# ---- The settings that Claude Code formats anew ---------------------------------

NAME, SETTINGS = "headcount@headcount", '{"model":  "opus"}'
LEFT = {"enabledPlugins": {}, "extraKnownMarketplaces": {}}


@pytest.fixture
def user_settings(home, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    path = home / ".claude/settings.json"
    path.parent.mkdir()
    return path


@pytest.mark.parametrize(
    "before", [SETTINGS, "\ufeff{}\n", None], ids=["settings", "mark", "no-file"]
)
@pytest.mark.parametrize(
    "left",
    [
        pytest.param(LEFT, id="empty-lists"),
        pytest.param({"enabledPlugins": {NAME: False}}, id="as-false"),
    ],
)
def test_settings_are_given_back_as_before_the_plugin(user_settings, before, left):
    if before is not None:
        user_settings.write_text(before)
    values = json.loads((before or "{}").strip("\ufeff"))
    plugin_module.keep_settings()
    user_settings.write_text(json.dumps({**values, "enabledPlugins": {NAME: True}}))
    plugin_module.keep_settings()  # a second run keeps what was before the first
    user_settings.write_text(json.dumps({**values, **left}))

    plugin_module.restore_settings()

    found = user_settings.read_text() if user_settings.exists() else None
    assert found == before
    assert {*user_settings.parent.iterdir()} <= {user_settings}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"model": "sonnet"}, id="changed"),
        pytest.param({"enabledPlugins": {"other@b": False}}, id="a-disabled-plugin"),
        pytest.param({"enabledPlugins": "x"}, id="malformed"),
        pytest.param({"enabledPlugins": {"other@b": True}}, id="another-plugin"),
        pytest.param({"extraKnownMarketplaces": {"b": {}, "c": {"d": 1}}}, id="market"),
    ],
)
def test_settings_that_say_something_else_stay(user_settings, other):
    user_settings.write_text(SETTINGS)
    plugin_module.keep_settings()
    now = json.dumps({**json.loads(SETTINGS), **LEFT, **other})
    user_settings.write_text(now)

    plugin_module.restore_settings()

    assert user_settings.read_text() == now


def test_settings_of_a_plugin_that_was_installed_without_the_script_stay(user_settings):
    now = json.dumps({"enabledPlugins": {NAME: True}})
    user_settings.write_text(now)
    plugin_module.keep_settings()
    plugin_module.restore_settings()

    assert user_settings.read_text() == now
    assert [*user_settings.parent.iterdir()] == [user_settings]
