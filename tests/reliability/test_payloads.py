"""Hostile payloads: exit 0, nothing said, nothing outside the store touched."""

from __future__ import annotations

import concurrent.futures
import json
import os
import random
import subprocess
import sys
import time

import pytest
from reliability import forked, hostile
from reliability.sights import listing
from support import SCRIPTS, hook_command

LONGEST_NOTICE = 2048
LONGEST_SAID = 64 * 1024  # a path to watch may be as long as that of the transcript
STORE_LASTS = 2000  # payloads
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
# Each audit event of a change, and which of its arguments is the folder's descriptor.
_CHANGES = {
    **dict.fromkeys(["os.rename", "os.link", "os.symlink", "os.mkdir", "os.chmod"], 2),
    **dict.fromkeys(["os.rmdir", "os.remove"], 1),
    **dict.fromkeys(["os.chown", "os.utime"], 3),
    **dict.fromkeys(["os.truncate", "os.system", "os.exec", "os.posix_spawn"]),
    "os.fork": None,
}
# What may get into the store, by the end of its name.
_LOGS = ("errors.log", "errors.log.1")
_OURS = (".jsonl", *_LOGS, ".tmp")


@pytest.fixture
def decoys(store, tmp_path, monkeypatch):
    """Return a folder around the store, with what a path that climbs would hit.

    The client, which is this process, is one that is asked to watch its file.
    """
    monkeypatch.setenv("AI_AGENT", "claude-code_2-1-332_harness")
    monkeypatch.setenv("CLAUDE_PID", str(os.getpid()))
    for folder in ("decoy", "archive", "session-0.jsonl", ".claude/projects"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("decoy/secret", "decoy/secret.jsonl", "errors.log", "a.jsonl"):
        (tmp_path / name).write_text("untouched\n")
    (tmp_path / "link.jsonl").symlink_to("decoy/secret")
    store.mkdir(mode=0o700)
    return tmp_path


def ok(action, fired):
    """Say what is wrong with how a hook ended, if anything is."""
    if fired.status != 0:
        return f"status {fired.status}"
    if not fired.stdout:
        return ""
    if action != "SessionStart" or len(fired.stdout) > LONGEST_SAID:
        return f"said {fired.stdout[:80]!r}"
    said = json.loads(fired.stdout)
    output = said.pop("hookSpecificOutput", None)
    if output and sorted(output) != ["hookEventName", "watchPaths"]:
        return f"said {output}"
    if said and (
        list(said) != ["systemMessage"] or len(json.dumps(said)) > LONGEST_NOTICE
    ):
        return f"said {said}"
    return ""


def watch(store):
    """Return a list that fills up with what is changed outside *store*."""
    strays = []

    def see(event, arguments):
        name = changed(event, arguments) or "/dev/null"
        # The log is opened in the opened store; elsewhere a decoy would tell.
        if name not in ("/dev/null", *_LOGS) and not name.startswith(f"{store}/"):
            strays.append(f"{event} {name}")

    sys.addaudithook(see)
    return strays


def changed(event, arguments):
    """Return the path that an audit event is about to change, or None."""
    if event == "open":
        path, _, flags = arguments
        return path if isinstance(path, str) and flags & _WRITING else None
    if event not in _CHANGES or not arguments:
        return event if event in _CHANGES else None
    if isinstance(arguments[0], int):
        return None
    position, name = _CHANGES[event], os.fspath(arguments[0])
    if position is None or arguments[position] == -1:
        return name
    return os.path.join(os.readlink(f"/proc/self/fd/{arguments[position]}"), name)


def tidy(store):
    """Empty the store, lest each hook read ever more; return what is not ours there."""
    names = [str(path) for path in store.glob("**/*") if path.is_file()]
    for path in store.glob("**/*.jsonl"):
        path.unlink(missing_ok=True)
    return [name for name in names if not name.endswith(_OURS)]


def fire_many(store, seed, count):
    """Fire *count* hooks in this process; return what went wrong."""
    chance = random.Random(seed)
    source, resident = hostile.Hostile(chance, known=0.02), forked.Resident()
    strays, wrong, longest = watch(str(store)), [], 0.0
    for number in range(count):
        if number % STORE_LASTS == 0:
            wrong += tidy(store)
        action = chance.choice([*forked.ACTIONS])
        raw = source.payload()
        fired = resident.fire(forked.ACTIONS[action], raw)
        longest = max(longest, fired.seconds)
        problem = ok(action, fired)
        if problem or strays:
            wrong.append([action, repr(raw[:500]), problem, strays[:3]])
            strays.clear()
    return [wrong, longest]


def test_hostile_payloads_in_process_exit_0_and_change_nothing_else(
    store, decoys, size, chance, figure
):
    before = listing(decoys, besides=store)
    count, workers = size(10_000, 1_000_000), 2
    seeds = [chance.random() for _ in range(workers)]
    began = time.monotonic()
    results = forked.together(
        fire_many, [(store, seed, count // workers) for seed in seeds]
    )
    rate = count / (time.monotonic() - began)
    assert [wrong for wrong, _ in results if wrong] == []
    assert listing(decoys, besides=store) == before
    assert tidy(store) == []
    longest = max(seconds for _, seconds in results)
    figure(
        f"{count} hostile payloads in process: exit 0, decoys unchanged, "
        f"{rate:.0f} a second, longest {longest:.2f} s"
    )


def test_hostile_payloads_to_installed_hooks_exit_0_and_change_nothing_else(
    store, decoys, size, chance, figure
):
    before = listing(decoys, besides=store)
    source, count = hostile.Hostile(chance, known=0.3), size(40, 500)
    shots = [(chance.choice([*SCRIPTS]), source.payload()) for _ in range(count)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda shot: shoot(decoys, *shot), shots))
    for (event, raw), done in zip(shots, ended, strict=True):
        fired = forked.Fired(done.returncode, done.stdout, 0.0)
        assert (ok(event, fired), done.stderr) == ("", b""), raw
    assert listing(decoys, besides=store) == before
    figure(f"{count} hostile payloads as installed: exit 0, decoys unchanged")


def shoot(folder, event, raw):
    command = hook_command(SCRIPTS[event]).replace("2>/dev/null", "")
    return subprocess.run(
        ["/bin/sh", "-c", command.replace("|| :", "")],
        input=raw,
        capture_output=True,
        cwd=folder,
        check=False,
    )
