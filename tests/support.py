"""What several test files need: hooks run as installed, and a client to run them."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import pathlib
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from lib.system import proc, process

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Bytecode that another process is about to rename.
UNFINISHED = shutil.ignore_patterns("*.pyc.*")
DEAD_PID = 2**22 + 1  # above the highest that Linux gives out
ID = "8ee1f931-8a2e-4bc2-841e-e420ad80648c"
# For whose hooks a current client does not wait, if it is in a terminal.
ASYNCHRONOUS = ["UserPromptSubmit", "PostToolUse", *["Stop"] * proc.READS_PROC]
ASYNC = {"async": True}  # of a hook for which the client does not wait
SCRIPTS = {
    "SessionStart": "session_start",
    "UserPromptSubmit": "heartbeat",
    "PostToolUse": "heartbeat",
    "Notification": "heartbeat",
    "PermissionRequest": "heartbeat",
    "Elicitation": "heartbeat",
    "ElicitationResult": "heartbeat",
    "FileChanged": "heartbeat",
    "Stop": "stop",
    "StopFailure": "stop",
    "SessionEnd": "session_end",
}


def only_with_proc(reason: str) -> pytest.MarkDecorator:
    """Skip a test where processes are seen through psutil; *reason* says why."""
    return pytest.mark.skipif(not proc.READS_PROC, reason=reason)


def changed_fingerprint(
    pid: int, *, earlier: float = 0, start: str | None = None, **changes: str
) -> str:
    """The fingerprint of *pid* with fields changed, or a start that many units before.

    A unit is a clock tick with /proc, and a second elsewhere.
    """
    kind, *fields = str(process.fingerprint(pid)).split(":")
    number = int if kind == "linux" else float
    fields[-1] = str(number(fields[-1]) - number(earlier)) if start is None else start
    names = ["boot", "namespace"][: len(fields) - 2]
    for name, value in changes.items():
        fields[names.index(name)] = value
    return ":".join([kind, *fields])


def hook_command(script: str, python: str = sys.executable) -> str:
    """The command as the installer writes it, with the interpreter of the tests."""
    other = f"sh {shlex.quote(f'{ROOT}/hooks/run')} {script} $PPID $? 2>/dev/null"
    return f"{bare_command(script, python)} 2>/dev/null || {other} || : # headcount"


def bare_command(script: str, python: str = sys.executable) -> str:
    """That command without what guards it."""
    words = [shlex.quote(word) for word in (python, f"{ROOT}/hooks/{script}.py")]
    client = "" if script == "session_start" else " $PPID"
    return f"{words[0]} -I -S {words[1]}{client}"


def pythons() -> dict[str, str]:
    """The interpreters of this machine that may run hooks, by name.

    That of the tests is one of them, so there is always one.
    """
    home = pwd.getpwuid(os.getuid()).pw_dir
    places = [
        *os.environ["PATH"].split(":"),
        *("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"),
        f"{os.environ.get('PYENV_ROOT', f'{home}/.pyenv')}/versions/*/bin",
        f"{home}/.local/share/uv/python/cpython-*/bin",
    ]
    found = {f"python3.{sys.version_info.minor}": sys.executable}
    for place in places:
        for path in sorted(glob.glob(f"{place}/python3.1[0-9]")):
            if "/shims/" not in path:  # of pyenv: what they start, if anything, varies
                found.setdefault(os.path.basename(path), path)
    return found


def payload(event: str, /, session_id: str = ID, **fields: object) -> dict[str, object]:
    return {
        "session_id": session_id,
        "transcript_path": f"/home/user/.claude/projects/-p/{session_id}.jsonl",
        "cwd": "/home/user/project",
        "hook_event_name": event,
        **fields,
    }


class Client:
    """A running `fake_client.py`; a context manager. *python* runs its hooks."""

    def __init__(self, name: str = "claude", python: str = sys.executable) -> None:
        self._python = python
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/fake_client.py"), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def __enter__(self) -> Client:  # noqa: PYI034  # Self is not in 3.10
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.send(signal.SIGCONT)
        self.kill()

    def run(
        self,
        command: str,
        stdin: str = "",
        *,
        env: dict[str, str] | None = None,
        cwd: str = "/",
    ) -> dict[str, object]:
        """Run *command* as a hook; return its status, stdout and stderr."""
        return self._request(env, command=command, stdin=stdin, cwd=cwd)

    def begin(self, event: str, /, *, after: str = "", **fields: object) -> int:
        """Start the hook of *event*, and do not wait for it; return its number.

        *after* is what its shell does before it starts the interpreter.
        """
        command = after + hook_command(SCRIPTS[event], self._python)
        stdin = json.dumps(payload(event, **fields)) + "\n"
        started = self._request(None, command=command, stdin=stdin, cwd="/", **ASYNC)
        return int(str(started["pid"]))

    def finish(self, hook: int) -> None:
        """Wait until a hook that was begun has ended, and see that all is well."""
        done = self._request(None, finish=hook)
        assert done == {"status": 0, "stdout": "", "stderr": ""}

    def _request(
        self, env: dict[str, str] | None, **request: object
    ) -> dict[str, object]:
        request["env"] = {
            "PATH": os.environ["PATH"],
            "HEADCOUNT_DIR": os.environ["HEADCOUNT_DIR"],
            **(env or {}),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, object] = json.loads(self._process.stdout.readline())
        return answer

    def fire(
        self,
        event: str,
        /,
        session_id: str = ID,
        env: dict[str, str] | None = None,
        **fields: object,
    ) -> str:
        """Fire the installed hook of *event*; return its stdout, else all is well."""
        done = self.run(
            hook_command(SCRIPTS[event], self._python),
            json.dumps(payload(event, session_id, **fields)) + "\n",
            env=env,
        )
        assert (done["status"], done["stderr"]) == (0, "")
        return str(done["stdout"])

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a crash would, and see it gone."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def has_open(pid: int, path: pathlib.Path) -> bool:
    """Whether the process has the file open: a writer that waits for its lock has."""
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # it has closed it meanwhile
            if os.path.samefile(f"/proc/{pid}/fd/{name}", path):
                return True
    return False


def kill_at(call: str, code: str, *, without: str = "") -> None:
    """Run Python *code*, and see it killed at its first system call *call*.

    The call *without* is one that its system does not know.
    """
    trace = ["strace", "-f", "-qq", "-o", "/dev/null"]
    trace += ["-e", f"inject={call}:signal=KILL"]
    if without:
        trace += ["-e", f"inject={without}:error=ENOSYS"]
    done = subprocess.run([*trace, sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL


def lines(path: pathlib.Path) -> list[dict[str, object]]:
    """Every line of a file, each of which must be a JSON object."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def types(path: pathlib.Path) -> list[object]:
    return [entry["type"] for entry in lines(path)]


