"""Where sessions work, and who else is there: trees, branches, and what collides.

Two live sessions in one working tree, or one session open in two processes, write over
each other's work. Each folder is looked at once, however many sessions are in it.
"""

from __future__ import annotations

import os

from ..record import verdict
from ..system import git

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Session

# Of a thousand sessions in one tree each would name a thousand.
MOST_NAMED = 10


class Places:
    """What was found out about folders: their trees, and the branches of those."""

    def __init__(self) -> None:
        self._trees = git.Trees()
        self._roots: dict[str, str] = {}
        self._branches: dict[str, str | None] = {}

    def tree_of(self, folder: str) -> str:
        """Return the working tree of *folder*, a text that need not be a path."""
        if folder not in self._roots:
            try:
                self._roots[folder] = self._trees.root_of(folder)
            except OSError:
                self._roots[folder] = folder
        return self._roots[folder]

    def branch_of(self, root: str) -> str | None:
        """Return what is checked out in the tree at *root*, None if nothing is."""
        if root not in self._branches:
            is_git = self._trees.is_git(root)
            self._branches[root] = git.branch_of(root) if is_git else None
        return self._branches[root]


def here() -> str:
    """Return the working tree of the current folder; OSError if that is gone."""
    return Places().tree_of(os.getcwd())


def annotate(sessions: Iterable[Session]) -> None:
    """Give each of *sessions*, as `lookup.discover` has them, what is around it.

    `tree` and `branch` of its folder; `processes`, the pids that have it open; and
    `same_tree`, other live sessions in its tree (the last heard of, at most MOST_NAMED)
    and `same_tree_count`, how many they are.
    """
    places = Places()
    by_tree: dict[str, list[Session]] = {}
    for session in sessions:
        _locate(session, places)
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


def _locate(session: Session, places: Places) -> None:
    cwd = session["cwd"]
    root = places.tree_of(cwd) if cwd else None
    session["tree"] = root
    session["branch"] = places.branch_of(root) if root else None
    session["same_tree"] = []
    session["same_tree_count"] = 0


def _is_live(session: Session) -> bool:
    return session["verdict"] == "alive" and not session["archived"]


def _processes(session: Session) -> list[int]:
    if not _is_live(session):
        return []
    if not session.get("others"):
        return [session["pid"]]
    return [seen["pid"] for seen in verdict.processes_at_work(session)]  # type: ignore[arg-type]


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
