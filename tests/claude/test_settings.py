"""The hooks in settings files: what is written, what is removed, what is there."""

from __future__ import annotations

import json
import os
import random
import stat
from pathlib import Path

import pytest
from settings_files import (
    EVENTS,
    LIFELIKE,
    RANDOM_FILES,
    THEIRS,
    RandomSettings,
    elsewhere,
    identity,
    installed_events,
    listing,
    without_ours,
)
from support import ROOT

from lib.claude import settings
from lib.claude.settings_text import hook_merge


def command_in_json(group):
    return json.dumps(group["hooks"][0]["command"], ensure_ascii=False)


@pytest.mark.parametrize("text", LIFELIKE)
def test_merge_is_idempotent_and_unmerge_restores_the_bytes(text, ours):
    merged = hook_merge.merge(text, ours)
    assert hook_merge.merge(merged, ours) == merged
    assert hook_merge.remove(merged, text) == text


@pytest.mark.parametrize("text", LIFELIKE)
def test_uninstall_restores_the_file_byte_for_byte(text, ours, path):
    path.write_bytes(text.encode())
    settings.install_hooks(str(path), ours)
    assert sorted(installed_events(path)) == sorted(EVENTS)
    settings.uninstall_hooks(str(path))
    assert path.read_bytes() == text.encode()
    assert listing(path.parent) == ["settings.json"]


def test_merge_and_unmerge_round_trip_random_files(ours, path):
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print(f"SEED={seed}")
    for number in range(RANDOM_FILES):
        text = RandomSettings(random.Random(seed + number)).text()
        merged = hook_merge.merge(text, ours)
        assert hook_merge.merge(merged, ours) == merged, text
        assert hook_merge.remove(merged, text) == text
        assert without_ours(merged) == without_ours(text), text
        if number % 10 == 0:
            moved = hook_merge.merge(
                merged, settings.desired_hooks(elsewhere(path.parent))
            )
            assert hook_merge.remove(moved, text) == text


# What is written


def test_new_settings_file_is_the_example_with_the_paths_filled_in(ours, line, path):
    settings.install_hooks(str(path), ours, line)
    example = (ROOT / "settings.example.json").read_text()
    assert path.read_text() == example.replace("/path/to/headcount", str(ROOT))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_uninstall_removes_a_settings_file_that_install_created(ours, home):
    path = home / "new" / "settings.json"
    settings.install_hooks(str(path), ours)
    settings.install_hooks(str(path), ours)
    settings.uninstall_hooks(str(path))
    assert listing(path.parent) == []


def test_desired_hooks_have_one_synchronous_hook_per_event(ours):
    assert list(ours) == EVENTS
    for event, group in ours.items():
        assert list(group) == ["hooks"]
        (hook,) = group["hooks"]
        assert set(hook) == {"type", "command", "timeout"}
        assert hook["timeout"] == (10 if event == "SessionEnd" else 5)


def test_merge_keeps_the_indentation_of_the_file(ours):
    merged = hook_merge.merge('{\n\t"a" : 1\n}', ours)
    assert merged.startswith('{\n\t"a" : 1,\n\t"hooks" : {\n\t\t"SessionStart" : [\n')
    compact = hook_merge.merge('{"a":1}', ours)
    assert compact.startswith('{"a":1,"hooks":{"SessionStart":[{"hooks":[{"type":')
    crlf = hook_merge.merge('{\r\n  "a": 1\r\n}\r\n', ours)
    assert crlf.count("\n") == crlf.count("\r\n")


