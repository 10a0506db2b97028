"""The merge into the settings file: the law, the refusals, and the file around it."""

from __future__ import annotations

import functools
import json
import os
import random
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

from lib import file_lock
from lib.claude import config_file, json_edit, settings
from lib.store import paths

INSTALLERS = 16
RANDOM_FILES = int(os.environ.get("RANDOM_FILES", "300"))
EVENTS = [
    "SessionStart",
    "UserPromptSubmit",
    "PostToolUse",
    "Notification",
    "Stop",
    "SessionEnd",
]
THEIRS = '{"type": "command", "command": "say done"}'


THEIR_STATUS_LINES = [
    {"type": "command", "command": "~/bin/line", "padding": 0},
    {"type": "command", "command": "~/bin/line # headcount"},
    {"type": "command", "command": "/x/hooks/statusline.py "},
    {"type": "static", "command": "/x/hooks/statusline.py # headcount"},
    {"type": "command", "command": ["/x/hooks/statusline.py # headcount"]},
    {},
    None,
    "/x/hooks/statusline.py # headcount",
]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Let nothing reach the real home or the real store."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.setattr(paths, "SESSIONS_DIR", str(tmp_path / "store"))
    return home


@pytest.fixture
def ours():
    return settings.desired_hooks(str(ROOT))


@pytest.fixture
def line():
    return settings.desired_status_line(str(ROOT))


@pytest.fixture
def path(home):
    (home / ".claude").mkdir()
    return home / ".claude" / "settings.json"


def installed_events(path):
    return [hook.event for hook in settings.installed_hooks(str(path))]


def command_in_json(group):
    return json.dumps(group["hooks"][0]["command"], ensure_ascii=False)


def listing(folder):
    return sorted(entry.name for entry in folder.iterdir())


def identity(path):
    status = path.stat()
    return status.st_ino, status.st_mode, status.st_mtime_ns


# The law


LIFELIKE = [
    pytest.param("{}", id="empty-object"),
    pytest.param("{}\n", id="empty-object-newline"),
    pytest.param(" {\n } \n", id="empty-object-odd-spaces"),
    pytest.param('{"hooks": {}}', id="empty-hooks"),
    pytest.param('{\n  "hooks": {\n  }\n}\n', id="empty-hooks-over-lines"),
    pytest.param('{\n  "hooks": {"Stop": []}\n}\n', id="empty-event"),
    pytest.param('{"hooks":{"Stop":[ ],"SessionEnd":[]}}', id="two-empty-events"),
    pytest.param('{\n  "model": "opus"\n}\n', id="no-hooks"),
    pytest.param('{\n  "model": "opus"\n}', id="no-final-newline"),
    pytest.param('{"a":1,"b":[1,2]}', id="compact"),
    pytest.param('{ "a": 1, "b": 2 }', id="one-line-spaced"),
    pytest.param('{\n\t"a": 1,\n\t"hooks": {}\n}\n', id="tabs"),
    pytest.param('{\r\n    "a": 1\r\n}\r\n', id="crlf-four-spaces"),
    pytest.param('{\n"a": 1\n}\n', id="no-indentation"),
    pytest.param('{"a": [\n1\n]}', id="lines-only-inside"),
    pytest.param(
        f'{{"hooks": {{"Stop": [{{"hooks": [{THEIRS}]}}]}}}}',
        id="their-hook-same-event",
    ),
    pytest.param(
        f'{{\n  "hooks": {{\n    "PreToolUse": [\n      {{"matcher": "Bash", "hooks": '
        f"[{THEIRS}]}}\n    ]\n  }}\n}}\n",
        id="their-event",
    ),
    pytest.param('{"hooks": {"Stop": [{"hooks": []}]}}', id="their-group-is-empty"),
    pytest.param('{"hooks": {"hooks": [], "X": 5}, "n": 0.1000}', id="odd-events"),
    pytest.param('{"a": "\\u00fc \\/ ü \\ud83d\\ude00", "n": 1E2}', id="escapes"),
]


@pytest.mark.parametrize("text", LIFELIKE)
def test_uninstalling_gives_back_the_bytes_and_twice_is_once(text, ours):
    merged = settings.merge(text, ours)
    assert settings.merge(merged, ours) == merged
    assert settings.unmerge(merged, text) == text