def errors(store: pathlib.Path) -> str:
    log = store / "errors.log"
    return log.read_text() if log.exists() else ""


def given_up(store: pathlib.Path) -> int:
    """How many hooks said that they had no turn in time, nor when they tried again."""
    said = [line for line in errors(store).splitlines() if "DeadlineExceeded" in line]
    return len([line for line in said if "retrying" not in line])


def unix_socket(path: pathlib.Path) -> None:
    """Make a socket that nobody listens on, of a path that may be long."""
    here = os.getcwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


@contextlib.contextmanager
def other_thread() -> Iterator[int]:
    """The number by which the system knows a thread of this process."""
    ready, done, number = threading.Event(), threading.Event(), []

    def stay() -> None:
        number.append(threading.get_native_id())
        ready.set()
        done.wait()

    thread = threading.Thread(target=stay)
    thread.start()
    ready.wait()
    try:
        yield number[0]
    finally:
        done.set()
        thread.join()


def waiting_hook(script, **environ):
    """Start a hook; return it once it waits for its stdin."""
    hook = subprocess.Popen(
        ["sh", "-c", "exec " + hook_command(script).split(" 2>")[0]],
        stdin=subprocess.PIPE,
        env={**os.environ, **environ},
    )
    seen = psutil.Process(hook.pid)
    while "-S" not in seen.cmdline() or seen.status() != psutil.STATUS_SLEEPING:
        assert hook.poll() is None
    return hook
