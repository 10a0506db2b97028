"""The settings file on disk: mode, owner, links, and others who write it."""

from __future__ import annotations

import functools
import json
import os
import stat
import subprocess
import sys

import pytest
from settings_files import EVENTS, INSTALLER, WRITER, installed_events, listing
from support import ROOT

from lib import file_lock
from lib.claude import config_file, settings
from lib.claude.settings_text import hook_merge
from lib.store import paths

INSTALLERS = 16


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_settings_file_keeps_its_mode(ours, path, mode):
    path.write_text("{}")
    path.chmod(mode)
    settings.install_hooks(str(path), ours)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    settings.uninstall_hooks(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_settings_file_keeps_its_group(ours, path):
    path.write_text("{}")
    group = 2345 if os.geteuid() == 0 else os.getgroups()[-1]
    os.chown(path, -1, group)
    settings.install_hooks(str(path), ours)
    assert path.stat().st_gid == group


def test_settings_file_keeps_its_extended_attributes(ours, path):
    path.write_text("{}")
    if not hasattr(os, "setxattr"):
        pytest.skip("Python has extended attributes on Linux only")
    try:
        os.setxattr(path, "user.note", b"mine")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    settings.install_hooks(str(path), ours)
    assert os.getxattr(path, "user.note") == b"mine"


@pytest.mark.parametrize("exists", [True, False], ids=["target", "dangling"])
def test_settings_file_that_is_a_symbolic_link_stays_a_link(
    ours, path, tmp_path, exists
):
    target = tmp_path / "dotfiles" / "claude.json"
    if exists:
        target.parent.mkdir()
        target.write_text("{}")
    path.symlink_to(target)
    settings.install_hooks(str(path), ours)
    assert path.is_symlink()
    assert installed_events(target) == EVENTS
    settings.uninstall_hooks(str(path))
    assert path.is_symlink()
    assert listing(target.parent) == (["claude.json"] if exists else [])
    assert listing(path.parent) == ["settings.json"]


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_settings_path_that_is_a_folder_or_fifo_is_refused_at_once(ours, path, kind):
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(settings.SettingsError, match="regular file"):
        settings.install_hooks(str(path), ours)


def test_read_only_settings_file_is_refused(ours, path, monkeypatch):
    path.write_text("{}")
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # root may write any
    with pytest.raises(settings.SettingsError, match="read-only"):
        settings.install_hooks(str(path), ours)
    assert path.read_text() == "{}"
    assert [name for name in listing(path.parent) if name.startswith(".")] == []


# Others at the same time


def test_change_repeats_when_another_program_writes_in_between(path, ours):
    path.write_text('{"n": 0}')
    calls = []

    def edit(before, backup):
        calls.append(before)
        if len(calls) < 4:
            path.write_text(json.dumps({"n": len(calls)}))
        return hook_merge.merge(before, ours), backup

    config_file.change(str(path), edit)
    assert json.loads(path.read_text())["n"] == 3
    assert len(calls) == 4


def test_change_gives_up_on_a_file_that_keeps_changing(path, ours):
    path.write_text('{"n": 0}')
    calls = []

    def edit(before, backup):
        calls.append(before)
        path.write_text(json.dumps({"n": len(calls)}))
        return hook_merge.merge(before, ours), backup

    with pytest.raises(OSError, match="keeps writing"):
        config_file.change(str(path), edit)
    assert path.read_text() == json.dumps({"n": len(calls)})
    assert not [name for name in listing(path.parent) if name.startswith(".")]


def test_change_reads_a_half_written_file_again(path, ours):
    path.write_text('{"a": ')
    calls = []

    def edit(before, backup):
        calls.append(before)
        if len(calls) == 1:
            path.write_text('{"a": 1}')
        return hook_merge.merge(before, ours), backup

    config_file.change(str(path), edit)
    assert json.loads(path.read_text())["a"] == 1


def test_install_waits_for_another_installer(ours, path, monkeypatch):
    path.write_text("{}")
    settings.install_hooks(str(path), ours)
    patiently = file_lock.with_lock
    monkeypatch.setattr(
        file_lock, "with_lock", functools.partial(patiently, timeout=0.05)
    )

    def meanwhile():
        with pytest.raises(TimeoutError):
            settings.uninstall_hooks(str(path))

    patiently(os.path.join(paths.SESSIONS_DIR, ".install.lock"), meanwhile)
    assert installed_events(path) == EVENTS


def python(program, *arguments, tmp_path):
    environment = {**os.environ, "HEADCOUNT_DIR": str(tmp_path / "store")}
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("with_writer", [False, True], ids=["alone", "with-a-writer"])
def test_sixteen_concurrent_installers_leave_each_hook_once(
    path, tmp_path, with_writer
):
    path.write_text('{"keep": [1.50, "ü"], "number": 0}')
    stop = tmp_path / "stop"
    writer = python(WRITER, path, stop, tmp_path=tmp_path) if with_writer else None
    installers = [
        python(INSTALLER, path, ROOT, number % 2 or "", tmp_path=tmp_path)
        for number in range(INSTALLERS)
    ]
    complaints = [process.communicate()[1] for process in installers]
    stop.touch()
    assert all(not said or (writer and b"keeps writing" in said) for said in complaints)
    assert writer is None or (writer.communicate()[1], writer.returncode) == (b"", 0)
    assert json.loads(path.read_text())["keep"] == [1.5, "ü"]
    if with_writer:  # its last write may be older than the last install
        settings.install_hooks(str(path), settings.desired_hooks(str(ROOT)))
    assert sorted(installed_events(path)) == sorted(EVENTS)
    assert not [name for name in listing(path.parent) if name.startswith(".")]
