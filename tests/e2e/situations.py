"""Brings real clients into situations of known truth, and looks at what is listed.

A situation begins with a transition: a key is pressed, or the screen shows a dialog.
What `headcount list` says must be right from 2 s later until the situation ends.

Calling sequence
    with Stage(program, checkout, home) as stage:
        person = stage.person("--permission-mode", "default")
        key = person.prompt("HOLD: {key}")
        person.expect("thinking", "busy")
        person.press("Escape")
        person.expect("interrupted while thinking", "idle")
        assert person.mistakes == []

Several persons may be at work at once, each in a thread of its own.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .client import MARK, Box, Terminal
from .mcp_server import NAME, TOOL
from .messages_api import SCRIPT_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Json = dict[str, Any]

LIMIT_SECONDS = 2.0
# The client tells its hooks about a second after it has changed its own file.
RECORD_SECONDS = 3.0
GONE, STOPPED = "gone", "stopped"
# Options of a client that asks before each tool that no setting allows.
ASKING = ("--permission-mode", "default")
WORKS = "esc to interrupt"  # what the client shows while a turn is on
SHELL = "shell>"
# A dialog in which the client waits for the person in the middle of a turn.
DIALOG = r"Do you want|1\. Yes|1\. Red|Would you like|needs your approval"
# Of a dialog that the person has opened.
OPEN = r"Enter to \w|[Ee]sc to (?!interrupt)"
QUESTION = {
    "question": "Which colour?",
    "header": "Colour",
    "multiSelect": False,
    "options": [
        {"label": "Red", "description": "warm"},
        {"label": "Blue", "description": "cold"},
    ],
}
ASK = ("AskUserQuestion", {"questions": [QUESTION]})
PLAN = ("ExitPlanMode", {"plan": "# Plan\n1. Do it"})
ELICIT = (TOOL, {})
_END = "=== end of screen ==="
ALLOWED = ["Bash(./hold:*)", "Bash(./fail:*)", TOOL, "Agent", "Task"]
# A command that runs until its key is released, and then fails if it is `fail`.
HOLD = '#!/bin/sh\nuntil [ -e "{script}/$1" ]; do sleep 0.1; done\nexit {status}\n'


def background_shell(command: str) -> tuple[str, Json]:
    """Return a call of Bash that runs *command* in the background."""
    about = {"command": command, "description": "Run what the test says"}
    return "Bash", {**about, "run_in_background": True}


def subagent(prompt: str, *, background: bool, tool: str = "Agent") -> tuple[str, Json]:
    """Return a call of the tool that gives *prompt* to a subagent."""
    about = {"description": "Do it", "subagent_type": "general-purpose"}
    return tool, {**about, "prompt": prompt, "run_in_background": background}


class Stage:
    """A box with Headcount installed for the client *program*, and a script to play."""

    def __init__(self, program: Path, checkout: Path, home: Path) -> None:
        self.box = Box(program)
        self._checkout, self._home = checkout, home
        self._numbers = itertools.count(1)
        self.script = self.box.root / SCRIPT_FOLDER

    def __enter__(self) -> Stage:  # noqa: PYI034  # Self needs Python 3.11
        """Start the box, and install into it."""
        self.box.__enter__()
        try:
            self._prepare()
        except BaseException:
            self.box.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close the box."""
        self.box.close()

    def person(self, *args: str, **options: Any) -> Person:
        """Start an interactive client, with the person in front of it."""
        return Person(self, [os.fspath(self.box.program), *args], **options)

    def person_at_shell(self) -> Person:
        """Start a shell with job control, and the client in it."""
        person = Person(self, ["sh", "-i"], mark=SHELL)
        person.write(shlex.quote(os.fspath(self.box.program)))
        person.see(MARK)
        children = ["ps", "-o", "pid=", "--ppid", str(person.pid)]
        person.pid = int(self.box.run(*children).stdout.split()[0])
        return person

    def transcripts(self, session_id: str = "*") -> list[Path]:
        """Return the transcripts of this session, or of all."""
        projects = self.box.home / ".claude/projects"
        return [*projects.glob(f"*/{session_id}.jsonl")]

    def observe(self, pid: int) -> Observer:
        """Return what looks at the client with this *pid*."""
        return Observer(self, pid)

    def mcp_config(self) -> str:
        """Return the path of a configuration with the MCP server that asks."""
        path = self.box.root / "mcp.json"
        server = Path(__file__).with_name("mcp_server.py")
        command = {"command": "python3", "args": ["-I", os.fspath(server)]}
        path.write_text(json.dumps({"mcpServers": {NAME: command}}))
        return os.fspath(path)

    def new_key(self) -> str:
        """Return a key that nobody has used."""
        return f"k{next(self._numbers)}"

    def release(self, key: str) -> None:
        """Let whatever is held by *key* go on."""
        (self.script / key).touch()

    def write_calls(self, calls: Sequence[tuple[str, Json]]) -> str:
        """Write *calls* for the stand-in, and return their name."""
        name = self.new_key()
        (self.script / f"{name}.json").write_text(json.dumps(calls))
        return name

    def listed(self, pid: int) -> Json | None:
        """Return what is listed of process *pid*: its open session, else its last."""
        done = self.box.run("headcount", "list", "--all", "--json")
        assert done.returncode == 0, done.stderr
        sessions = json.loads(done.stdout)["sessions"]
        rows = [row for row in sessions if row["pid"] == pid]
        rows.sort(key=lambda row: (row["state"] != "closed", row["start_time"]))
        return rows[-1] if rows else None

    def views(self, people: Sequence[Person]) -> list[str]:
        """Return what the screens of *people* show, all looked at at once."""
        if not people:
            return []
        look = "capture-pane -p -J -t {} ; display -p '{}'"
        looks = [look.format(person.name, _END) for person in people]
        screens = people[0]._tmux(*shlex.split(" ; ".join(looks)))
        return screens.split(f"{_END}\n")[:-1]

    def recorded(self, pid: int) -> str | None:
        """Return the state in the last entry that process *pid* has on record."""
        store = self.box.home / ".local/state/headcount"
        entries = [
            json.loads(line)
            for path in store.rglob("[!.]*.jsonl")
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
        states = [
            (entry["timestamp"], entry["state"])
            for entry in entries
            if entry.get("pid") == pid and "state" in entry
        ]
        return max(states)[1] if states else None

    def _prepare(self) -> None:
        shutil.copytree(self._home, self.box.home, dirs_exist_ok=True, symlinks=True)
        self.script.mkdir()
        for name, status in (("hold", 0), ("fail", 1)):
            path = self.box.project / name
            path.write_text(HOLD.format(script=self.script, status=status))
            path.chmod(0o755)
        settings = self.box.project / ".claude/settings.json"
        settings.parent.mkdir()
        settings.write_text(json.dumps({"permissions": {"allow": ALLOWED}}))
        self._install()

    def _install(self) -> None:
        """Install again: the installer asks the client on PATH for its version."""
        program = self.box.home / ".local/bin/claude"
        run = ["node"] * (self.box.program.suffix == ".js")
        command = shlex.join([*run, os.fspath(self.box.program)])
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        program.chmod(0o755)
        done = self.box.run(self._checkout / "install.sh")
        assert done.returncode == 0, done.stdout + done.stderr


class Observer:
    """Sees what is listed of one process, and notes what is wrong in `mistakes`."""

    def __init__(self, stage: Stage, pid: int) -> None:
        self.stage = stage
        self.pid = pid
        self.mistakes: list[str] = []

    def expect(
        self,
        situation: str,
        state: str,
        waiting_for: str | None = None,
        *,
        since: float | None = None,
        lasting: float = 0.0,
    ) -> None:
        """See that *state* is listed 2 s after *since* (now), *lasting* longer."""
        begun = time.monotonic() if since is None else since
        right = (state, waiting_for)
        self.expect_row(situation, _shown, right, since=begun)
        until = begun + LIMIT_SECONDS + lasting
        while time.monotonic() < until:
            self.expect_row(f"{situation}, later", _shown, right, since=begun)
            time.sleep(1.0)

    def expect_record(self, situation: str, state: str) -> None:
        """See that *state* is on record, too, RECORD_SECONDS later at most."""
        due = time.monotonic() + RECORD_SECONDS
        while (recorded := self.stage.recorded(self.pid)) != state:
            if time.monotonic() > due:
                mistake = f"{situation}: is {state!r}, on record {recorded!r}"
                self.mistakes.append(mistake)
                return
            time.sleep(0.2)

    def expect_row(
        self,
        situation: str,
        look: Callable[[Json | None], object],
        right: object,
        *,
        since: float | None = None,
    ) -> None:
        """See that *look* takes what is *right* from the row, 2 s after *since*."""
        begun = time.monotonic() if since is None else since
        time.sleep(max(0.0, begun + LIMIT_SECONDS - time.monotonic()))
        row = self.stage.listed(self.pid)
        if (shown := look(row)) != right:
            mistake = f"{situation}: is {right}, listed {shown}; {self._own_status()}"
            self.mistakes.append(mistake)

    def _own_status(self) -> str:
        path = self.stage.box.home / f".claude/sessions/{self.pid}.json"
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return "the client has no file"
        words = [entry.get("status"), entry.get("waitingFor")]
        return "the client says " + ": ".join(str(word) for word in words if word)


class Person(Terminal, Observer):
    """A person in front of a client: presses keys, and knows what the client does."""

    def __init__(
        self,
        stage: Stage,
        command: list[str],
        *,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        mark: str = MARK,
    ) -> None:
        Terminal.__init__(self, stage.box, stage.new_key())
        Observer.__init__(self, stage, 0)
        variables = {"PS1": SHELL, **(env or {})}
        pairs = [f"{key}={value}" for key, value in variables.items()]
        self.start(["env", *pairs, *command], cwd or stage.box.project)
        self.see(mark)

    # ---- What the person does ----

    def prompt(self, text: str) -> str:
        """Submit *text*, and return the new key that stands for `{key}` in it."""
        key = self.stage.new_key()
        self.paste(text.format(key=key))
        return key

    def call(self, *calls: tuple[str, Json]) -> None:
        """Submit a prompt that has the model call tools."""
        self.paste(f"CALL: {self.stage.write_calls(calls)}")

    def paste(self, text: str) -> None:
        """Paste *text* and submit it."""
        self._tmux("set-buffer", "-b", self.name, text)
        self._tmux("paste-buffer", "-p", "-b", self.name, "-t", self.name)
        self.see(re.escape(text.rpartition("\n")[2][-60:]))
        time.sleep(0.3)  # the client takes a return right after a paste for text
        self.press("Enter")

    def write(self, text: str) -> None:
        """Type *text* where the cursor is, and submit it."""
        self._tmux("send-keys", "-t", self.name, "-l", text)
        time.sleep(0.5)
        self.press("Enter")

    def leave(self, pattern: str) -> None:
        """Press Escape until the screen no longer shows *pattern*."""
        while re.search(pattern, self.view()):
            self.press("Escape")
            time.sleep(1)

    def choose(self, choice: str) -> None:
        """Move to *choice* in the dialog on the screen."""
        chosen = re.compile(rf"{MARK} \d\. {choice}\b")
        while not chosen.search(self.view()):
            self.press("Down")
            time.sleep(0.2)

    def release(self, key: str) -> None:
        """Let the model or the tool that is held by *key* go on."""
        self.stage.release(key)

    def turn(self) -> None:
        """Have a whole turn."""
        self.prompt("hello")
        self.quiet()

    # ---- What the person sees ----

    def view(self) -> str:
        """Return what the screen shows now."""
        return self._tmux("capture-pane", "-p", "-J", "-t", self.name)

    def see(self, pattern: str) -> None:
        """Wait until the screen shows *pattern*."""
        self._wait(lambda: bool(re.search(pattern, self.view())), f"{pattern!r} seen")

    def see_dialog(self, pattern: str = DIALOG) -> None:
        """Wait for a dialog, until it takes keys."""
        self.see(pattern)
        time.sleep(0.5)

    def works(self) -> None:
        """Wait until the screen shows that a turn is on."""
        self.see(WORKS)

    def quiet(self, settled: float = 0.5) -> float:
        """Wait until no turn is on for *settled* seconds; return since when that is."""
        since = time.monotonic()

        def is_quiet() -> bool:
            nonlocal since
            if re.search(f"{WORKS}|{DIALOG}", self.view()):
                since = time.monotonic()
            return time.monotonic() - since > settled

        self._wait(is_quiet, "the end of the turn")
        return since


def _shown(row: Json | None) -> tuple[str, str | None]:
    """Return state and reason as people see them: who is not alive is gone."""
    if row is None:
        return "not listed", None
    if row["verdict"] == "dead":
        return GONE, None
    if any(STOPPED in reason for reason in row["reasons"]):
        return STOPPED, None
    state = row["state"] if row["verdict"] == "alive" else row["verdict"]
    return state, row.get("waiting_for")
