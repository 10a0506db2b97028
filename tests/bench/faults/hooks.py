"""Run hooks in turns with a sharer and without, in the environment of its store.

    hooks.py PID SECONDS

It stops the sharer PID and lets it go on, and prints how many times as long the hooks
took with it, for each pair of turns. What was written in turns without it is shared
before the next one with it.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import sys
import time

import psutil

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/bench"))

import measure  # noqa: E402

TURN_SECONDS, CATCH_UP_SECONDS = 0.3, 0.4
EVENTS = ("UserPromptSubmit", "PermissionRequest")  # each changes the state


def main() -> None:
    """Take turns, in the order with, without, without, with."""
    measure.become_the_client()
    sharer, end = psutil.Process(int(sys.argv[1])), time.monotonic() + int(sys.argv[2])
    commands = [hook(event) for event in EVENTS]
    while time.monotonic() < end:
        seconds = []
        for is_sharing in (True, False, False, True):
            (sharer.resume if is_sharing else sharer.suspend)()
            time.sleep(CATCH_UP_SECONDS * is_sharing)
            seconds.append(turn(commands))
        print(seconds[0] / seconds[1], seconds[3] / seconds[2], flush=True)


def turn(commands: list[measure.Command]) -> float:
    """Return the median time of all *commands* together, in seconds."""
    samples: list[float] = []
    end = time.monotonic() + TURN_SECONDS
    while not samples or time.monotonic() < end:
        samples.append(sum(map(measure.run, commands)))
    return statistics.median(samples)


def hook(event: str) -> measure.Command:
    """Return the command of a hook of a session of its own."""
    fields = {"hook_event_name": event, "session_id": "hooked", "tool_name": "Bash"}
    script = f"{sys.executable} -I -S {ROOT}/hooks/heartbeat.py $PPID"
    return measure.Command(script, json.dumps(fields).encode(), dict(os.environ))


if __name__ == "__main__":
    main()
