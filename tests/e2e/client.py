"""Drives the real client on a throw-away machine that has no network.

A Box is a set of namespaces: its own loopback interface, on which only the stand-in
of the Messages API listens, and its own processes, which are all killed when the box
is closed, whatever state a test left them in. HOME and the project are in a folder
that goes with it. Nothing of the caller's environment reaches the client.

Calling sequence
    with Box(program) as box:
        finished = box.prompt("RUN: ls")
        terminal = box.terminal()
        terminal.type("/exit")
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from .messages_api import ANSWER

T = TypeVar("T")
Json = dict[str, Any]
Command = Sequence[str | Path]
Condition = Callable[[], T]

API_KEY = "sk-ant-not-a-key-0123456789abcdefghij"
DEADLINE = 30.0  # for anything that the client does by itself
TOOLS = ("git", "ip", "node", "npm", "nsenter", "setpriv", "tmux", "unshare")

# What stands before the client's input line.
MARK = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}"

# How the client tells its user of a failed hook, here the event's name: "Stop hook
# failed"; "SessionEnd hook [its command] failed: its first words".
HOOK_FAILED = re.compile(r"(\w+)(?::\w+)? hook\b.* (?:failed|error|blocked)")

# The shell notes its pid and becomes the client: the pid that hooks should record.
NOTE_PID = ["sh", "-c", 'echo $$ >"$0" && exec "$@"']
# Process 1 is a shell because it buries orphans, which Python would not.
FIRST_PROCESS = ["sh", "-c", 'ip link set lo up && "$@" & wait', "sh"]


def missing() -> str | None:
    """Say in one sentence what this machine lacks to drive the client, if anything."""
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"the end-to-end tests need {', '.join(absent)}"
    probe = [*_unshare(), "true"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        return "the end-to-end tests need root, to make a network namespace"
    return None


def wait_until(condition: Condition[T], what: str) -> T:
    """Return the first true value of *condition*, or fail and name *what* was due."""
    give_up = time.monotonic() + DEADLINE
    while not (value := condition()):
        if time.monotonic() > give_up:
            raise TimeoutError(f"not within {DEADLINE:g} s: {what}")
        time.sleep(0.05)
    return value


@dataclasses.dataclass(frozen=True)
class Finished:
    """How one `claude -p` ended."""

    pid: int
    returncode: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """All that the user saw."""
        return self.stdout + self.stderr


@dataclasses.dataclass(frozen=True)
class Running:
    """A `claude -p` that goes on beside the test."""

    process: subprocess.Popen[str]
    pid_file: Path

    @property
    def pid(self) -> int:
        """Its pid, as processes of the box see it."""
        return wait_until(lambda: _number_in(self.pid_file), "the client's pid")

    def finish(self) -> Finished:
        """Wait for its end."""
        stdout, stderr = self.process.communicate(timeout=DEADLINE)
        return Finished(self.pid, self.process.returncode, stdout, stderr)


class Box:
    """A throw-away machine: no network, own processes, own HOME, own project."""

    def __init__(self, program: Path) -> None:
        self.program = program
        # Short, because sockets lie below it and their paths are limited.
        self.root = Path(tempfile.mkdtemp(prefix="box-"))
        self.home = self.root / "home"
        self.project = self.home / "project"
        self.requests_path = self.root / "requests.jsonl"
        self.environment: dict[str, str] = {}
        self._namespaces = ""
        self._proc = ""
        self._names = (f"{number}" for number in itertools.count(1))
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Box:  # noqa: PYI034  # Self needs Python 3.11
        """Start the box and the stand-in in it."""
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close the box."""
        self.close()

    def close(self) -> None:
        """Kill everything that runs in the box and remove its folder."""
        # The first process of the namespace dies with it, and all others with that.
        for process in self._processes:
            process.kill()
            process.communicate()
        wait_until(self._remove, f"{self.root} can be removed")

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run *command* in the box to its end, which may be a failure."""
        process = self._open(command)
        stdout, stderr = process.communicate(timeout=DEADLINE)
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    def start(self, *command: str | Path) -> subprocess.Popen[str]:
        """Start *command* in the box; it ends with the box at the latest."""
        return self._open(command)

    def prompt(self, text: str, *args: str) -> Finished:
        """Run `claude -p` with the prompt *text* to its end."""
        return self.start_prompt(text, *args).finish()

    def start_prompt(self, text: str, *args: str) -> Running:
        """Start `claude -p` with the prompt *text*; its Bash needs no permission."""
        pid_file = self.root / f"{next(self._names)}.pid"
        client: Command = [self.program, "-p", "--allowedTools=Bash", *args, text]
        return Running(self._open([*NOTE_PID, pid_file, *client]), pid_file)

    def terminal(self, *args: str, cwd: Path | None = None) -> Terminal:
        """Start an interactive client in a terminal, and wait until it takes input."""
        terminal = Terminal(self, next(self._names))
        terminal.open([os.fspath(self.program), *args], cwd or self.project)
        return terminal

    def process_state(self, pid: int) -> str:
        """Return the state in /proc/<pid>/stat of a process in the box; "" if gone."""
        try:
            stat = Path(f"{self._proc}/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return stat.rpartition(")")[2][1]

    def add_project(self, name: str) -> Path:
        """Make a git repository that the client trusts, and return its folder."""
        folder = self.home / name
        subprocess.run(["git", "init", "--quiet", folder], check=True)
        self._trust(folder)
        return folder

    def _start(self) -> None:
        for folder in (self.home / ".claude", self.root / "tmp"):
            folder.mkdir(parents=True)
        self.add_project(self.project.name)
        self.requests_path.touch()
        stand_in = Path(__file__).with_name("messages_api.py")
        serve: Command = [sys.executable, "-I", stand_in, self.requests_path]
        namespace = self._popen(
            [*_unshare(), *FIRST_PROCESS, *serve], {"PATH": _path()}
        )
        self._namespaces = f"/proc/{namespace.pid}/ns"
        self._proc = f"/proc/{namespace.pid}/root/proc"
        port = namespace.stdout.readline().strip() if namespace.stdout else ""
        if not port:
            raise RuntimeError(f"no box: {namespace.communicate()[1]}")
        self.environment = self._clean_environment(port)

    def _clean_environment(self, port: str) -> dict[str, str]:
        return {
            "HOME": os.fspath(self.home),
            "LANG": "C.UTF-8",
            "PATH": f"{self.home / '.local/bin'}:{_path()}",
            "SHELL": "/bin/sh",
            "TERM": "xterm-256color",
            "TMPDIR": os.fspath(self.root / "tmp"),
            "ANTHROPIC_API_KEY": API_KEY,
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
        }

    def _open(self, command: Command) -> subprocess.Popen[str]:
        inside = self._namespaces
        enter = ["nsenter", f"--net={inside}/net", f"--mount={inside}/mnt"]
        enter += [f"--pid={inside}/pid_for_children", f"--wd={self.project}"]
        return self._popen([*enter, *command], self.environment)

    def _popen(
        self, command: Command, environment: dict[str, str]
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def _trust(self, folder: Path) -> None:
        """Answer beforehand what the client asks on its first start in *folder*."""
        path = self.home / ".claude.json"
        known = json.loads(path.read_text()) if path.exists() else {"projects": {}}
        known |= {
            "hasCompletedOnboarding": True,
            "lastOnboardingVersion": "99.0.0",
            "numStartups": 10,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [API_KEY[-20:]], "rejected": []},
        }
        known["projects"][os.fspath(folder)] = {
            "hasTrustDialogAccepted": True,
            "hasCompletedProjectOnboarding": True,
            "projectOnboardingSeenCount": 10,
        }
        path.write_text(json.dumps(known))

    def _remove(self) -> bool:
        # Killed processes may still be writing while they die.
        shutil.rmtree(self.root, ignore_errors=True)
        return not self.root.exists()


class Terminal:
    """An interactive client in a tmux session of its own."""

    def __init__(self, box: Box, name: str) -> None:
        self.box = box
        self.name = name
        self.pid = 0

    def open(self, client: list[str], cwd: Path) -> None:
        """Start *client*, and wait until it takes input."""
        self.start(client, cwd)
        self.wait_for(MARK)

    def start(self, client: list[str], cwd: Path) -> None:
        """Start *client*, any program, in the terminal."""
        self._tmux(
            *("new-session", "-d", "-s", self.name, "-x", "160", "-y", "50"),
            *("-c", os.fspath(cwd), f"unset TMUX TMUX_PANE; exec {shlex.join(client)}"),
        )
        # The terminal stays when the client has gone, so that its last words do too.
        self.pid = int(self._tmux("display", "-p", "-t", self.name, "#{pane_pid}"))

    def screen(self) -> str:
        """Return what the user sees and has seen."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-", "-t", self.name)

    def wait_for(self, text: str) -> str:
        """Return the screen as soon as it shows *text*."""
        self._wait(lambda: text in self.screen(), f"{text!r} on the screen")
        return self.screen()

    def ask(self, prompt: str) -> None:
        """Submit *prompt*, and wait until the client has answered and is idle."""
        answered = self.screen().count(ANSWER)
        self.type(prompt)
        self._wait(lambda: self.screen().count(ANSWER) > answered, "an answer")
        self._wait(lambda: self.own_entry().get("status") == "idle", "the turn's end")

    def own_entry(self) -> Json:
        """Return what the client itself keeps about this process while it runs."""
        path = self.box.home / f".claude/sessions/{self.pid}.json"
        try:
            entry: Json = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:  # it is being rewritten
            return {}
        return entry

    def press(self, *keys: str) -> None:
        """Press *keys*, by their names in tmux."""
        self._tmux("send-keys", "-t", self.name, *keys)

    def press_until(self, key: str, text: str) -> None:
        """Press *key* until the screen shows *text*."""

        def shown() -> bool:
            # As in `_submits`: a key may be lost, and a second one too many.
            self.press(key)
            time.sleep(1)
            return text in self.screen()

        self._wait(shown, f"{text!r} after {key}")

    def type(self, text: str) -> None:
        """Type *text* and submit it."""
        self.fill_in(text)
        self.submit(text)

    def fill_in(self, text: str) -> None:
        """Type *text* and do not submit it."""
        self._tmux("send-keys", "-t", self.name, "-l", text)
        self._wait(lambda: self._input() == text, f"{text!r} typed")

    def submit(self, text: str) -> None:
        """Submit *text*, which is in the input line."""
        self._wait(lambda: self._submits(text), f"{text!r} submitted")

    def exit(self) -> str:
        """Leave with /exit, and return the last screen."""
        self.type("/exit")
        self.wait_for_end()
        return self.screen()

    def kill(self) -> None:
        """Kill the client with SIGKILL, and wait until it is gone."""
        self.box.run("kill", "-KILL", f"{self.pid}")
        self.wait_for_end()

    def close(self) -> None:
        """Close the terminal's window, and wait until the client is gone."""
        self._tmux("kill-session", "-t", self.name)
        self.wait_for_end()

    def wait_for_end(self) -> None:
        """Wait until the client is gone."""
        self._wait(lambda: not self.is_running(), f"the end of {self.pid}")

    def is_running(self) -> bool:
        """Whether the client is there, and not only waiting for tmux to bury it."""
        return self.box.process_state(self.pid) not in ("", "Z")

    def _wait(self, condition: Condition[bool], what: str) -> None:
        try:
            wait_until(condition, what)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it shows\n{self.screen()}") from None

    def _input(self) -> str:
        """Return what stands in the input line, the lowest that shows its mark."""
        lines = [line for line in self.screen().splitlines() if line.startswith(MARK)]
        return lines[-1].removeprefix(MARK).strip() if lines else ""

    def _submits(self, text: str) -> bool:
        # A client that redraws its screen may lose a key; a user presses it again.
        if self._input() == text:
            self.press("Enter")
        return self._input() != text

    def _tmux(self, *args: str) -> str:
        socket = self.box.root / "tmux"
        done = self.box.run(
            *("tmux", "-f", "/dev/null", "-S", socket),
            *("set", "-g", "remain-on-exit", "on", ";") * (args[0] == "new-session"),
            *args,
        )
        if done.returncode:
            raise RuntimeError(f"tmux {args[0]}: {done.stderr}")
        return done.stdout


def _unshare() -> list[str]:
    # Whatever ends the tests, a SIGKILL included, ends the box: all die with their
    # parents.
    die_with_the_tests = ["setpriv", "--pdeathsig", "KILL"]
    new = ["unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"]
    return [*die_with_the_tests, *new]


def _path() -> str:
    # Of node and of the Python that runs the tests, since either may be elsewhere.
    own = [shutil.which("node") or "", sys.base_prefix + "/bin/python3"]
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return ":".join([*(os.path.dirname(program) for program in own), system])


def _number_in(path: Path) -> int:
    text = path.read_text() if path.exists() else ""
    return int(text) if text.endswith("\n") else 0