@pytest.mark.parametrize("text", LIFELIKE)
def test_install_and_uninstall_leave_nothing_but_the_same_bytes(text, ours, path):
    path.write_bytes(text.encode())
    settings.install_hooks(str(path), ours)
    assert sorted(installed_events(path)) == sorted(EVENTS)
    settings.uninstall_hooks(str(path))
    assert path.read_bytes() == text.encode()
    assert listing(path.parent) == ["settings.json"]


def test_the_law_holds_for_random_files(ours, path):
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print(f"SEED={seed}")
    for number in range(RANDOM_FILES):
        text = RandomSettings(random.Random(seed + number)).text()
        merged = settings.merge(text, ours)
        assert settings.merge(merged, ours) == merged, text
        assert settings.unmerge(merged, text) == text
        assert without_ours(merged) == without_ours(text), text
        if number % 10 == 0:
            moved = settings.merge(
                merged, settings.desired_hooks(elsewhere(path.parent))
            )
            assert settings.unmerge(moved, text) == text


@pytest.mark.parametrize("text", LIFELIKE)
def test_the_law_holds_with_a_status_line(text, ours, line):
    merged = settings.merge(text, ours, line)
    assert json.loads(merged)["statusLine"] == line
    assert settings.merge(merged, ours, line) == merged
    assert settings.merge(settings.merge(text, ours), ours, line) == merged
    assert settings.merge(merged, ours) == merged
    assert settings.unmerge(merged, text) == text


@pytest.mark.parametrize("text", LIFELIKE)
def test_a_status_line_is_installed_and_uninstalled_to_the_byte(text, ours, line, path):
    path.write_bytes(text.encode())
    settings.install_hooks(str(path), ours)
    settings.install_hooks(str(path), ours, line)
    assert settings.status_line_owner(str(path)) == "ours"
    settings.uninstall_hooks(str(path))
    assert path.read_bytes() == text.encode()
    assert listing(path.parent) == ["settings.json"]


def test_the_law_holds_for_random_files_with_status_lines(ours, line):
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print(f"SEED={seed}")
    for number in range(RANDOM_FILES):
        chance = random.Random(seed + number)
        text = RandomSettings(chance).text()
        theirs = json.loads(text).get("statusLine", "none")
        merged = settings.merge(text, ours, line)
        wanted = line if theirs == "none" else theirs
        assert json.loads(merged)["statusLine"] == wanted, text
        assert settings.merge(merged, ours, line) == merged, text
        assert settings.unmerge(merged, text) == text


def elsewhere(folder):
    other = folder / "it's ü"
    other.mkdir(exist_ok=True)
    (other / "settings.example.json").write_bytes(
        (ROOT / "settings.example.json").read_bytes()
    )
    return str(other)


def without_ours(text):
    """Return what others see in *text*: without ours, without empty containers."""
    value = json.loads(text)
    hooks = value.pop("hooks", {})
    for event in list(hooks):
        if isinstance(hooks[event], list):
            hooks[event] = [
                group
                for group in hooks[event]
                if "# headcount" not in json.dumps(group)
            ]
        if hooks[event] == []:
            del hooks[event]
    return json.dumps([value, hooks])


