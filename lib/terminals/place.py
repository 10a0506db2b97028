"""Where a process runs: its terminal, and the program that this belongs to.

It is found on demand. A process inherits the variables of every terminal that it was
started from, one within the other. Its ancestors tell which is the innermost.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from ..claude import session_status
from ..record import verdict
from ..record.attached import processes_of
from ..system import client_process, process
from ..text import printable
from . import kinds, owner

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .kinds import Address, Kind

_MAX_TEXT = 200


class Place(NamedTuple):
    """Where process *pid* runs.

    *program* is what its terminal belongs to: the name of a kind, or else of a process.
    *tty* is the terminal. *address* is empty if the place cannot be shown. *tmux* is
    where it is in tmux, as `session:@window.%pane`, if the client says so. Each text is
    "" if it is not known.
    """

    pid: int
    program: str
    tty: str
    address: Address
    tmux: str = ""

    def __str__(self) -> str:
        """Return it in words: `tmux work:@3.%7`, `xterm on /dev/pts/3`."""
        if self.tmux and self.program in ("tmux", ""):
            return printable(f"tmux {self.tmux}", _MAX_TEXT)
        parts = filter(None, (self.program, self.tty))
        return printable(" on ".join(parts), _MAX_TEXT) or "without a terminal"

    def with_pid(self) -> str:
        """Return it in words with its process: `pid 812, tmux work:@3.%7`."""
        return f"pid {self.pid}, {self}"

    def as_object(self) -> dict[str, int | str | None]:
        """Return it as `show --json` prints it."""
        texts = {"terminal": self.program, "tty": self.tty, "tmux": self.tmux}
        return {"pid": self.pid, **{key: text or None for key, text in texts.items()}}

    @classmethod
    def from_object(cls, content: Mapping[str, Any]) -> Place:
        """Return the place that `as_object` made on another machine."""
        keys = ("terminal", "tty", "tmux")
        program, tty, tmux = (content.get(key) or "" for key in keys)
        return cls(content["pid"], program, tty, {}, tmux)


def of_session(session: Mapping[str, object]) -> list[Place]:
    """Return the places of the processes that are known to have *session* open.

    *session* is a view, or folded metadata with its verdict.
    """
    if session["verdict"] not in verdict.OPEN:
        return []
    places = []
    for attached in processes_of(session):  # type: ignore[arg-type]
        if verdict.probe(attached)[0] != process.RUNNING:
            continue
        place = of_process(attached["pid"])
        if verdict.probe(attached)[0] == process.RUNNING:  # no other had its pid
            tmux = session_status.tmux_of({**session, **attached})
            places.append(place._replace(tmux=tmux or ""))
    return places


def of_process(pid: int) -> Place:
    """Return where process *pid* runs. Nothing is read of another user's process."""
    tty = owner.terminal(pid)
    if not tty:
        return Place(pid, "", "", {})
    kind = kind_of(pid)
    if kind is None:
        return Place(pid, _owner(pid, tty), tty, {})
    address = address_of(pid, kind, tty)
    return Place(pid, kind.name, tty, address if all(address.values()) else {})


def kind_of(pid: int) -> Kind | None:
    """Return the kind of the innermost terminal that process *pid* runs in."""
    found = (kinds.kind_of(name) for _, name in client_process.lineage(pid))
    return next(filter(None, found), None)


def address_of(pid: int, kind: Kind, tty: str = "") -> Address:
    """Return the address of process *pid* in a terminal of this *kind*."""
    is_ours = owner.is_ours(pid)
    return kind.address(
        lambda name: (process.variable(pid, name) or "") if is_ours else "", tty
    )


def ours(kind: Kind) -> Address:
    """Return our own address, empty if we do not run in a terminal of this *kind*."""
    innermost = kind_of(os.getpid())
    if innermost is None or innermost.name != kind.name:
        return {}
    return kind.address(lambda name: os.environ.get(name, ""), "")


def _owner(pid: int, tty: str) -> str:
    """Return the name of the nearest ancestor that is not on *tty* itself."""
    ancestors = client_process.lineage(pid)
    return next((name for pid, name in ancestors if owner.terminal(pid) != tty), "")
