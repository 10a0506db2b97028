"""Settings files by the thousand: merged and taken back to the byte, or left alone."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time

import pytest
from settings_files import EVENTS, INSTALLER, WRITER, RandomSettings, without_ours
from support import ROOT

from lib.claude import settings
from lib.claude.settings_text import hook_merge

OURS = settings.desired_hooks(str(ROOT))


@pytest.fixture
def path(store, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".claude"
    folder.mkdir()
    return folder / "settings.json"


def test_random_settings_are_restored_byte_for_byte(path, size, chance, figure):
    count, on_disk = size(100, 10_000), 0
    for number in range(count):
        text = RandomSettings(chance).text()
        merged = hook_merge.merge(text, OURS)
        assert hook_merge.merge(merged, OURS) == merged, text
        assert hook_merge.remove(merged, text) == text
        assert without_ours(merged) == without_ours(text), text
        if number % 20 == 0:
            _install_and_uninstall(path, text)
            on_disk += 1
    figure(
        f"{count} random settings files, {on_disk} of them on disk: twice is once, "
        "uninstall gives back the bytes, foreign values and order kept"
    )


def _install_and_uninstall(path, text):
    path.write_bytes(text.encode())
    for _ in range(2):
        settings.install_hooks(str(path), OURS)
    assert sorted(hook.event for hook in settings.installed_hooks(str(path))) == sorted(
        EVENTS
    )
    settings.uninstall_hooks(str(path))
    assert path.read_bytes() == text.encode()


def _no_brace(chance, raw):
    places = [i for i, byte in enumerate(raw) if byte in b"{}[]"]
    place = chance.choice(places)
    return raw[:place] + raw[place + 1 :]


def _in_front_of_the_end(what):
    return lambda _, raw: raw.rstrip()[:-1] + what + b"}"


BREAKS = {
    "a brace lost": _no_brace,
    "cut off": lambda chance, raw: raw.rstrip()[
        : chance.randrange(1, len(raw.rstrip()))
    ],
    "a comma too many": lambda _, raw: raw.rstrip()[:-1] + b",}",
    "a comment": lambda _, raw: b"// mine\n" + raw,
    "a comment within": _in_front_of_the_end(b"/* mine */"),
    "UTF-16": lambda _, raw: raw.decode().encode("utf-16"),
    "not UTF-8": lambda _, raw: raw.rstrip()[:-1] + b"\xff}",
    "NULs": lambda chance, raw: raw + b"\0" * chance.randrange(1, 9),
    "twice": lambda _, raw: raw + raw,
    "single quotes": lambda _, raw: b"{'a': 1}" + raw,
    "a list": lambda _, raw: b"[" + raw + b"]",
    "hooks is a list": lambda _, _raw: b'{"hooks": []}',
    "an event is not a list": lambda chance, _: _event(chance, b'{"hooks": []}'),
    "a group is not an object": lambda *_: b'{"hooks": {"PreToolUse": ["x"]}}',
    "a group without hooks": lambda *_: (
        b'{"hooks": {"PreToolUse": [{"matcher": "*"}]}}'
    ),
    "another type": lambda *_: b'{"a": 1, "model": 2}',
    "not a number": lambda _, _raw: b'{"a": NaN}',
    "infinite": lambda _, _raw: b'{"a": -Infinity}',
    "a tab in a text": lambda _, _raw: b'{"a": "\t"}',
    "half a character": lambda _, _raw: b'{"a": "\\u12"}',
    "deep": lambda chance, _: b"[" * chance.randrange(2000, 99_999),
    "empty": lambda _, _raw: b"",
}


def _event(chance, value):
    return b'{"hooks": {"%s": %s}}' % (chance.choice(EVENTS).encode(), value)


def test_malformed_random_settings_are_refused_and_left_untouched(
    path, size, chance, figure
):
    count = size(len(BREAKS), 300)
    for number in range(count):
        name = [*BREAKS][number % len(BREAKS)]
        raw = BREAKS[name](chance, RandomSettings(chance).text().encode())
        path.write_bytes(raw)
        before = _look(path)
        with pytest.raises(settings.SettingsError):
            settings.install_hooks(str(path), OURS)
        # Where ours cannot be, taking them out has nothing to do, or to refuse.
        with contextlib.suppress(settings.SettingsError):
            settings.uninstall_hooks(str(path))
        assert _look(path) == before, (name, raw)
        assert os.listdir(path.parent) == [path.name], name
    figure(f"{count} malformed settings files, {len(BREAKS)} kinds: bytes unchanged")


def _look(path):
    status = path.stat()
    return path.read_bytes(), status.st_ino, status.st_mtime_ns


def start(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )


def test_concurrent_installers_and_a_writer_leave_each_hook_once(
    path, tmp_path, size, figure
):
    rounds, installers = size(1, 6), size(8, 16)
    path.write_text('{"keep": [1.50, "ü"], "number": 0}')
    turned_away, began = 0, time.monotonic()
    for number in range(rounds):
        stop = tmp_path / f"stop-{number}"
        writer = start(WRITER, path, stop)
        running = [start(INSTALLER, path, ROOT, n % 2 or "") for n in range(installers)]
        said = [process.communicate()[1] for process in running]
        stop.touch()
        assert (writer.communicate()[1], writer.returncode) == (b"", 0)
        assert all(not line or b"keeps writing" in line for line in said)
        turned_away += sum(map(bool, said))
        assert json.loads(path.read_text())["keep"] == [1.5, "ü"]
        settings.install_hooks(
            str(path), OURS
        )  # the writer's last may be older than theirs
        found = [hook.event for hook in settings.installed_hooks(str(path))]
        assert sorted(found) == sorted(EVENTS)
        leftovers = [name for name in os.listdir(path.parent) if name.startswith(".")]
        assert leftovers == []
    figure(
        f"{rounds} x {installers} installers at once, a writer flipping the file: one "
        f"entry each, foreign values kept, {turned_away} said that it is busy, "
        f"{time.monotonic() - began:.1f} s"
    )
