"""The end of a transcript, which shows that a turn was interrupted.

No hook runs when a person presses Esc. Where the client's session file has no state
(before 2.1.119), the transcript is the only evidence: within half a second the client
writes a line that says so. 2.1.100 and later write none if the model had not begun to
answer.
"""

from __future__ import annotations

import os

from ..record import jsonl, timestamps
from ..system import private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import SessionEntry

MAX_BYTES_READ = 64 * 1024
_TURNS = ("user", "assistant")
_INTERRUPTED = (
    "[Request interrupted by user]",
    "[Request interrupted by user for tool use]",
)


def interrupted_at(path: str) -> float | None:
    """Return when the turn that the transcript ends with was interrupted.

    In seconds since the epoch. None if it was not, if more was said since, or if that
    cannot be told. Only a regular file that no other user made is read, MAX_BYTES_READ
    from its end. Never raises and never blocks.
    """
    for line in reversed(_end_of(path).splitlines()):
        message = jsonl.decode(line)
        if message is not None and _is_turn(message):
            interrupted = _says_interrupted(message)
            return timestamps.parse(message.get("timestamp")) if interrupted else None
    return None


def _end_of(path: str) -> bytes:
    try:
        descriptor = private.open_regular(path, trusted=True)
    except (OSError, ValueError):  # ValueError: no path at all
        return b""
    try:
        size = os.fstat(descriptor).st_size
        os.lseek(descriptor, max(0, size - MAX_BYTES_READ), os.SEEK_SET)
        return os.read(descriptor, MAX_BYTES_READ)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _is_turn(message: SessionEntry) -> bool:
    """Whether it is a line of the conversation itself, not of a subagent's."""
    return message.get("type") in _TURNS and message.get("isSidechain") is not True


def _says_interrupted(message: SessionEntry) -> bool:
    inner = message.get("message")
    content = inner.get("content") if isinstance(inner, dict) else None
    blocks = content if isinstance(content, list) else [{"text": content}]
    texts = [block.get("text") for block in blocks if isinstance(block, dict)]
    return message["type"] == "user" and any(text in _INTERRUPTED for text in texts)
