"""The line that SessionStart shows the user: who else works here."""

from __future__ import annotations

import time

from ..claude import live_state
from ..record.verdict import running_processes
from ..store import reader
from ..system import git
from ..text import printable
from . import neighbours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import SessionMetadata
    from ..store.paths import Listing

_MAX_NAMED = 3
_MAX_LABEL = 40
_MAX_NOTICE = 400


def collision_notice(session_id: str, listing: Listing) -> str | None:
    """Return one line for the user; None if nothing collides with the session.

    Another process may have the same session open, or another live session may work in
    the same worktree. Only the last written files of *listing* are read: a session
    that was not written to recently is not alive.
    """
    now = time.time()
    sessions = {
        snapshot.metadata["session_id"]: snapshot.metadata
        for snapshot in reader.recently_written(listing, neighbours.MAX_READ, now)
    }
    own = sessions.pop(session_id, None)
    if own is None:
        return None
    parts = [_same_session(own), _same_worktree(own, list(sessions.values()), now)]
    text = "; ".join(part for part in parts if part)
    return printable(f"Headcount: {text}", _MAX_NOTICE) if text else None


def _same_session(own: SessionMetadata) -> str:
    others = running_processes({"others": own.get("others", [])})
    pids = [str(other["pid"]) for other in others if "pid" in other]
    if not pids:
        return ""
    return f"this session is also open in another process (pid {', '.join(pids)})"


def _same_worktree(
    own: SessionMetadata, others: list[SessionMetadata], now: float
) -> str:
    if "cwd" not in own:
        return ""
    root = git.Worktrees().root(own["cwd"])
    live = neighbours.live_in(root, others, now)
    if not live:
        return ""
    several = len(live) > 1
    count = f"{len(live)} other live session{'s work' if several else ' works'}"
    names = ", ".join(_name(other) for other in live[:_MAX_NAMED])
    more = ", ..." if len(live) > _MAX_NAMED else ""
    return f"{count} in {printable(root, 100)}: {names}{more}"


def _name(session: SessionMetadata) -> str:
    given = session.get("label") or session.get("name", "")
    label = printable(given, _MAX_LABEL).strip()
    quoted = f' "{label}"' if label else ""
    state = live_state.of_alive(session)["state"]
    return f"{session['session_id'][:8]}{quoted} ({state})"
