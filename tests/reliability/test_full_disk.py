"""No room: a file system that is full, and a limit on the size of files."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys

import pytest
from reliability.sights import files_of
from support import ID, ROOT, errors, payload

PAD = "x" * 3000
ROOM_BYTES = 256 * 1024
# A file system of its own in a mount namespace of its own, full but for a last entry.
IN_A_SMALL_PLACE = """
set -e
mount -t tmpfs -o size={room},mode=700 tmpfs "$HEADCOUNT_DIR"
exec "$@"
"""
FILL = """
import sys
from lib import sessions
sessions.auto_cleanup = lambda *_: None
ID, pad = sys.argv[1:]
sessions.create_session(session_id=ID, pid=0)
count = 0
for pad in (pad, ""):
    try:
        while True:
            sessions.append_to_session(ID, {"type": "n", "number": count, "pad": pad})
            count += 1
    except OSError as error:
        assert "no room" in str(error) or error.errno in (27, 28), error
print(count, flush=True)
"""


def hook(script, event, session_id):
    """Return a shell's words that fire a hook as installed, and its payload."""
    given = json.dumps(payload(event, session_id, source="startup", reason="other"))
    return f"printf %s '{given}' | {sys.executable} -I -S {ROOT}/hooks/{script}.py"


HOOKS = "\n".join(
    [
        "set -e",
        hook("session_start", "SessionStart", "new"),
        hook("heartbeat", "UserPromptSubmit", ID),
        hook("stop", "Stop", ID),
        hook("session_end", "SessionEnd", ID),
        hook("session_end", "SessionEnd", "other"),
    ]
)


@pytest.fixture
def program(store):
    """Return what fills a session, fires all hooks, makes room, and goes on."""
    store.mkdir(mode=0o700)
    after = hook("heartbeat", "UserPromptSubmit", ID)
    return "\n".join(
        [
            f'cd "{ROOT}"',
            f"{sys.executable} -c '{FILL}' {ID} {PAD} >\"$OUT/count\"",
            'cp -r "$HEADCOUNT_DIR" "$OUT/full"',
            f'{{ {HOOKS}\n}} >"$OUT/said" 2>&1',
            'cp -r "$HEADCOUNT_DIR" "$OUT/after"',
            "$MAKE_ROOM",
            after,
            'cp -r "$HEADCOUNT_DIR" "$OUT/end"',
        ]
    )


def run(words, program, store, out, make_room, **more):
    out.mkdir()
    subprocess.run(
        [*words, "sh", "-e", "-c", program],
        env={
            "PATH": os.environ["PATH"],
            "HEADCOUNT_DIR": str(store),
            "OUT": str(out),
            "MAKE_ROOM": make_room,
        },
        check=True,
        timeout=60,
        **more,
    )


def check(out):
    """Return how many entries there was room for: all are whole, none is lost."""
    assert (out / "said").read_bytes() == b""  # exit 0, or `set -e` had ended it
    count = int((out / "count").read_text())
    assert count > 1
    for folder in ("full", "after", "end"):
        (path,) = files_of(out / folder, ID)
        whole = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
        assert path.read_bytes().endswith(b"\n"), folder
        numbers = [entry["number"] for entry in whole if entry["type"] == "n"]
        assert numbers == [*range(count)], folder
    assert whole[-1]["event"] == "UserPromptSubmit"
    (full,), (after,) = files_of(out / "full", ID), files_of(out / "after", ID)
    assert full.read_bytes() == after.read_bytes()
    assert not [name for name in os.listdir(out / "after") if name.endswith(".tmp")]
    return count


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("unshare"),
    reason="a file system of its own needs root and unshare",
)
def test_full_file_system_loses_only_the_current_entry(
    store, tmp_path, program, figure
):
    small = IN_A_SMALL_PLACE.format(room=ROOM_BYTES)
    words = ["unshare", "--mount", "sh", "-c", small, "sh"]
    grow = f"mount -o remount,size={2 * ROOM_BYTES} {store}"
    run(words, program, store, tmp_path / "out", grow)
    count = check(tmp_path / "out")
    figure(
        f"a file system of {ROOM_BYTES >> 10} KB, full after {count} entries: hooks "
        "exit 0, all entries whole, the next one there once there is room"
    )


def test_file_size_limit_loses_only_the_current_entry(store, tmp_path, program, figure):
    """As a quota does; the signal that comes with it is one that Python ignores."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, resource.RLIM_INFINITY))

    lift = f"prlimit --pid $$ --fsize={2 * ROOM_BYTES}"
    out = tmp_path / "out"
    program = program.replace("$MAKE_ROOM", lift)
    run([], program, store, out, "", preexec_fn=limit)
    count = check(out)
    figure(
        f"files of at most {ROOM_BYTES >> 10} KB, reached after {count} entries: hooks "
        "exit 0, all entries whole, the next one there once there is room"
    )
    assert "no room" in errors(store) or "too large" in errors(store)
