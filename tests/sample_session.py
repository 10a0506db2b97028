"""A session as the views return it, without a store."""

from __future__ import annotations

from lib.record import timestamps
from lib.views import session_view

NOW = 1_790_000_000.0
HOSTILE = "\x1b]0;pwned\x07\x1b[31mred\nnext\u202elanif\r\x9b2J\ud800"
MINUTE = 60.0


def session(**changes):
    return {
        **dict.fromkeys(session_view.KEYS),
        "session_id": "6f2a1b3c-0000-4000-8000-000000000001",
        "verdict": "alive",
        "reasons": ["pid 1 is running", "last heartbeat 3 s ago"],
        "state": "busy",
        "pid": 1,
        "cwd": "/srv/shop",
        "start_time": timestamps.from_epoch(NOW - 90 * MINUTE),
        "last_heartbeat": timestamps.from_epoch(NOW - 3),
        "path": "/store/6f2a1b3c-0000-4000-8000-000000000001.jsonl",
        "archived": False,
        **changes,
    }
