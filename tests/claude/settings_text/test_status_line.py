"""The status line in the settings: installed, uninstalled, and that of others kept."""

from __future__ import annotations

import json
import os
import random

import pytest
from settings_files import (
    EVENTS,
    LIFELIKE,
    RANDOM_FILES,
    THEIR_STATUS_LINES,
    RandomSettings,
    elsewhere,
    installed_events,
    listing,
)

from lib.claude import settings
from lib.claude.settings_text import hook_merge, status_line


@pytest.mark.parametrize("text", LIFELIKE)
def test_merge_and_unmerge_round_trip_the_status_line(text, ours, line):
    merged = hook_merge.merge(text, ours, line)
    assert json.loads(merged.removeprefix("\ufeff"))["statusLine"] == line
    assert hook_merge.merge(merged, ours, line) == merged
    assert hook_merge.merge(hook_merge.merge(text, ours), ours, line) == merged
    assert hook_merge.merge(merged, ours) == merged
    assert hook_merge.remove(merged, text) == text


@pytest.mark.parametrize("text", LIFELIKE)
def test_status_line_uninstall_restores_the_file_byte_for_byte(text, ours, line, path):
    path.write_bytes(text.encode())
    settings.install_hooks(str(path), ours)
    settings.install_hooks(str(path), ours, line)
    assert settings.status_line_owner(str(path)) == "ours"
    settings.uninstall_hooks(str(path))
    assert path.read_bytes() == text.encode()
    assert listing(path.parent) == ["settings.json"]


def test_merge_keeps_a_foreign_status_line_in_random_files(ours, line):
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print(f"SEED={seed}")
    for number in range(RANDOM_FILES):
        chance = random.Random(seed + number)
        text = RandomSettings(chance).text()
        theirs = json.loads(text).get("statusLine", "none")
        merged = hook_merge.merge(text, ours, line)
        wanted = line if theirs == "none" else theirs
        assert json.loads(merged)["statusLine"] == wanted, text
        assert hook_merge.merge(merged, ours, line) == merged, text
        assert hook_merge.remove(merged, text) == text


@pytest.mark.parametrize("theirs", THEIR_STATUS_LINES.values(), ids=THEIR_STATUS_LINES)
def test_foreign_status_line_is_kept_by_install_and_uninstall(theirs, ours, line, path):
    text = json.dumps({"statusLine": theirs}, indent=1)
    path.write_text(text)
    settings.install_hooks(str(path), ours, line)
    assert settings.status_line_owner(str(path)) == "theirs"
    assert json.loads(path.read_text())["statusLine"] == theirs
    assert sorted(installed_events(path)) == sorted(EVENTS)
    settings.uninstall_hooks(str(path))
    assert path.read_text() == text


def test_status_line_of_a_moved_checkout_is_replaced_with_its_options_kept(
    ours, line, path, tmp_path
):
    settings.install_hooks(str(path), ours, line)
    changed = path.read_text().replace(
        f'"refreshInterval": {line["refreshInterval"]}',
        '"padding": 2,\n"refreshInterval": 3',
    )
    path.write_text(changed)
    moved = settings.desired_status_line(elsewhere(tmp_path))
    settings.install_hooks(str(path), ours, moved)
    expected = {**moved, "padding": 2, "refreshInterval": 3}
    assert json.loads(path.read_text())["statusLine"] == expected
    settings.uninstall_hooks(str(path))
    assert not path.exists()


def test_status_line_is_not_installed_unless_requested(ours, path):
    assert settings.status_line_owner(str(path)) == "none"
    settings.install_hooks(str(path), ours)
    assert settings.status_line_owner(str(path)) == "none"
    assert "statusLine" not in json.loads(path.read_text())


@pytest.mark.parametrize("kept", [True, False], ids=["dropped", "changed"])
def test_merge_that_would_lose_the_status_line_is_refused(
    ours, line, path, monkeypatch, kept
):
    other = {**line, "command": line["command"].replace("-S", "-s")}
    before = json.dumps({"statusLine": other} if kept else {})
    path.write_text(before)
    monkeypatch.setattr(status_line, "merge", lambda text, _: text)
    with pytest.raises(settings.SettingsError, match="status line; nothing was chang"):
        settings.install_hooks(str(path), ours, line)
    assert path.read_text() == before
