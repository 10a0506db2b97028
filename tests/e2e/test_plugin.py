"""Headcount as a plugin of the real client: nothing is built, no hook is installed."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from lib import __version__

from .client import HOOK_FAILED
from .conftest import NOT_COPIED, PROJECT

LEFT_OUT = (*NOT_COPIED, "tests", "docs")
BUSY_LOOPS = 8
# As no program would format it, so that only the same bytes are equal.
SETTINGS = '{"cleanupPeriodDays":   90}'
TURN = ["session_metadata", "heartbeat", "turn_close", "session_close"]
# A repository that the client clones by the name of a server which does not exist.
URL = "https://git.example/headcount.git"


@pytest.fixture
def box(empty_box):
    """Return a machine on which nothing of Headcount is installed."""
    return empty_box


@pytest.fixture
def plugin(box):
    """Return a copy of the plugin in the box, in a folder that shells misread."""
    folder = box.home / 'it\'s "$HOME" `id`'
    ignored = shutil.ignore_patterns(*LEFT_OUT)
    shutil.copytree(PROJECT, folder, ignore=ignored)
    return folder


def claude(box, *words):
    done = box.run(box.program, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(box, marketplace):
    claude(box, "plugin", "marketplace", "add", marketplace)
    claude(box, "plugin", "install", "headcount@headcount")


def assert_turn(records):
    """The one session is on record from start to end; its file may have changed."""
    types = records.types(records.only_id())
    assert list(dict.fromkeys(types)) == TURN
    assert types.count("turn_close") == types.count("session_close") == 1


def git(repository, *words):
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "-C", repository, *author, *words], check=True)


@pytest.fixture
def repository(box, plugin):
    """Return the plugin as a git repository that the client finds at URL."""
    repository = box.home / "repository"
    plugin.rename(repository)
    git(repository, "init", "--quiet")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=one")
    config = f'[url "file://{repository}"]\n  insteadOf = {URL}\n'
    (box.home / ".gitconfig").write_text(config)
    return repository


def test_plugin_is_valid_in_the_strict_sense(box, plugin):
    assert "Validation passed" in claude(box, "plugin", "validate", "--strict", plugin)


@pytest.mark.parametrize("version", ["2.0.45", "2.1.74", "2.1.332"])
def test_plugin_folder_records_a_session(box, plugin, records):
    run = box.prompt("hello", "--plugin-dir", str(plugin), "--")

    assert run.output == "done.\n"
    assert_turn(records)
    assert "headcount" not in box.requests_path.read_text()  # it costs no token
    assert not (box.home / ".claude/settings.json").exists()
    assert not (plugin / ".venv").exists()


def test_plugin_records_the_end_of_a_session_on_a_busy_machine(box, plugin, records):
    """Claude Code cancels the hook after 1.5 s."""
    for _ in range(BUSY_LOOPS):
        box.start("sh", "-c", "while :; do :; done")
    terminal = box.terminal("--plugin-dir", str(plugin))
    terminal.ask("hello")

    screen = terminal.exit()

    assert not HOOK_FAILED.search(screen)
    closed = records.entry(records.only_id(), type="session_close")
    assert (closed["reason"], closed["pid"]) == ("prompt_input_exit", terminal.pid)


def test_plugin_loses_nothing_when_updated_while_a_session_runs(
    box, repository, records
):
    install(box, URL)
    terminal = box.terminal()
    terminal.ask("one")
    manifest = repository / ".claude-plugin/plugin.json"
    manifest.write_text(manifest.read_text().replace(__version__, "99.0.0"))
    git(repository, "commit", "--quiet", "--all", "--message=two")
    claude(box, "plugin", "marketplace", "update", "headcount")

    assert "99.0.0" in claude(box, "plugin", "update", "headcount@headcount")
    terminal.ask("two")
    screen = terminal.exit()

    assert "hook" not in screen.lower()
    types = records.types(records.only_id())
    assert types.count("turn_close") == 2
    assert types[-1] == "session_close"


def test_plugin_replaced_in_place_while_a_session_runs_is_used_at_once(
    box, plugin, records
):
    install(box, plugin)
    terminal = box.terminal()
    terminal.ask("one")
    (plugin / "hooks").rename(plugin / "hooks.old")
    terminal.ask("two")
    (plugin / "hooks.old").rename(plugin / "hooks")
    terminal.ask("three")
    screen = terminal.exit()

    assert "hook" not in screen.lower()
    types = records.types(records.only_id())
    assert types.count("turn_close") == 2  # the second turn had no hooks to run
    assert types[-1] == "session_close"


@pytest.mark.parametrize("version", ["2.0.45", "2.1.74", "2.1.332"])
@pytest.mark.parametrize("place", ["user", "--settings"])
def test_plugin_and_settings_together_record_each_event_once(
    box, plugin, installed, records, place
):
    shutil.copytree(installed[1], box.home, dirs_exist_ok=True, symlinks=True)
    given = ["--plugin-dir", str(plugin), "--"]
    if place == "--settings":
        settings = (box.home / ".claude/settings.json").rename(box.home / "given.json")
        given[:0] = ["--settings", str(settings)]

    run = box.prompt("RUN: true", *given)

    assert run.output == "done.\n"
    assert records.types(records.only_id()) == TURN


@pytest.mark.parametrize("version", ["2.0.45", "2.1.74", "2.1.332"])
def test_plugin_is_installed_and_uninstalled_by_the_installer(box, plugin, records):
    programs = box.home / ".local/bin"
    programs.mkdir(parents=True)
    (programs / "claude").symlink_to(box.program)
    link = programs / "headcount"
    settings = box.home / ".claude/settings.json"
    settings.write_text(SETTINGS)
    before = [*settings.parent.glob("settings*")]

    for _ in range(2):
        done = box.run(plugin / "install.sh", "--plugin")
        assert done.returncode == 0, done.stdout + done.stderr
    assert "hooks" not in json.loads(settings.read_text())
    assert box.prompt("hello").output == "done.\n"

    assert_turn(records)
    assert records.verdict(records.only_id()) == "dead"  # the linked command ran
    assert link.readlink() == plugin / "bin/headcount"
    assert not (plugin / ".venv").exists()

    done = box.run(plugin / "install.sh", "--plugin", "--uninstall")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not link.is_symlink()
    assert settings.read_text() == SETTINGS
    assert [*settings.parent.glob("settings*")] == before
    box.prompt("hello")
    assert len(records.ids()) == 1


def test_skill_lists_the_sessions(box, plugin, records):
    # Claude Code puts no folder on the PATH whose name a shell may misread.
    folder = plugin.rename(box.home / "plug in")

    run = box.prompt("/headcount", "--plugin-dir", str(folder))

    assert run.output == "done.\n"
    assert records.only_id()[:8] in box.requests_path.read_text()
