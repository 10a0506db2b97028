"""What each host said last, for when it does not answer.

A file for each host in the user's cache. It is a copy that may be deleted at any time,
and is checked like an answer when it is read.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from ..record import timestamps
from ..system import atomic, private
from . import folders, ssh, validate

if TYPE_CHECKING:
    from ..views.session_view import SessionView

_FOLDER = "hosts"


class LastAnswer(NamedTuple):
    """When a host answered last (epoch seconds), None if never, and its sessions."""

    time: float | None
    sessions: list[SessionView]


def remember(host: str, sessions: list[SessionView], now: float) -> None:
    """Keep the *sessions* of *host*; without a cache, do nothing."""
    content: dict[str, Any] = {
        "v": validate.VERSION,
        "time": timestamps.from_epoch(now),
        "sessions": sessions,
    }
    try:
        line = json.dumps(content, allow_nan=False).encode()
        with folders.opened(_FOLDER) as folder:
            name = f"{host}.json"
            temporary = private.temporary_name(name)
            with os.fdopen(folder.create(temporary), "wb") as file:
                file.write(line)
            atomic.put(folder, temporary, name)
    except (OSError, ValueError, RecursionError):
        pass  # a full disk, or a task that has no JSON form: the list is still right


def recall(host: str, now: float) -> LastAnswer:
    """Return the last answer of *host*, if it is still in the cache."""
    try:
        with folders.opened(_FOLDER) as folder:
            path = os.path.join(folder.path, f"{host}.json")
            line = private.read_whole(path, 2 * ssh.MAX_BYTES)
        content = validate.output(line)
        sessions = validate.sessions(content, validate.SESSION)
    except (OSError, validate.InvalidOutputError):
        return LastAnswer(None, [])
    heard = timestamps.parse(content.get("time"))
    return LastAnswer(None if heard is None else min(heard, now), sessions)  # type: ignore[arg-type]
