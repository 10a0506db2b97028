"""Settings that are refused because the client would ignore them; and others."""

from __future__ import annotations

import json

import pytest
from settings_files import (
    EVENTS,
    THEIRS,
    identity,
    installed_events,
    listing,
    without_ours,
)

from lib.claude import settings
from lib.claude.settings_text import hook_merge

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