class RandomSettings:
    """Valid settings in a random style, or in no style at all."""

    def __init__(self, chance):
        self.chance = chance
        self.newline = chance.choice(["\n", "\n", "\r\n"])
        self.indent = chance.choice(["  ", "    ", "\t", "", None, "wild"])

    def text(self):
        return (
            self.space(0)
            + self.emit(self.settings(), 0)
            + self.chance.choice(["", self.newline, " "])
        )

    def settings(self):
        value = {key: self.value(2) for key in self.chance.sample("abcdeü ", 3)}
        value = dict(list(value.items())[: self.chance.randrange(4)])
        if self.chance.random() < 0.7:
            value["hooks"] = {
                event: [self.group() for _ in range(self.chance.randrange(3))]
                for event in self.chance.sample([*EVENTS, "PreToolUse", "hooks"], 4)
            }
        if self.chance.random() < 0.3:
            value["statusLine"] = self.chance.choice(THEIR_STATUS_LINES)
        return dict(self.chance.sample(list(value.items()), len(value)))

    def group(self):
        hook = {
            "type": "command",
            "command": self.chance.choice(["x", "é # headcount"]),
        }
        group = {"hooks": [hook] * self.chance.randrange(3)}
        return {"matcher": "*", **group} if self.chance.random() < 0.3 else group

    def value(self, depth):
        kind = self.chance.randrange(6 if depth else 4)
        if kind == 4:
            return [self.value(depth - 1) for _ in range(self.chance.randrange(3))]
        if kind == 5:
            return {key: self.value(depth - 1) for key in self.chance.sample("xyz", 2)}
        return [1e3, 'a\\"/\n\u2028ü', None, -7][kind]

    def space(self, depth):
        if self.indent is None:
            return ""
        if self.indent == "wild":
            return "".join(self.chance.choices(" \t\n\r", k=self.chance.randrange(3)))
        return self.newline + self.indent * depth

    def emit(self, value, depth):
        if not isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=self.chance.random() < 0.5)
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        if not value:
            return (
                opening + (self.space(depth) if self.indent == "wild" else "") + closing
            )
        items = [
            self.space(depth + 1)
            + (json.dumps(item) + ": " if isinstance(value, dict) else "")
            + self.emit(value[item] if isinstance(value, dict) else item, depth + 1)
            for item in value
        ]
        return opening + ",".join(items) + self.space(depth) + closing


# The status line


@pytest.mark.parametrize("theirs", THEIR_STATUS_LINES, ids=repr)
def test_a_status_line_that_is_not_ours_stays(theirs, ours, line, path):
    text = json.dumps({"statusLine": theirs}, indent=1)
    path.write_text(text)
    settings.install_hooks(str(path), ours, line)
    assert settings.status_line_owner(str(path)) == "theirs"
    assert json.loads(path.read_text())["statusLine"] == theirs
    assert sorted(installed_events(path)) == sorted(EVENTS)
    settings.uninstall_hooks(str(path))
    assert path.read_text() == text


