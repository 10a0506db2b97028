"""The merge into the settings: what is written, what is refused, what is installed."""

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


# What is refused


MALFORMED = {
    "nothing": b"",
    "blank": b" \n",
    "comment": b'{\n  // mine\n  "a": 1\n}',
    "block-comment": b'{"a": 1 /* one */}',
    "trailing-comma": b'{"a": 1,}',
    "trailing-comma-array": b'{"a": [1,]}',
    "nan": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "overflow": b'{"a": 1e400}',
    "overflow-integer": b'{"a": ' + b"9" * 400 + b"}",
    "latin-1": b'{"a": "\xfc"}',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "cut-short": b'{"a": {"b": 1}',
    "cut-in-string": b'{"a": "b',
    "two-roots": b"{} {}",
    "single-quotes": b"{'a': 1}",
    "bare-key": b"{a: 1}",
    "leading-zero": b'{"a": 01}',
    "plus": b'{"a": +1}',
    "raw-newline": b'{"a": "\n"}',
    "bad-escape": b'{"a": "\\x41"}',
    "nul": b'{"a": 1}\x00',
    "conflict": b'<<<<<<< HEAD\n{"a": 1}\n=======\n',
    "deep": b'{"a": ' + b"[" * 100_000 + b"}",
    "array": b"[]",
    "string": b'"hooks"',
    "hooks-array": b'{"hooks": []}',
    "hooks-null": b'{"hooks": null}',
    "event-object": b'{"hooks": {"Stop": {}}}',
    "two-byte-order-marks": b"\xef\xbb\xbf\xef\xbb\xbf{}",
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_malformed_settings_are_refused_and_left_untouched(content, ours, path):
    path.write_bytes(content)
    before = identity(path)
    with pytest.raises(settings.SettingsError) as refusal:
        settings.install_hooks(str(path), ours)
    assert str(refusal.value).startswith(f"{path} is not")
    assert str(refusal.value).endswith("; nothing was changed")
    assert (path.read_bytes(), identity(path)) == (content, before)
    assert listing(path.parent) == ["settings.json"]


BROKEN_MERGES = {
    "theirs-lost": lambda _, ours: json.dumps(
        {"hooks": {event: [group] for event, group in ours.items()}}
    ),
    "ours-missing": lambda text, _: text,
    "one-of-ours-missing": lambda text, ours: hook_merge.merge(
        text, {event: group for event, group in ours.items() if event != "Stop"}
    ),
    "shape-broken": lambda text, _: text.replace("[{", "{").replace("}]", "}"),
    "no-json": lambda text, _: text[:-1],
}


@pytest.mark.parametrize("broken", BROKEN_MERGES.values(), ids=BROKEN_MERGES)
def test_faulty_merge_is_refused_and_never_written(ours, path, monkeypatch, broken):
    """Claude Code drops all settings of a file that has one bad entry."""
    path.write_text(f'{{"a": 1, "hooks": {{"Stop": [{{"hooks": [{THEIRS}]}}]}}}}')
    before, merge = path.read_bytes(), hook_merge.merge

    def faulty(text, given, _):
        with monkeypatch.context() as once:
            once.setattr(hook_merge, "merge", merge)
            return broken(text, given)

    monkeypatch.setattr(hook_merge, "merge", faulty)
    with pytest.raises(settings.SettingsError, match="nothing was changed"):
        settings.install_hooks(str(path), ours)
    assert path.read_bytes() == before
    assert listing(path.parent) == ["settings.json"]


def test_settings_error_names_line_and_column(ours, path):
    path.write_bytes(b'{\r\n  "a": 1,\r\n  "b": [1, ],\r\n}')
    with pytest.raises(settings.SettingsError, match=r"comma .*\(line 3, column 10\)"):
        settings.install_hooks(str(path), ours)
    path.write_bytes(b'{\n "a": "\xff"}')
    with pytest.raises(settings.SettingsError, match=r"UTF-8 \(line 2, column 8\)"):
        settings.installed_hooks(str(path))


def flat(event):
    return f'{{"hooks": {{"{event}": [\n {THEIRS}]}}}}'


def of_hook(event, hook):
    return f'{{"hooks": {{"{event}": [{{"hooks": [\n {hook}]}}]}}}}'


# What Claude Code 2.1.332 was seen to do with each: name, required type, line.
IGNORED = {
    "flat-hook": (flat("PreToolUse"), "hooks.PreToolUse[0].hooks", "an array", 2),
    "flat-hook-permission": (
        flat("PermissionRequest"),
        "hooks.PermissionRequest[0].hooks",
        "an array",
        2,
    ),
    "flat-hook-skill": (
        flat("PreSkillShellCommand"),
        "hooks.PreSkillShellCommand[0].hooks",
        "an array",
        2,
    ),
    "event-object": (
        '{"hooks": {"PreToolUse": {}}}',
        "hooks.PreToolUse",
        "an array",
        1,
    ),
    "group-string": (
        '{"hooks": {"PreToolUse": ["x"]}}',
        "hooks.PreToolUse[0]",
        "an object",
        1,
    ),
    "matcher-object": (
        '{"hooks": {"PreToolUse": [\n{"hooks": []},\n{"matcher": {}, "hooks": []}]}}',
        "hooks.PreToolUse[1].matcher",
        "a string",
        3,
    ),
    "timeout-string": (
        of_hook("PreToolUse", '{"type": "command", "command": "x", "timeout": "5"}'),
        "hooks.PreToolUse[0].hooks[0].timeout",
        "a number above 0",
        2,
    ),
    "timeout-zero": (
        of_hook("PreToolUse", '{"type": "command", "command": "x", "timeout": 0}'),
        "hooks.PreToolUse[0].hooks[0].timeout",
        "a number above 0",
        2,
    ),
    "hook-string": (
        of_hook("PreToolUse", '"x"'),
        "hooks.PreToolUse[0].hooks[0]",
        "an object",
        2,
    ),
    "hook-without-type": (
        of_hook("PreToolUse", '{"command": "x"}'),
        "hooks.PreToolUse[0].hooks[0].type",
        "a string",
        2,
    ),
    "http-without-url": (
        of_hook("PreToolUse", '{"type": "http"}'),
        "hooks.PreToolUse[0].hooks[0].url",
        "a string",
        2,
    ),
    "prompt-without-prompt": (
        of_hook("PreToolUse", '{"type": "prompt"}'),
        "hooks.PreToolUse[0].hooks[0].prompt",
        "a string",
        2,
    ),
    "agent-without-prompt": (
        of_hook("PreToolUse", '{"type": "agent"}'),
        "hooks.PreToolUse[0].hooks[0].prompt",
        "a string",
        2,
    ),
    "mcp-without-server": (
        of_hook("PreToolUse", '{"type": "mcp_tool", "tool": "x"}'),
        "hooks.PreToolUse[0].hooks[0].server",
        "a string",
        2,
    ),
    "mcp-without-tool": (
        of_hook("PreToolUse", '{"type": "mcp_tool", "server": "x"}'),
        "hooks.PreToolUse[0].hooks[0].tool",
        "a string",
        2,
    ),
    "hook-without-command": (
        of_hook("PreToolUse", '{"type": "command"}'),
        "hooks.PreToolUse[0].hooks[0].command",
        "a string",
        2,
    ),
    "permissions-array": ('{"permissions": []}', "permissions", "an object", 1),
    "allow-string": (
        '{\n"permissions": {"allow": "Bash"}}',
        "permissions.allow",
        "an array",
        2,
    ),
    "deny-string": (
        '{"permissions": {"deny": "x"}}',
        "permissions.deny",
        "an array",
        1,
    ),
    "model-number": ('{"model": 5}', "model", "a string", 1),
    "model-null": ('{"model": null}', "model", "a string", 1),
    "env-string": ('{"env": "x"}', "env", "an object", 1),
    "switch-number": ('{"disableAllHooks": 1}', "disableAllHooks", "true or false", 1),
    "status-line-string": ('{"statusLine": "x"}', "statusLine", "an object", 1),
    "status-line-empty": ('{"statusLine": {}}', "statusLine.type", '"command"', 1),
    "status-line-null": ('{"statusLine": null}', "statusLine", "an object", 1),
    "status-line-static": (
        '{"statusLine": {"type": "static", "command": "x"}}',
        "statusLine.type",
        '"command"',
        1,
    ),
    "status-line-command-array": (
        '{"statusLine": {"type": "command", "command": ["x"]}}',
        "statusLine.command",
        "a string",
        1,
    ),
    "days-string": (
        '{"cleanupPeriodDays": "30"}',
        "cleanupPeriodDays",
        "a number",
        1,
    ),
}


@pytest.mark.parametrize(
    ("text", "name", "kind", "line"), IGNORED.values(), ids=IGNORED
)
def test_settings_that_the_client_ignores_are_refused_with_the_cause(
    ours, path, text, name, kind, line
):
    path.write_text(text)
    before = identity(path)
    reason = f"`{name}` must be {kind} (line {line}, column "
    for install in (settings.install_hooks, lambda name, _: settings.check(name)):
        with pytest.raises(settings.SettingsError) as refusal:
            install(str(path), ours)
        assert reason in str(refusal.value)
        assert "Claude Code ignores the whole file" in str(refusal.value)
    assert (path.read_text(), identity(path)) == (text, before)
    assert listing(path.parent) == ["settings.json"]


@pytest.mark.parametrize("text", [text for text, *_ in IGNORED.values()], ids=IGNORED)
def test_hooks_are_uninstalled_from_settings_that_the_client_ignores(ours, path, text):
    """Somebody else's mistake after the install must not keep our hooks in the file."""
    events = {event: ours[event] for event in ("Stop", "SessionEnd")}
    value = json.loads(text)
    value.setdefault("hooks", {}).update({e: [group] for e, group in events.items()})
    path.write_text(json.dumps(value))
    settings.uninstall_hooks(str(path))
    assert installed_events(path) == []
    assert without_ours(path.read_text()) == without_ours(text)


def test_install_replaces_a_headcount_hook_that_voids_the_file(ours, path):
    settings.install_hooks(str(path), ours)
    value = json.loads(path.read_text())
    value["hooks"]["PermissionRequest"][0]["hooks"][0]["timeout"] = "5"
    path.write_text(json.dumps(value))
    with pytest.raises(settings.SettingsError, match="timeout"):
        settings.check(str(path))
    settings.install_hooks(str(path), ours)
    settings.check(str(path))


ACCEPTED = {
    "byte-order-mark": '\ufeff{"a": 1}',
    "byte-order-mark-crlf": '\ufeff{\r\n\t"a": 1\r\n}\r\n',
    "byte-order-mark-only-object": "\ufeff{}\n",
    "duplicate-key": '{"a": 1, "a": 2}',
    "duplicate-key-deep": '{"x": [{"a": 1, "\\u0061": 2}]}',
    "duplicate-hooks": '{"hooks": {"Stop": []}, "b": 1, "hooks": {"X": [5]}}',
    "flat-hook": flat("Stop"),
    "group-string": '{"hooks": {"Stop": ["x"]}}',
    "group-without-hooks": '{"hooks": {"Stop": [{"matcher": "x"}]}}',
    "group-hooks-object": '{"hooks": {"Stop": [{"hooks": {}}]}}',
    "hook-string": of_hook("Stop", '"x"'),
    "hook-without-type": of_hook("Stop", '{"command": "x"}'),
    "matcher-object": '{"hooks": {"Stop": [{"matcher": {}, "hooks": []}]}}',
    "timeout-string": of_hook("Stop", '{"type": "command", "timeout": "5"}'),
    "unknown-event": '{"hooks": {"Nope": 5}}',
    "event-null": '{"hooks": {"PreToolUse": null}}',
    "rule-number": '{"permissions": {"allow": [1]}}',
    "unknown-key": '{"zzz": {"a": 1}}',
    "variable-number": '{"env": {"A": 1}}',
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_settings_that_the_client_loads_are_accepted_and_restored_to_the_byte(
    ours, path, text
):
    path.write_bytes(text.encode())
    settings.check(str(path))
    settings.install_hooks(str(path), ours)
    assert sorted(installed_events(path)) == sorted(EVENTS)
    assert path.read_bytes().startswith(text.encode()[:3])
    installed = path.read_bytes().decode()
    assert installed.count("\n") == installed.count("\r\n") or "\r\n" not in text
    settings.uninstall_hooks(str(path))
    assert path.read_bytes() == text.encode()


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
