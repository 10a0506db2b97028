"""The line that SessionStart shows the user: who else has this session or this tree."""

from __future__ import annotations

import time

from ..record.verdict import judge, running_processes
from ..store import reader
from ..system import git
from ..text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import SessionMetadata
    from ..store.paths import Listing

_MOST_READ = 200
_MOST_NAMED = 3
_LABEL_LENGTH = 40
_LONGEST = 400


def collision_notice(session_id: str, listing: Listing) -> str | None:
    """Return one line for the user, or None if this session is alone.

    Another process may have the same session open, or another live session work in the
    same tree. Of the *listing* only what was written last is read: a session that has
    not been written to within the limit is not alive.
    """
    now = time.time()
    seen = {
        found.metadata["session_id"]: found.metadata
        for found in reader.recently_written(listing, _MOST_READ, now)
    }
    own = seen.pop(session_id, None)
    if own is None:
        return None
    parts = [_same_session(own), _same_tree(own, list(seen.values()), now)]
    said = "; ".join(part for part in parts if part)
    return printable(f"Headcount: {said}", _LONGEST) if said else None


def _same_session(own: SessionMetadata) -> str:
    others = running_processes({"others": own.get("others", [])})
    pids = [str(other["pid"]) for other in others if "pid" in other]
    if not pids:
        return ""
    return f"this session is also open in another process (pid {', '.join(pids)})"


def _same_tree(own: SessionMetadata, others: list[SessionMetadata], now: float) -> str:
    if "cwd" not in own:
        return ""
    worktrees = git.Worktrees()
    here = worktrees.root(own["cwd"])
    live = [
        other
        for other in others
        if "cwd" in other
        and worktrees.root(other["cwd"]) == here
        and judge(other, now)[0] == "alive"
    ]
    if not live:
        return ""
    count = (
        "1 other live session works"
        if len(live) == 1
        else (f"{len(live)} other live sessions work")
    )
    named = ", ".join(_name(other) for other in live[:_MOST_NAMED])
    more = ", ..." if len(live) > _MOST_NAMED else ""
    return f"{count} in {printable(here, 100)}: {named}{more}"


def _name(session: SessionMetadata) -> str:
    label = printable(session.get("label", ""), _LABEL_LENGTH).strip()
    shown = f' "{label}"' if label else ""
    return f"{session['session_id'][:8]}{shown} ({session['state']})"
