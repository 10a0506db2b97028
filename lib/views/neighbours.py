"""Where sessions work, and who else is there: trees, branches, and what collides.

Two live sessions in one working tree, or one session open in two processes, write over
each other's work. Each folder is looked at once, however many sessions are in it.
"""

from __future__ import annotations

from ..record import verdict
from ..system import git

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Session

# Of a thousand sessions in one tree each would name a thousand.
MOST_NAMED = 10


def annotate(sessions: Iterable[Session]) -> None:
    """Give each of *sessions*, as `lookup.discover` has them, what is around it.

    `tree` and `branch` of its folder; `processes`, the pids that have it open; and
    `same_tree`, other live sessions in its tree (the last heard of, at most MOST_NAMED)
    and `same_tree_count`, how many they are.
    """
    worktrees = git.Worktrees()
    by_tree: dict[str, list[Session]] = {}
    for session in sessions:
        _locate(session, worktrees)
        session["processes"] = _processes(session)
        if _is_live(session) and session["tree"]:
            by_tree.setdefault(session["tree"], []).append(session)
    for together in by_tree.values():
        _introduce(together)


def siblings(session: Session, others: Iterable[Session]) -> list[Session]:
    """Return the live ones of *others* in the tree of *session*, in short.

    All were looked around. At most MOST_NAMED, the last heard of.
    """
    together = [
        other
        for other in others
        if _is_live(other) and other["tree"] and other["tree"] == session["tree"]
    ]
    keys = ("session_id", "label", "state", "last_heartbeat")
    return [
        {key: other[key] for key in keys} for other in _latest(together)[:MOST_NAMED]
    ]


def _locate(session: Session, worktrees: git.Worktrees) -> None:
    cwd = session["cwd"]
    root = worktrees.root(cwd) if cwd else None
    session["tree"] = root
    session["branch"] = worktrees.branch(root) if root else None
    session["same_tree"] = []
    session["same_tree_count"] = 0


def _is_live(session: Session) -> bool:
    return session["verdict"] == "alive" and not session["archived"]


def _processes(session: Session) -> list[int]:
    if not _is_live(session):
        return []
    if not session.get("others"):
        return [session["pid"]]
    return [seen["pid"] for seen in verdict.running_processes(session)]  # type: ignore[arg-type]


def _introduce(together: list[Session]) -> None:
    """Name to each of the sessions of one tree the others."""
    last = _latest(together)[: MOST_NAMED + 1]
    named = [session["session_id"] for session in last]
    for session in together:
        own = session["session_id"]
        others = [session_id for session_id in named if session_id != own]
        session["same_tree"] = others[:MOST_NAMED]
        session["same_tree_count"] = len(together) - 1


def _latest(sessions: list[Session]) -> list[Session]:
    return sorted(sessions, key=lambda one: str(one["last_heartbeat"]), reverse=True)
