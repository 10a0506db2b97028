"""Settings files for tests: random ones, and programs that edit one at once."""

from __future__ import annotations

import json
import os

import pytest
from support import ROOT, SCRIPTS

from lib.claude import settings

RANDOM_FILES = int(os.environ.get("RANDOM_FILES", "300"))
EVENTS = [*SCRIPTS]
THEIRS = '{"type": "command", "command": "say done"}'


THEIR_STATUS_LINES = {
    "other-command": {"type": "command", "command": "~/bin/line", "padding": 0},
    "our-mark-only": {"type": "command", "command": "~/bin/line # headcount"},
    "our-path-only": {"type": "command", "command": "/x/hooks/statusline.py "},
}


def installed_events(path):
    return [hook.event for hook in settings.installed_hooks(str(path))]


def listing(folder):
    return sorted(entry.name for entry in folder.iterdir())


def identity(path):
    status = path.stat()
    return status.st_ino, status.st_mode, status.st_mtime_ns


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
    pytest.param('\ufeff{\r\n  "a": 1\r\n}\r\n', id="byte-order-mark-crlf"),
    pytest.param('{"a": "\\u00fc \\/ ü \\ud83d\\ude00", "n": 1E2}', id="escapes"),
]


def elsewhere(folder):
    other = folder / "it's ü"
    other.mkdir(exist_ok=True)
    (other / "settings.example.json").write_bytes(
        (ROOT / "settings.example.json").read_bytes()
    )
    return str(other)


def without_ours(text):
    """Return what others see in *text*: without ours, without empty containers."""
    value = json.loads(text.removeprefix("\ufeff"))
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
            value["statusLine"] = self.chance.choice([*THEIR_STATUS_LINES.values()])
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


# It waits for its turn, however busy the machine is.
INSTALLER = """
import functools, sys
from lib import file_lock
from lib.claude import settings
file_lock.with_lock = functools.partial(file_lock.with_lock, timeout=100)
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
