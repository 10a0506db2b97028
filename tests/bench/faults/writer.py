"""Add entries to sessions of its own at a steady rate, until SIGTERM.

    writer.py SESSIONS RATE [ENTRIES]

The states of a session change each time, so that every entry says something new. It
prints the seconds that it took when it has added that many ENTRIES.
"""

from __future__ import annotations

import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))

from lib import sessions

WAITING = {"state": "waiting", "waiting_for": "permission"}
STATES = [{"state": "busy"}, WAITING, {"state": "idle"}]


def main() -> None:
    """Make the sessions, and write to them in turns."""
    count, rate, *last = map(int, sys.argv[1:])
    ids = [f"written-{number}" for number in range(count)]
    for session_id in ids:
        sessions.create_session(session_id=session_id, pid=os.getpid(), cwd="/srv")
    began, number = time.monotonic(), 0
    while not last or number < last[0]:
        add(ids[number % count], number // count)
        number += 1
        early = began + number / rate - time.monotonic()
        if early > 0:
            time.sleep(early)
    print(time.monotonic() - began, flush=True)
    signal.pause()


def add(session_id: str, number: int) -> None:
    """Add a state or an entry of another tool, in turns."""
    if number % 2:
        sessions.append_to_session(session_id, {"type": "test.number", "n": number})
    else:
        sessions.update_heartbeat(session_id, **STATES[number // 2 % len(STATES)])


if __name__ == "__main__":
    main()
