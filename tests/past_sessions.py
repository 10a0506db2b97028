"""Sessions of yesterday and of other days, begun and ended at known hours.

A pytest plugin: `tests/conftest.py` names it.
"""

from __future__ import annotations

import json
import time

import pytest
from command_line import DAY, write

from lib import sessions
from lib.record import timestamps
from lib.views import local_days

NOW = time.time()
# Noon of yesterday, so that some hours around it are of one day in any time zone.
NOON = local_days.start_of(local_days.start_of(NOW) - DAY / 2) + DAY / 2


def stamp(hour):
    return timestamps.from_epoch(NOON + hour * 3600)


def lasting(store, session_id, begin, *states, **more):
    """A session that began *begin* hours after noon; *states* are hours and states."""
    path = write(
        store, session_id, start_time=stamp(begin), last_heartbeat=stamp(begin), **more
    )
    with path.open("a") as file:
        for number, (hour, state) in enumerate(states):
            kind = "session_close" if state == "closed" else "heartbeat"
            entry = {
                "type": kind,
                "v": 1,
                "id": f"{number:016x}",
                "session_id": session_id,
                "timestamp": stamp(hour),
                **({"reason": "logout"} if state == "closed" else {"state": state}),
            }
            file.write(json.dumps(entry) + "\n")
    return path


@pytest.fixture
def two_worktrees(store, tmp_path):
    """Sessions in two worktrees: one was open for 3 h, 1 h busy; one for 2 h."""
    for name in ("shop", "blog"):
        (tmp_path / "home" / name / ".git").mkdir(parents=True)
    home = str(tmp_path / "home")
    lasting(
        store,
        "one",
        -3,
        (-2, "busy"),
        (-1, "waiting"),
        (-0.5, "idle"),
        (0, "closed"),
        label="publish 2.1",
        cwd=f"{home}/shop",
    )
    lasting(store, "two", -1, (0, "busy"), (1, "idle"), cwd=f"{home}/blog/posts")
    sessions.archive_session(store / "two.jsonl")
