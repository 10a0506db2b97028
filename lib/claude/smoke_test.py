"""Run each hook command once, as Claude Code does, and check that it recorded.

A hook always exits with 0, and prints nothing except one JSON object at SessionStart,
so only the record shows whether it works. A sample session is run with a temporary
store, event by event, and after each event the last entry must be of the type that
belongs to it.
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

from ..store import paths
from ..system import process
from . import lateness

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# PostToolUse and FileChanged change the state: else they may be skipped.
_SCENARIO: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("SessionStart", "session_metadata", {"source": "startup"}),
    ("UserPromptSubmit", "heartbeat", {"prompt": "hello"}),
    ("PermissionRequest", "heartbeat", {"tool_name": "Bash", "tool_input": {}}),
    (
        "Notification",
        "heartbeat",
        {"message": "may I?", "notification_type": "permission_prompt"},
    ),
    ("PostToolUse", "heartbeat", {"tool_name": "Bash", "tool_input": {}}),
    ("Elicitation", "heartbeat", {"mcp_server_name": "files", "mode": "form"}),
    ("ElicitationResult", "heartbeat", {"mcp_server_name": "files", "mode": "form"}),
    ("FileChanged", "heartbeat", {"event": "change"}),
    ("Stop", "turn_close", {"stop_hook_active": False, "background_tasks": []}),
    ("StopFailure", "turn_close", {"error": "rate_limit"}),
    ("SessionEnd", "session_close", {"reason": "other"}),
)
EVENTS = tuple(event for event, _, _ in _SCENARIO)
_REDIRECT = " 2>/dev/null"
_MAX_ERROR = 300
_TRANSCRIPT = os.path.join("projects", "project", "transcript.jsonl")
_AGENT = "claude-code_2-1-332_harness"  # of a client that knows all events


class HookRun(NamedTuple):
    """How long one run of a hook took, and what was wrong ("" if nothing)."""

    event: str
    milliseconds: float
    problem: str


def run(hooks: Mapping[str, Mapping[str, Any]]) -> Iterator[HookRun]:
    """Run the hook of each event in *hooks*, and yield each result at once.

    *hooks* has, by event, a `command` and a `timeout` in seconds.
    """
    with tempfile.TemporaryDirectory(prefix="headcount-") as folder:
        sandbox = _Sandbox(folder)
        for event, expected, fields in _SCENARIO:
            if event in hooks:
                yield sandbox.run(event, hooks[event], expected, fields)


class _Sandbox:
    """A project, a store and a session that exist only for the test.

    This process plays the client, which keeps a file about its session.
    """

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
            "CLAUDE_PID": str(os.getpid()),
            "AI_AGENT": _AGENT,
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
            "transcript_path": os.path.join(self.folder, _TRANSCRIPT),
            "cwd": self.folder,
            "hook_event_name": event,
            **fields,
        }
        if event == "FileChanged":
            payload["file_path"] = self._write_client_file()
        line = json.dumps(payload) + "\n"
        if event == "PostToolUse":  # a tool takes its time, else it is another one's
            time.sleep(2 * lateness.FASTEST_TOOL_SECONDS)
        before = len(self._entry_types())
        started = time.perf_counter()
        problem, output, _ = self._run(hook["command"], line, hook["timeout"])
        milliseconds = (time.perf_counter() - started) * 1000
        recorded = self._entry_types()[before:]
        if output and not (event == "SessionStart" and _is_json_object(output)):
            problem = "it printed something"
        if not problem and recorded[-1:] != [expected]:
            problem = f"no `{expected}` on record{self._error(hook, line)}"
        return HookRun(event, milliseconds, problem)

    def _write_client_file(self) -> str:
        """Say that the session is idle, as the client does before FileChanged."""
        pid = os.getpid()
        entry = {
            "pid": pid,
            "sessionId": self.session_id,
            "procStart": (process.fingerprint(pid) or "").rpartition(":")[2],
            "startedAt": time.time() * 1000,
            "status": "idle",
        }
        path = os.path.join(self.folder, "sessions", f"{pid}.json")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(entry, file)
        return path

    def _run(self, command: str, line: str, timeout: float) -> tuple[str, bytes, str]:
        """Return what was wrong with the run ("" if nothing), its stdout and stderr."""
        try:
            result = subprocess.run(  # noqa: S603  # what Claude Code would run
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
            return f"not finished within its timeout of {timeout} s", b"", ""
        stderr = result.stderr.decode(errors="replace").strip()
        problem = f"exit code {result.returncode}" if result.returncode else ""
        return problem, result.stdout, stderr

    def _entry_types(self) -> list[str]:
        """Return the type of each entry of the session."""
        path = os.path.join(self.store, f"{self.session_id}.jsonl")
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
            return [str(json.loads(line).get("type")) for line in file]
        return []

    def _error(self, hook: Mapping[str, Any], line: str) -> str:
        """Return what the hook logged, else its stderr when run again unredirected."""
        with (
            contextlib.suppress(OSError),
            open(os.path.join(self.store, paths.ERROR_LOG), encoding="utf-8") as file,
        ):
            return ": " + file.read().strip().rpartition("\n")[2][:_MAX_ERROR]
        command = hook["command"].replace(_REDIRECT, "")
        stderr = self._run(command, line, hook["timeout"])[2]
        return ": " + stderr[-_MAX_ERROR:] if stderr else ""


def _is_json_object(output: bytes) -> bool:
    try:
        return isinstance(json.loads(output), dict)
    except ValueError:
        return False
