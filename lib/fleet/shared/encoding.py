"""The live sessions of a store as one value of the server: JSON, compressed by zlib."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import HeadcountError
from ...text import count
from .. import validate
from . import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...views.session_view import SessionView

MAX_BYTES = 4 << 20  # of the JSON
MAX_COMPRESSED = 1 << 20


class Now(NamedTuple):
    """The live sessions of a store, and when its sharer last sent them.

    *heard* is that moment by the server's clock, *clock* by the sharer's own; both are
    in epoch seconds. *ended*: the sharer has ended as it should.
    """

    host: str
    heard: float
    clock: float
    sessions: list[SessionView]
    ended: bool = False


def encode(now: Now) -> bytes:
    """Return *now* as a value for the server; one that is too long is without tasks.

    Raises HeadcountError for too many sessions.
    """
    value = _compressed(now, now.sessions)
    if value is None:
        plain: list[Any] = [{**session, "tasks": []} for session in now.sessions]
        value = _compressed(now, plain)
    if value is None:
        raise HeadcountError(
            f"{count(len(now.sessions), 'session')} are too many to share; "
            "`headcount cleanup` archives those that have ended"
        )
    return value


def _compressed(now: Now, sessions: Sequence[SessionView]) -> bytes | None:
    """Return the value; None if it is longer than a reader takes."""
    content = {
        "v": validate.VERSION,
        "host": now.host,
        "heard": now.heard,
        "clock": now.clock,
        "ended": now.ended,
        **columns.of(sessions)._asdict(),
    }
    text = json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
    if len(text) > MAX_BYTES or len(sessions) > columns.MAX_SESSIONS:
        return None
    value = zlib.compress(text)
    return value if len(value) <= MAX_COMPRESSED else None


def decode(value: bytes) -> Now:
    """Return what *value* says, checked like any output that is not ours.

    Raises InvalidOutputError, and OtherVersionError for a value of another version.
    """
    content = validate.output(_decompressed(value))
    known = {key: content.get(key) for key in ("host", "heard", "clock", "ended")}
    if not (
        validate.text(known["host"])
        and validate.moment(known["heard"])
        and validate.moment(known["clock"])
        and isinstance(known["ended"], bool)
    ):
        raise validate.InvalidOutputError("it shares something else than sessions")
    same, varied = content.get("same"), content.get("columns")
    sessions = columns.sessions(same, varied, on=content["host"])
    return Now(**known, sessions=sessions)  # type: ignore[arg-type]


def _decompressed(value: bytes) -> bytes:
    if len(value) > MAX_COMPRESSED:
        raise validate.InvalidOutputError("what it shares is too long")
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(value, MAX_BYTES)
    except zlib.error:
        raise validate.InvalidOutputError("what it shares is not compressed") from None
    if not stream.eof:
        raise validate.InvalidOutputError("what it shares is too long, or cut off")
    return text
