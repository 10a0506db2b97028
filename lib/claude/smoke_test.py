"""Fire each hook command once, as Claude Code does, and see that it recorded.

A hook is silent by contract, and its exit code is always 0: only the record says
whether it works. So one sample session is played into a temporary store, event by
event, and after each event the last entry must be the one that belongs to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# In an order in which every event changes the state: an unchanged one is not recorded.
_SCENARIO: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("SessionStart", "session_metadata", {"source": "startup"}),
    ("UserPromptSubmit", "heartbeat", {"prompt": "hello"}),
    (
        "Notification",
        "heartbeat",
        {"message": "may I?", "notification_type": "permission_prompt"},
    ),
    ("PostToolUse", "heartbeat", {"tool_name": "Read", "tool_input": {}}),
    ("Stop", "turn_close", {"stop_hook_active": False, "background_tasks": []}),
    ("SessionEnd", "session_close", {"reason": "other"}),
)
EVENTS = tuple(event for event, _, _ in _SCENARIO)
_REDIRECT = " 2>/dev/null"
_MAX_REASON = 300


class HookRun(NamedTuple):
    """One hook run: how long it took, and what was wrong (empty if nothing)."""

    event: str
    milliseconds: float
    problem: str


def run(hooks: Mapping[str, Mapping[str, Any]]) -> Iterator[HookRun]:
    """Fire the hook of each event in *hooks*, and yield each result as it comes."""
    with tempfile.TemporaryDirectory(prefix="headcount-") as folder:
        sandbox = _Sandbox(folder)
        for event, expected, fields in _SCENARIO:
            if event in hooks:
                yield sandbox.run(event, hooks[event], expected, fields)


class _Sandbox:
    """A project, a store and a session that exist for the test only."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.store = os.path.join(folder, "store")
        self.session_id = str(uuid.uuid4())
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CLAUDE", "HEADCOUNT_"))
        }
        self.environment |= {
            "CLAUDE_PROJECT_DIR": folder,
            "HEADCOUNT_DIR": self.store,
            "HEADCOUNT_QUIET": "1",
        }

    def run(
        self,
        event: str,
        hook: Mapping[str, Any],
        expected: str,
        fields: dict[str, Any],
    ) -> HookRun:
        payload = {
            "session_id": self.session_id,
            "transcript_path": os.path.join(self.folder, "transcript.jsonl"),
            "cwd": self.folder,
            "hook_event_name": event,
            **fields,
        }
        line = json.dumps(payload) + "\n"
        entries = len(self._entries())
        started = time.perf_counter()
        problem = self._run(hook["command"], line, hook["timeout"])[0]
        milliseconds = (time.perf_counter() - started) * 1000
        recorded = self._entries()[entries:]
        if not problem and recorded[-1:] != [expected]:
            problem = f"no `{expected}` on record{self._why(hook, line)}"
        return HookRun(event, milliseconds, problem)

    def _run(self, command: str, line: str, timeout: float) -> tuple[str, str]:
        """Return what was wrong with the run itself, and what it said on stderr."""
        try:
            done = subprocess.run(  # noqa: S603  # what Claude Code would run
                ["/bin/sh", "-c", command],
                input=line.encode(),
                capture_output=True,
                check=False,
                cwd=self.folder,
                env=self.environment,
                start_new_session=True,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            return f"not done within its {timeout} s", ""
        said = done.stderr.decode(errors="replace").strip()
        if done.returncode != 0:
            return f"exit code {done.returncode}", said
        return "it printed something" if done.stdout else "", said

    def _entries(self) -> list[str]:
        """Return the type of each entry of the session."""
        path = os.path.join(self.store, f"{self.session_id}.jsonl")
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
            return [str(json.loads(line).get("type")) for line in file]
        return []

    def _why(self, hook: Mapping[str, Any], line: str) -> str:
        """Return the hook's own words: from the log, or said without the silencer."""
        with (
            contextlib.suppress(OSError),
            open(os.path.join(self.store, "errors.log"), encoding="utf-8") as file,
        ):
            return ": " + file.read().strip().rpartition("\n")[2][:_MAX_REASON]
        loud = hook["command"].replace(_REDIRECT, "")
        said = self._run(loud, line, hook["timeout"])[1]
        return ": " + said[-_MAX_REASON:] if said else ""