def test_merge_replaces_a_moved_checkout_in_place(ours, path, tmp_path):
    path.write_text("{}")
    settings.install_hooks(str(path), ours)
    text = path.read_text().replace('"SessionEnd": [', '"SessionEnd": [{"hooks": []},')
    path.write_text(text)
    other = elsewhere(tmp_path)
    new = settings.desired_hooks(other)
    settings.install_hooks(str(path), new)
    for event in EVENTS:
        text = text.replace(command_in_json(ours[event]), command_in_json(new[event]))
    assert path.read_text() == text
    assert installed_events(path) == EVENTS
    assert {hook.python for hook in settings.installed_hooks(str(path))} == {
        f"{other}/.venv/bin/python"
    }
    settings.uninstall_hooks(str(path))
    assert json.loads(path.read_text()) == {"hooks": {"SessionEnd": [{"hooks": []}]}}


def test_merge_removes_old_misplaced_and_duplicate_headcount_hooks(ours, path):
    old = "/old/.venv/bin/python /old/hooks/stop.py # headcount"
    group = {"hooks": [{"type": "command", "command": old}]}
    theirs = json.loads(THEIRS)
    value = {
        "hooks": {
            "PreToolUse": [group],
            "Stop": [
                {"hooks": [theirs, group["hooks"][0]]},
                group,
                {"hooks": [theirs]},
            ],
        }
    }
    path.write_text(json.dumps(value, indent=2))
    settings.install_hooks(str(path), ours)
    hooks = json.loads(path.read_text())["hooks"]
    assert "PreToolUse" not in hooks
    assert hooks["Stop"] == [
        {"hooks": [theirs, ours["Stop"]["hooks"][0]]},
        {"hooks": [theirs]},
    ]
    assert sorted(installed_events(path)) == sorted(EVENTS)


def test_merge_removes_headcount_hooks_pasted_twice(ours, path):
    theirs = {"hooks": [json.loads(THEIRS)]}
    groups = {event: [group, theirs, group] for event, group in ours.items()}
    path.write_text(json.dumps({"hooks": groups}, indent=2))
    settings.install_hooks(str(path), ours)
    assert json.loads(path.read_text())["hooks"] == {
        event: [group, theirs] for event, group in ours.items()
    }


def test_unmerge_removes_an_emptied_group_with_its_matcher(ours, path):
    group = {"matcher": "startup", **ours["SessionStart"]}
    path.write_text(json.dumps({"hooks": {"SessionStart": [group, {"hooks": []}]}}))
    settings.uninstall_hooks(str(path))
    assert json.loads(path.read_text()) == {"hooks": {"SessionStart": [{"hooks": []}]}}


def test_lookalikes_of_headcount_hooks_are_left_alone(ours, path):
    lookalikes = [
        {"type": "command", "command": "/x/hooks/stop.py # headcounter"},
        {"type": "command", "command": "/x/hooks/other.py # headcount"},
        {"type": "prompt", "command": "/x/hooks/stop.py # headcount"},
    ]
    path.write_text(json.dumps({"hooks": {"Stop": [{"hooks": lookalikes}]}}))
    before = path.read_bytes()
    settings.install_hooks(str(path), ours)
    assert json.loads(path.read_text())["hooks"]["Stop"][0] == {"hooks": lookalikes}
    settings.uninstall_hooks(str(path))
    assert path.read_bytes() == before


def test_uninstall_keeps_changes_made_since_the_install(ours, path):
    path.write_text('{\n  "a": 1\n}\n')
    settings.install_hooks(str(path), ours)
    path.write_text(path.read_text().replace('"a": 1', '"a": 2,\n  "b": {}'))
    settings.uninstall_hooks(str(path))
    assert path.read_text() == '{\n  "a": 2,\n  "b": {}\n}\n'
    assert (
        path.parent / "settings.json.headcount-backup"
    ).read_text() == '{\n  "a": 1\n}\n'


