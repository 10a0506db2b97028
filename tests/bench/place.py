"""Where it all happens: a temporary home with Headcount installed, and full stores."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from typing import TYPE_CHECKING, NamedTuple

from lib.record import timestamps
from lib.system import process

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PARTS = ("lib", "hooks", "install.sh", "settings.example.json", "requirements.txt")
# What `lib/system/proc.py` has on Linux, and what it has elsewhere.
_SWITCH = 'READS_PROC = sys.platform == "linux"\n', "READS_PROC = False\n"
DEAD_PID = 2**22 + 1  # above the highest that Linux gives out
ENTRIES = 100  # of a session that has been going on for a while
_TEXT = "x" * 100


class Who(NamedTuple):
    """A process that has a session open."""

    pid: int
    process: str | None


class Place:
    """The installed copy: its interpreter, and the commands that it installed."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.home = os.path.join(folder, "home")
        self.checkout = os.path.join(self.home, "headcount")
        self.python = os.path.join(self.checkout, ".venv/bin/python")
        self.headcount = os.path.join(self.home, ".local/bin/headcount")
        self.client = Who(os.getpid(), process.fingerprint(os.getpid()))
        # Sessions of others: alive, and not ours to close when we begin one.
        self.other = Who(os.getppid(), process.fingerprint(os.getppid()))
        self.dead = Who(DEAD_PID, _of_the_dead(self.client.process))
        self.commands = self._install()

    def without_proc(self) -> Place:
        """Return a place whose hooks see processes through psutil, as on macOS."""
        folder = os.path.join(self.home, "without-proc")
        for part in ("lib", "hooks"):
            shutil.copytree(f"{self.checkout}/{part}", f"{folder}/{part}")
        path = os.path.join(folder, "lib/system/proc.py")
        with open(path) as file:
            text = file.read()
        assert _SWITCH[0] in text, path
        with open(path, "w") as file:
            file.write(text.replace(*_SWITCH))
        there = copy.copy(self)
        there.commands = {
            event: command.replace(f"{self.checkout}/hooks", f"{folder}/hooks")
            for event, command in self.commands.items()
        }
        there.client, there.other = (
            Who(who.pid, self._fingerprint_in(folder, who.pid))
            for who in (self.client, self.other)
        )
        return there

    def _fingerprint_in(self, folder: str, pid: int) -> str:
        code = "import sys; sys.path.insert(0, sys.argv[1])\n"
        code += "from lib.system import process\n"
        code += "print(process.fingerprint(int(sys.argv[2])))"
        words = [self.python, "-I", "-c", code, folder, str(pid)]
        return subprocess.check_output(words, text=True).strip()

    def store(self, name: str) -> str:
        """Return an empty store of this name."""
        folder = os.path.join(self.folder, "stores", name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, 0o700)
        return folder

    def environ(self, store: str) -> dict[str, str]:
        """Return what a client of today gives its hooks."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": self.home,
            "LANG": "C.UTF-8",
            "HEADCOUNT_DIR": store,
            "CHECKOUT": self.checkout,
            "NODE_PATH": os.environ.get("NODE_PATH", ""),
            "CLAUDE_PID": str(self.client.pid),
            "CLAUDE_PROJECT_DIR": self.folder,
            "CLAUDE_CODE_ENTRYPOINT": "cli",
            "AI_AGENT": "claude-code_2-1-330_harness",
        }

    def _install(self) -> dict[str, str]:
        os.makedirs(self.checkout)
        for part in PARTS:
            source, target = os.path.join(ROOT, part), os.path.join(self.checkout, part)
            if os.path.isdir(source):
                leave = shutil.ignore_patterns("__pycache__", ".*")
                shutil.copytree(source, target, ignore=leave)
            else:
                shutil.copy(source, target)
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": self.home,
            "PIP_CACHE_DIR": os.path.join(ROOT, "tests/.client/bench/pip"),
        }
        subprocess.run(
            ["./install.sh"],
            cwd=self.checkout,
            env=environ,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with open(os.path.join(self.home, ".claude/settings.json")) as file:
            hooks = json.load(file)["hooks"]
        return {event: hooks[event][0]["hooks"][0]["command"] for event in hooks}


@contextlib.contextmanager
def temporary_place() -> Iterator[Place]:
    folder = os.path.realpath(tempfile.mkdtemp(prefix="headcount-bench-"))
    try:
        yield Place(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _of_the_dead(fingerprint: str | None) -> str | None:
    if fingerprint is None or not fingerprint.startswith("linux:"):
        return None
    kind, boot, namespace, _, start = fingerprint.split(":")
    return ":".join([kind, boot, namespace, str(DEAD_PID), start])


def payload(event: str, session_id: str, **fields: object) -> bytes:
    """Return what the client gives on stdin."""
    said = {
        "session_id": session_id,
        "transcript_path": f"/home/user/.claude/projects/-p/{session_id}.jsonl",
        "cwd": "/home/user/project",
        "permission_mode": "default",
        "hook_event_name": event,
        **fields,
    }
    return json.dumps(said).encode() + b"\n"


def session(
    session_id: str, who: Who, *, state: str = "busy", entries: int = ENTRIES
) -> bytes:
    """Return a session's file: metadata, other tools' entries, a heartbeat just now."""
    now = timestamps.from_epoch(time.time())
    metadata = {
        **_common("session_metadata", session_id),
        **_present(who),
        "host": process.host_name(),
        "start_time": now,
        "last_heartbeat": now,
        "cwd": f"/home/user/{session_id[:8]}",
        "source": "startup",
        "tasks": [],
        # Whole-file readers of the other contenders look for it in every entry.
        "timestamp": now,
    }
    beat = {
        **_common("heartbeat", session_id),
        "timestamp": now,
        "event": "UserPromptSubmit",
        "state": state,
        **_present(who),
    }
    return _line(metadata) + note(session_id) * max(0, entries - 2) + _line(beat)


def note(session_id: str) -> bytes:
    """Return an entry as another tool writes it."""
    now = timestamps.from_epoch(time.time())
    entry = _common("note.added", session_id)
    return _line({**entry, "timestamp": now, "text": _TEXT})


def write(store: str, session_id: str, content: bytes) -> str:
    """Put a session's file into *store*; return its path."""
    path = os.path.join(store, f"{session_id}.jsonl")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
    return path


def fill(store: str, count: int, who: Who, *, size: int = 1000) -> None:
    """Put *count* sessions of *size* bytes into *store*.

    What is larger than a few blocks is a hole between head and tail, which is less
    work for those who read whole files than real entries would be.
    """
    for _ in range(count):
        session_id = str(uuid.uuid4())
        entries = 2 if size <= 1000 else 16
        content = session(session_id, who, entries=entries)
        path = write(store, session_id, content)
        if size > 2 * len(content):
            with open(path, "r+b") as file:
                file.seek(size - len(content))
                file.write(b"\n" + content[content.index(b"\n") + 1 :])
    os.sync()  # or the system writes ten thousand files while they are read


def _common(kind: str, session_id: str) -> dict[str, object]:
    entry_id = os.urandom(8).hex()
    return {"type": kind, "v": 1, "id": entry_id, "session_id": session_id}


def _present(who: Who) -> dict[str, object]:
    known = {"pid": who.pid, "process": who.process}
    return {key: value for key, value in known.items() if value is not None}


def _line(entry: dict[str, object]) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"
