"""A person who does by dice what the screen of a client allows.

A dialog is answered, dismissed or left alone; a turn goes on or is interrupted; between
turns the next one begins. In all of it the client may be killed. What is done depends
on the screen, so a client that is slower comes to other moments with the same dice.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from .situations import (
    ASK,
    ASKING,
    ELICIT,
    OPEN,
    PLAN,
    WORKS,
    background_shell,
    subagent,
)
from .truth import History, Truth, dialog_on, look_at

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from .situations import Person, Stage

Json = dict[str, Any]

PAUSE_SECONDS = (1.0, 5.0)
PLANS = 0.2  # of all clients
PLANNING = ("--permission-mode", "plan")


class RandomPerson:
    """Uses one client after the other until *deadline* (monotonic)."""

    def __init__(
        self, stage: Stage, chance: random.Random, deadline: float, *options: str
    ) -> None:
        self.stage, self.chance, self.deadline = stage, chance, deadline
        self.options = options
        self.person: Person | None = None
        self.history = History()
        self.steps: list[tuple[float, str]] = []
        self.failures: list[str] = []
        self._keys: list[str] = []
        self._shells: list[str] = []

    def live(self) -> None:
        """Use clients until the deadline; `failures` has what could not be done."""
        while time.monotonic() < self.deadline:
            try:
                self._step()
            except (TimeoutError, RuntimeError) as error:
                names = " ".join(name for _, name in self.steps[-4:])
                self.failures.append(f"{names}: {error}")
                self._forget()
            time.sleep(self.chance.uniform(*PAUSE_SECONDS))

    def truth(self) -> Truth | None:
        """Return what is true of the client now; None if that is not known."""
        if (person := self.person) is None:
            return None
        return look_at(self.stage.box, person.pid, self.history.session_id())

    def _step(self) -> None:
        if self.person is None:
            self._do(self.start)
            return
        screen = self.person.view()
        if dialog_on(screen):
            rarely = [self.dismiss, self.refuse, self.wait, self.stop, self.kill]
            self._do(*[self.accept] * 4, *rarely)
        elif re.search(WORKS, screen):
            rarely = [self.wait, self.interrupt, self.queue, self.stop, self.kill]
            self._do(*[self.release] * 4, self.interrupt, *rarely)
        else:
            turns = [self.think, self.stream, self.work, self.ask, self.permission]
            others = [self.fail, self.subagent, self.elicit, self.plan, self.command]
            rarely = [self.shell, self.release_shells, self.open_dialog]
            ends = [self.clear, self.kill, self.exit]
            self._do(*turns * 3, *others * 2, *rarely, *ends)

    def _do(self, *actions: Callable[[], None]) -> None:
        action = self.chance.choice(actions)
        self.steps.append((time.monotonic(), action.__name__))
        action()

    # ---- Clients ----

    def start(self) -> None:
        """Start a client, now and then one that plans."""
        self._start(*(PLANNING if self.chance.random() < PLANS else ASKING))

    def kill(self) -> None:
        """Kill the client with SIGKILL, and resume its session if it can be."""
        session_id = self.history.session_id()
        self.person.kill()
        time.sleep(self.chance.uniform(0, 4))
        self._forget()
        if self.stage.transcripts(session_id):
            self._start(*ASKING, "--resume", session_id)

    def exit(self) -> None:
        """Leave the client, and what runs in the background."""
        self._line("/exit")
        time.sleep(1)
        if self.person.is_running() and "Exit and stop tasks" in self.person.view():
            self.person.press("Enter")
        self.person.wait_for_end()
        time.sleep(self.chance.uniform(0, 4))
        self._forget()

    def stop(self) -> None:
        """Stop the process, and let it go on."""
        self.stage.box.run("kill", "-STOP", f"{self.person.pid}")
        time.sleep(self.chance.uniform(1, 5))
        self.stage.box.run("kill", "-CONT", f"{self.person.pid}")

    def _start(self, *args: str) -> None:
        variables = {"CLAUDE_CODE_MAX_RETRIES": "1"}
        self.person = self.stage.person(*args, *self.options, env=variables)

    def _forget(self) -> None:
        """End the client, and what it may have left running."""
        if self.person is not None:
            self.person.kill()
        self.person = None
        self.release()
        self.release_shells()

    # ---- Turns ----

    def think(self) -> None:
        """Have the model think."""
        self._prompt("HOLD: {key}")

    def stream(self) -> None:
        """Have the model stream words."""
        self._prompt("STREAM: {key}")

    def work(self) -> None:
        """Have a tool run."""
        self._prompt("RUN: ./hold {key}")

    def fail(self) -> None:
        """Have the API fail."""
        self._prompt(f"ERROR: {self.chance.choice((401, 429, 500))}")

    def permission(self) -> None:
        """Have the client ask before it runs a tool."""
        self._prompt("RUN: touch a && ./hold {key}")

    def subagent(self) -> None:
        """Have a subagent ask before it runs a tool."""
        prompt = f"RUN: touch a && ./hold {self._new_key()}"
        self._call(subagent(prompt, background=False))

    def ask(self) -> None:
        """Have the model ask a question."""
        self._call(ASK)

    def elicit(self) -> None:
        """Have an MCP server ask a question."""
        self._call(ELICIT)

    def plan(self) -> None:
        """Have the model show a plan; only a client that plans allows it."""
        self._call(PLAN)

    def shell(self) -> None:
        """Have a shell run in the background."""
        self._shells.append(key := self.stage.new_key())
        self._call(background_shell(f"./hold {key}"))

    def queue(self) -> None:
        """Queue a prompt while a turn is on."""
        self._prompt("HOLD: {key}")

    def release(self) -> None:
        """Let the model and the tools go on."""
        while self._keys:
            self.stage.release(self._keys.pop())

    def release_shells(self) -> None:
        """Let the shells in the background end."""
        while self._shells:
            self.stage.release(self._shells.pop())

    def interrupt(self) -> None:
        """Press Esc."""
        self.person.press("Escape")
        self.release()

    def wait(self) -> None:
        """Do nothing for a while."""
        time.sleep(self.chance.uniform(0, 8))

    # ---- Answers ----

    def accept(self) -> None:
        """Say yes to what is asked; a form is left."""
        is_form = dialog_on(self.person.view()) == "elicitation"
        self.person.press("Escape" if is_form else "Enter")

    def dismiss(self) -> None:
        """Dismiss what is asked."""
        self.person.press("Escape")

    def refuse(self) -> None:
        """Answer No where that can be chosen."""
        number = re.search(r"(\d)\. No\b", self.person.view())
        self.person.press(number[1] if number else "Escape")

    # ---- Commands ----

    def clear(self) -> None:
        """Begin a new session."""
        self._line("/clear")

    def command(self) -> None:
        """Run a shell command without the model."""
        self._line(f"!./hold {(key := self._new_key())}")
        time.sleep(self.chance.uniform(0, 4))
        self.stage.release(key)

    def open_dialog(self) -> None:
        """Open a dialog of the client, and leave it."""
        self._line("/model")
        self.person.see(OPEN)
        time.sleep(self.chance.uniform(0, 4))
        self.person.leave(OPEN)

    def _line(self, text: str) -> None:
        self.person.press("C-u")  # after Esc the prompt is back
        self.person.write(text)

    def _call(self, *calls: tuple[str, Json]) -> None:
        self.person.press("C-u")
        self.person.call(*calls)

    def _prompt(self, text: str) -> None:
        self.person.press("C-u")
        self.person.paste(text.format(key=self._new_key()))

    def _new_key(self) -> str:
        self._keys.append(self.stage.new_key())
        return self._keys[-1]