def test_the_status_line_of_a_moved_checkout_is_ours_and_keeps_what_was_changed(
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


def test_only_what_is_asked_for_is_set(ours, path):
    assert settings.status_line_owner(str(path)) == "none"
    settings.install_hooks(str(path), ours)
    assert settings.status_line_owner(str(path)) == "none"
    assert "statusLine" not in json.loads(path.read_text())


@pytest.mark.parametrize("kept", [True, False], ids=["dropped", "changed"])
def test_a_merge_that_would_lose_the_status_line_is_refused(
    ours, line, path, monkeypatch, kept
):
    other = settings.status_line.with_command(line["command"].replace("-S", "-s"))
    before = json.dumps({"statusLine": other} if kept else {})
    path.write_text(before)
    monkeypatch.setattr(settings.status_line, "merge", lambda text, _: text)
    with pytest.raises(settings.SettingsError, match="status line; nothing was chang"):
        settings.install_hooks(str(path), ours, line)
    assert path.read_text() == before


# What is written


def test_a_new_file_is_the_example_with_the_paths_filled_in(ours, path):
    settings.install_hooks(str(path), ours)
    example = (ROOT / "settings.example.json").read_text()
    assert path.read_text() == example.replace("/path/to/headcount", str(ROOT))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_we_made_is_gone_after_uninstalling(ours, home):
    path = home / "new" / "settings.json"
    settings.install_hooks(str(path), ours)
    settings.install_hooks(str(path), ours)
    settings.uninstall_hooks(str(path))
    assert listing(path.parent) == []


def test_every_event_has_one_synchronous_hook_with_a_timeout_in_seconds(ours):
    assert list(ours) == EVENTS
    for event, group in ours.items():
        assert list(group) == ["hooks"]
        (hook,) = group["hooks"]
        assert set(hook) == {"type", "command", "timeout"}
        assert hook["timeout"] == (10 if event == "SessionEnd" else 5)


def test_the_indentation_of_the_file_is_taken_over(ours):
    merged = settings.merge('{\n\t"a" : 1\n}', ours)
    assert merged.startswith('{\n\t"a" : 1,\n\t"hooks" : {\n\t\t"SessionStart" : [\n')
    compact = settings.merge('{"a":1}', ours)
    assert compact.startswith('{"a":1,"hooks":{"SessionStart":[{"hooks":[{"type":')
    crlf = settings.merge('{\r\n  "a": 1\r\n}\r\n', ours)
    assert crlf.count("\n") == crlf.count("\r\n")


def test_a_moved_checkout_is_replaced_where_it_stands(ours, path, tmp_path):
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


def test_ours_twice_under_another_event_or_in_an_old_form_becomes_once(ours, path):
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


def test_ours_pasted_a_second_time_becomes_once(ours, path):
    theirs = {"hooks": [json.loads(THEIRS)]}
    groups = {event: [group, theirs, group] for event, group in ours.items()}
    path.write_text(json.dumps({"hooks": groups}, indent=2))
    settings.install_hooks(str(path), ours)
    assert json.loads(path.read_text())["hooks"] == {
        event: [group, theirs] for event, group in ours.items()
    }


def test_a_group_that_would_be_empty_goes_with_its_matcher(ours, path):
    group = {"matcher": "startup", **ours["SessionStart"]}
    path.write_text(json.dumps({"hooks": {"SessionStart": [group, {"hooks": []}]}}))
    settings.uninstall_hooks(str(path))
    assert json.loads(path.read_text()) == {"hooks": {"SessionStart": [{"hooks": []}]}}


def test_what_only_looks_like_ours_is_left_alone(ours, path):
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


def test_what_was_changed_since_stays_changed(ours, path):
    path.write_text('{\n  "a": 1\n}\n')
    settings.install_hooks(str(path), ours)
    path.write_text(path.read_text().replace('"a": 1', '"a": 2,\n  "b": {}'))
    settings.uninstall_hooks(str(path))
    assert path.read_text() == '{\n  "a": 2,\n  "b": {}\n}\n'
    assert (
        path.parent / "settings.json.headcount-backup"
    ).read_text() == '{\n  "a": 1\n}\n'


def test_a_file_rewritten_by_claude_code_loses_exactly_ours(ours, path):
    theirs = f'"PreToolUse":[{{"hooks":[{THEIRS}]}}]'
    path.write_text(f'{{"hooks":{{"Stop":[],{theirs}}}}}')
    settings.install_hooks(str(path), ours)
    path.write_text(json.dumps(json.loads(path.read_text()), indent=2) + "\n")
    settings.uninstall_hooks(str(path))
    assert json.loads(path.read_text()) == {
        "hooks": {"Stop": [], "PreToolUse": [{"hooks": [json.loads(THEIRS)]}]}
    }


def test_the_backup_never_holds_ours_and_a_second_install_writes_nothing(ours, path):
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


def test_a_dry_run_writes_nothing_at_all(ours, path, tmp_path):
    path.write_text("{}")
    before = sorted(tmp_path.rglob("*"))
    assert settings.install_hooks(str(path), ours, dry_run=True).changed
    assert not settings.uninstall_hooks(str(path), dry_run=True).changed
    assert (path.read_text(), sorted(tmp_path.rglob("*"))) == ("{}", before)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_mode_survives(ours, path, mode):
    path.write_text("{}")
    path.chmod(mode)
    settings.install_hooks(str(path), ours)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    settings.uninstall_hooks(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_owner_survives(ours, path):
    path.write_text("{}")
    owner = (1234, 2345) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(path, *owner)
    settings.install_hooks(str(path), ours)
    assert (path.stat().st_uid, path.stat().st_gid) == owner


@pytest.mark.parametrize("exists", [True, False], ids=["target", "dangling"])
def test_a_symbolic_link_stays_one(ours, path, tmp_path, exists):
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


# What is refused


MALFORMED = {
    "nothing": b"",
    "blank": b" \n",
    "comment": b'{\n  // mine\n  "a": 1\n}',
    "block-comment": b'{"a": 1 /* one */}',
    "trailing-comma": b'{"a": 1,}',
    "trailing-comma-array": b'{"a": [1,]}',
    "bom": b'\xef\xbb\xbf{"a": 1}',
    "duplicate-key": b'{"a": 1, "a": 2}',
    "duplicate-key-deep": b'{"x": [{"a": 1, "\\u0061": 2}]}',
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
    "group-string": b'{"hooks": {"Stop": ["x"]}}',
    "group-without-hooks": b'{"hooks": {"Stop": [{"matcher": "x"}]}}',
    "group-hooks-object": b'{"hooks": {"Stop": [{"hooks": {}}]}}',
    "hook-string": b'{"hooks": {"Stop": [{"hooks": ["x"]}]}}',
    "hook-without-type": b'{"hooks": {"Stop": [{"hooks": [{"command": "x"}]}]}}',
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_strict_settings_is_refused_and_untouched(content, ours, path):
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
    "one-of-ours-missing": lambda text, ours: settings.merge(
        text, {event: group for event, group in ours.items() if event != "Stop"}
    ),
    "shape-broken": lambda text, _: text.replace("[{", "{").replace("}]", "}"),
    "no-json": lambda text, _: text[:-1],
}


@pytest.mark.parametrize("broken", BROKEN_MERGES.values(), ids=BROKEN_MERGES)
def test_a_faulty_merge_never_reaches_the_file(ours, path, monkeypatch, broken):
    """Claude Code drops all settings of a file that has one bad entry."""
    path.write_text(f'{{"a": 1, "hooks": {{"Stop": [{{"hooks": [{THEIRS}]}}]}}}}')
    before, merge = path.read_bytes(), settings.merge

    def faulty(text, given, _):
        with monkeypatch.context() as once:
            once.setattr(settings, "merge", merge)
            return broken(text, given)

    monkeypatch.setattr(settings, "merge", faulty)
    with pytest.raises(settings.SettingsError, match="nothing was changed"):
        settings.install_hooks(str(path), ours)
    assert path.read_bytes() == before
    assert listing(path.parent) == ["settings.json"]


def test_the_refusal_names_line_and_column(ours, path):
    path.write_bytes(b'{\r\n  "a": 1,\r\n  "b": [1, ],\r\n}')
    with pytest.raises(settings.SettingsError, match=r"comma .*\(line 3, column 10\)"):
        settings.install_hooks(str(path), ours)
    path.write_bytes(b'{\n "a": "\xff"}')
    with pytest.raises(settings.SettingsError, match=r"UTF-8 \(line 2, column 8\)"):
        settings.disabled(str(path))


def test_the_scanner_agrees_with_the_standard_library():
    chance = random.Random(7)
    texts = [RandomSettings(random.Random(seed)).text() for seed in range(100)]
    for text in texts + [mutated(text, chance) for text in texts for _ in range(20)]:
        try:
            expected = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
        except (ValueError, RecursionError):
            with pytest.raises(json_edit.JsonTextError):
                json_edit.parse(text)
        else:
            assert repr(json_edit.parse(text).value) == repr(expected), text


def mutated(text, chance):
    at = chance.randrange(len(text))
    return (
        text[:at] + chance.choice(["", '"', ",", "}", "1", "\\", "\t"]) + text[at + 1 :]
    )


def unique(pairs):
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError
    return dict(pairs)


def refuse(word):
    raise ValueError(word)


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_file_is_refused_at_once(ours, path, kind):
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(settings.SettingsError, match="regular file"):
        settings.install_hooks(str(path), ours)


def test_a_read_only_file_is_refused(ours, path, monkeypatch):
    path.write_text("{}")
    monkeypatch.setattr(os, "access", lambda name, mode: False)  # root may write any
    with pytest.raises(settings.SettingsError, match="read-only"):
        settings.install_hooks(str(path), ours)
    assert path.read_text() == "{}"
    assert [name for name in listing(path.parent) if name.startswith(".")] == []


def test_a_path_that_json_cannot_name_is_refused(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)
    Path(os.fsdecode(folder), "settings.example.json").write_bytes(
        (ROOT / "settings.example.json").read_bytes()
    )
    with pytest.raises(settings.SettingsError, match="not UTF-8"):
        settings.desired_hooks(os.fsdecode(folder))


# Others at the same time


def test_a_write_in_between_is_not_lost(path, ours):
    path.write_text('{"n": 0}')
    calls = []

    def edit(before, backup):
        calls.append(before)
        if len(calls) < 4:
            path.write_text(json.dumps({"n": len(calls)}))
        return settings.merge(before, ours), backup

    config_file.change(str(path), edit)
    assert json.loads(path.read_text())["n"] == 3
    assert len(calls) == 4


def test_a_file_that_never_rests_is_left_to_the_others(path, ours):
    path.write_text('{"n": 0}')
    calls = []

    def edit(before, backup):
        calls.append(before)
        path.write_text(json.dumps({"n": len(calls)}))
        return settings.merge(before, ours), backup

    with pytest.raises(OSError, match="keeps writing"):
        config_file.change(str(path), edit)
    assert path.read_text() == json.dumps({"n": len(calls)})
    assert not [name for name in listing(path.parent) if name.startswith(".")]


def test_a_file_seen_half_written_is_read_again(path, ours):
    path.write_text('{"a": ')
    calls = []

    def edit(before, backup):
        calls.append(before)
        if len(calls) == 1:
            path.write_text('{"a": 1}')
        return settings.merge(before, ours), backup

    config_file.change(str(path), edit)
    assert json.loads(path.read_text())["a"] == 1


def test_another_installer_is_waited_for(ours, path, monkeypatch):
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


INSTALLER = """
import sys
from lib.claude import settings
path, root, undo = sys.argv[1:]
for _ in range(3):
    settings.install_hooks(path, settings.desired_hooks(root))
    if undo:
        settings.uninstall_hooks(path)
settings.install_hooks(path, settings.desired_hooks(root))
"""
WRITER = """
import json, os, sys, time
path, stop = sys.argv[1:]
number = 0
while not os.path.exists(stop):
    with open(path) as file:
        value = json.load(file)
    number += 1
    value["number"] = number
    with open(path + ".theirs", "w") as file:
        json.dump(value, file, indent=number % 3)
    os.replace(path + ".theirs", path)
    time.sleep(0.1)
"""


def python(program, *arguments, tmp_path):
    environment = {**os.environ, "HEADCOUNT_DIR": str(tmp_path / "store")}
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("with_writer", [False, True], ids=["alone", "with-a-writer"])
def test_sixteen_installers_at_once_end_in_one_of_each(path, tmp_path, with_writer):
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


# What is there


def test_installed_says_what_is_installed(ours, path):
    assert settings.installed_hooks(str(path)) == []
    settings.install_hooks(str(path), ours)
    hook = settings.installed_hooks(str(path))[-1]
    assert hook == settings.InstalledHook(
        event="SessionEnd",
        command=ours["SessionEnd"]["hooks"][0]["command"],
        script=f"{ROOT}/hooks/session_end.py",
        python=f"{ROOT}/.venv/bin/python",
        timeout=10,
    )


@pytest.mark.parametrize(
    "folder", ["a b", "it's", 'say "x"', "$HOME", "ü", "a\nb", "`id`", "#", "a\\b", "*"]
)
def test_installed_tells_the_paths_of_any_checkout(tmp_path, path, folder):
    checkout = tmp_path / folder
    checkout.mkdir()
    (checkout / "settings.example.json").write_bytes(
        (ROOT / "settings.example.json").read_bytes()
    )
    settings.install_hooks(str(path), settings.desired_hooks(str(checkout)))
    hooks = settings.installed_hooks(str(path))
    assert {hook.python for hook in hooks} == {f"{checkout}/.venv/bin/python"}
    assert {Path(hook.script).parent for hook in hooks} == {checkout / "hooks"}


def test_disabled_is_true_only_for_true(path):
    assert not settings.disabled(str(path))
    for text, disabled in [('{"disableAllHooks": true}', True), ("{}", False)]:
        path.write_text(text)
        assert settings.disabled(str(path)) is disabled
    path.write_text('{"disableAllHooks": 1}')
    assert not settings.disabled(str(path))


def test_settings_files_honours_the_configuration_folder(home, tmp_path, monkeypatch):
    assert settings.settings_files() == {"user": f"{home}/.claude/settings.json"}
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "config"))
    assert settings.settings_files(str(tmp_path)) == {
        "user": f"{tmp_path}/config/settings.json",
        "project": f"{tmp_path}/.claude/settings.json",
        "local": f"{tmp_path}/.claude/settings.local.json",
    }
