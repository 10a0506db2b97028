"""Heartbeats that change nothing, which the log of a shared store does without."""

from __future__ import annotations

from ...record import jsonl, schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...model import SessionEntry

_MAX_SESSIONS = 1000
# What is another value in each entry, or grows all the time.
_IGNORED = frozenset(
    (
        *("type", "id", "timestamp", "event", "state_since"),
        *("cost_usd", "context_percent", "usage_time"),
    )
)


class Filter:
    """Leaves out heartbeats that say what the entry before in their session said.

    It knows nothing of a session at first, and leaves nothing out then.
    """

    def __init__(self) -> None:
        self._latest: dict[object, SessionEntry] = {}  # latest written last

    def select(self, lines: list[bytes]) -> list[bytes]:
        """Return those of *lines*, each an entry, that say something new."""
        return [line for line in lines if not self._is_redundant(jsonl.decode(line))]

    def _is_redundant(self, entry: SessionEntry | None) -> bool:
        if entry is None or entry.get("type") not in schema.LIFECYCLE:
            return False
        session_id = entry.get("session_id")
        said = {key: entry[key] for key in entry if key not in _IGNORED}
        before = self._latest.pop(session_id, None)
        self._latest[session_id] = said
        if len(self._latest) > _MAX_SESSIONS:
            del self._latest[next(iter(self._latest))]
        return entry["type"] == schema.HEARTBEAT and said == before
