"""What is known about the session at the cursor, beside the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...record import verdict
from ...views import session_view
from ..commands import show

if TYPE_CHECKING:
    from ...views.session_view import SessionView
    from .source import Snapshot


def lines(session: SessionView, snapshot: Snapshot) -> list[str]:
    """Return the facts of `headcount show`, and how to resume what has ended."""
    if not session["path"]:
        return [session_view.state_text(session, snapshot.now), session["cwd"] or ""]
    by_id = {other["session_id"]: other for other in snapshot.sessions}
    same_worktree = [by_id[i] for i in session["same_worktree"] if i in by_id]
    facts = {**session, "same_worktree": same_worktree}
    text = show.fact_lines(facts, snapshot.now)
    if session["verdict"] and session["verdict"] not in verdict.OPEN:
        command = session_view.resume_command(session)
        text += ["", command or session_view.no_command(session)]
    return text