@pytest.mark.parametrize(
    "backup",
    [
        pytest.param(b"{", id="cut-short"),
        pytest.param(b"\xff", id="not-utf-8"),
        pytest.param(b'{"a": 2}', id="another"),
        pytest.param(None, id="with-ours"),
    ],
)
def test_uninstall_does_not_restore_a_backup_with_other_settings(ours, path, backup):
    path.write_text('{\n  "a": 1,\n  "hooks": {}\n}\n')
    settings.install_hooks(str(path), ours)
    kept = path.parent / "settings.json.headcount-backup"
    kept.write_bytes(path.read_bytes() if backup is None else backup)
    settings.uninstall_hooks(str(path))
    assert path.read_text() == '{\n  "a": 1\n}\n'


def test_uninstall_from_a_rewritten_file_removes_only_headcount_hooks(ours, path):
    theirs = f'"PreToolUse":[{{"hooks":[{THEIRS}]}}]'
    path.write_text(f'{{"hooks":{{"Stop":[],{theirs}}}}}')
    settings.install_hooks(str(path), ours)
    path.write_text(json.dumps(json.loads(path.read_text()), indent=2) + "\n")
    settings.uninstall_hooks(str(path))
    assert json.loads(path.read_text()) == {
        "hooks": {"PreToolUse": [{"hooks": [json.loads(THEIRS)]}]}
    }


def test_backup_has_no_headcount_hooks_and_a_second_install_writes_nothing(ours, path):
    backup = path.parent / "settings.json.headcount-backup"
    path.write_text('{"hooks": {}}')
    path.chmod(0o640)
    settings.install_hooks(str(path), ours)
    assert backup.read_text() == '{"hooks": {}}'
    assert stat.S_IMODE(backup.stat().st_mode) == 0o640
    before = identity(path), identity(backup)
    assert not settings.install_hooks(str(path), ours).changed
    assert (identity(path), identity(backup)) == before
    settings.install_hooks(str(path), settings.desired_hooks(elsewhere(path.parent)))
    assert backup.read_text() == '{"hooks": {}}'


def test_dry_run_of_install_and_uninstall_writes_nothing(ours, path, tmp_path):
    path.write_text("{}")
    before = sorted(tmp_path.rglob("*"))
    assert settings.install_hooks(str(path), ours, dry_run=True).changed
    assert not settings.uninstall_hooks(str(path), dry_run=True).changed
    assert (path.read_text(), sorted(tmp_path.rglob("*"))) == ("{}", before)


def test_uninstall_without_a_backup_keeps_the_byte_order_mark(ours, path):
    text = '\ufeff{\r\n  "a": 1\r\n}\r\n'
    path.write_bytes(text.encode())
    settings.install_hooks(str(path), ours)
    (path.parent / "settings.json.headcount-backup").unlink()
    settings.uninstall_hooks(str(path))
    assert path.read_bytes() == text.encode()


def test_checkout_path_that_is_not_utf8_is_refused(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)
    Path(os.fsdecode(folder), "settings.example.json").write_bytes(
        (ROOT / "settings.example.json").read_bytes()
    )
    with pytest.raises(settings.SettingsError, match="not UTF-8"):
        settings.desired_hooks(os.fsdecode(folder))


# What is there


def test_installed_hooks_describe_each_installed_hook(ours, path):
    assert settings.installed_hooks(str(path)) == []
    settings.install_hooks(str(path), ours)
    hook = settings.installed_hooks(str(path))[-1]
    assert hook == hook_merge.InstalledHook(
        event="SessionEnd",
        command=ours["SessionEnd"]["hooks"][0]["command"],
        script=f"{ROOT}/hooks/session_end.py",
        python=f"{ROOT}/.venv/bin/python",
        timeout=10,
        is_async=False,
        may_be_killed=False,
    )


@pytest.mark.parametrize(
    "folder", ["a b", "it's", 'say "x"', "$HOME", "ü", "a\nb", "`id`", "#", "a\\b", "*"]
)
def test_installed_hooks_name_the_paths_of_any_checkout(tmp_path, path, folder):
    checkout = tmp_path / folder
    checkout.mkdir()
    (checkout / "settings.example.json").write_bytes(
        (ROOT / "settings.example.json").read_bytes()
    )
    settings.install_hooks(str(path), settings.desired_hooks(str(checkout)))
    hooks = settings.installed_hooks(str(path))
    assert {hook.python for hook in hooks} == {f"{checkout}/.venv/bin/python"}
    assert {Path(hook.script).parent for hook in hooks} == {checkout / "hooks"}


def test_switches_name_the_settings_that_turn_hooks_off(path):
    assert settings.switches([str(path)]) == {}
    for text, switches in [
        ('{"disableAllHooks": true}', {str(path): "disableAllHooks"}),
        ('{"disableAllHooks": false}', {}),
        ('{"allowManagedHooksOnly": true}', {}),  # counts in managed settings only
        ("{ // not valid", {}),
    ]:
        path.write_text(text)
        assert settings.switches([str(path)]) == switches


OFF, ON = '{"disableAllHooks": true}', '{"disableAllHooks": false}'


@pytest.mark.parametrize(
    ("texts", "decides"),
    [
        pytest.param([OFF, "{}", "{}"], 0, id="user"),
        pytest.param([OFF, ON, "{}"], None, id="project-after-user"),
        pytest.param([OFF, "{}", ON], None, id="local-after-user"),
        pytest.param([ON, OFF, "{}"], 1, id="off-in-project"),
        pytest.param([OFF, OFF, OFF], 2, id="everywhere"),
        pytest.param([OFF, '{"disableAllHooks": 0}', "{"], 0, id="ignored-files"),
    ],
)
def test_switch_of_the_last_file_counts(tmp_path, texts, decides):
    files = [tmp_path / f"{number}.json" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    off = settings.switches(map(str, files))
    assert off == ({} if decides is None else {str(files[decides]): "disableAllHooks"})


@pytest.mark.parametrize("switch", ["disableAllHooks", "allowManagedHooksOnly"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("managed-settings.json", id="file"),
        pytest.param("managed-settings.d/50-hooks.json", id="drop-in"),
    ],
)
def test_switches_count_in_managed_settings(tmp_path, monkeypatch, name, switch):
    folder = tmp_path / "managed [1]"
    monkeypatch.setattr(settings, "MANAGED_FOLDERS", ("/nowhere", str(folder)))
    assert settings.switches([]) == {}
    file = folder / name
    file.parent.mkdir(parents=True)
    file.write_text(f'{{"{switch}": true}}')
    assert settings.managed_files() == [str(file)]
    assert settings.switches([]) == {str(file): switch}


def test_settings_files_follow_claude_config_dir(home, tmp_path, monkeypatch):
    assert settings.settings_files() == {"user": f"{home}/.claude/settings.json"}
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "config"))
    assert settings.settings_files(str(tmp_path)) == {
        "user": f"{tmp_path}/config/settings.json",
        "project": f"{tmp_path}/.claude/settings.json",
        "local": f"{tmp_path}/.claude/settings.local.json",
    }


@pytest.mark.parametrize(
    ("folder", "is_read"),
    [
        pytest.param("repository", False, id="the-same-file"),
        pytest.param("repository/src/deep", True, id="below"),
        pytest.param("repository/.claude", True, id="hidden"),
        pytest.param("link", True, id="through-a-link"),
        pytest.param("elsewhere", False, id="no-repository"),
        pytest.param("home/project", False, id="home-is-a-repository"),
    ],
)
def test_settings_files_include_the_local_one_of_the_repository(
    home, tmp_path, folder, is_read
):
    assert home == tmp_path / "home"
    for name in ("repository/.git", "repository/src/deep", "home/.git", "home/project"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("repository/.claude", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "repository/src")

    files = settings.settings_files(str(tmp_path / folder))

    local = tmp_path / "repository/.claude/settings.local.json"
    assert files.get("repository") == (str(local) if is_read else None)
    assert [*files][:3] == ["user", "project", "local"]
