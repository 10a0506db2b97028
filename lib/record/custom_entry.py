"""The entries of other tools: what they may hold, and the fields that are filled in."""

from __future__ import annotations

from ..errors import InvalidEntryError
from . import questions, schema, timestamps
from .entries import FORMAT_VERSION, ID_DIGITS, check_label, common_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import SessionEntry

_HEX = frozenset("0123456789abcdef")
_MAX_TYPE_LENGTH = 64
_TYPE_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz")
_TYPE_REST = _TYPE_FIRST | frozenset("0123456789_.-")


def custom_entry(session_id: str, fields: SessionEntry) -> SessionEntry:
    """Return the entry of another tool with *fields*, and the common ones filled in.

    Raises InvalidEntryError for a type that is not allowed, and for common fields that
    are not what they must be.
    """
    if not isinstance(fields, dict):
        raise InvalidEntryError(f"an entry is a dict, not a {type(fields).__name__}")
    _check_type(fields.get("type"))
    entry = {**common_fields(fields["type"], session_id), **fields, "v": FORMAT_VERSION}
    if entry["session_id"] != session_id:
        raise InvalidEntryError(
            f"the entry is of {ascii(entry['session_id'])[:80]}, not of {session_id}"
        )
    if not _is_entry_id(entry["id"]):
        raise InvalidEntryError(
            f"{ascii(entry['id'])[:80]} is not a valid id: 16 hex digits"
        )
    if timestamps.parse(entry["timestamp"]) is None:
        raise InvalidEntryError(
            f"{ascii(entry['timestamp'])[:80]} is not a valid time: RFC 3339, UTC"
        )
    if entry["type"] == schema.UPDATE:
        check_label(entry)
    elif entry["type"] in (schema.QUESTION, schema.ANSWER):
        questions.check(entry)
    return entry


def _check_type(kind: object) -> None:
    if not (
        isinstance(kind, str)
        and 0 < len(kind) <= _MAX_TYPE_LENGTH
        and kind[0] in _TYPE_FIRST
        and _TYPE_REST.issuperset(kind)
    ):
        raise InvalidEntryError(
            f"{ascii(kind)[:80]} is not a valid type: a lower-case letter, then "
            "at most 63 of a-z 0-9 _ . -"
        )
    if kind in schema.LIFECYCLE:
        raise InvalidEntryError(
            f"entries of type {kind} are Headcount's own; create_session, "
            "update_heartbeat and close_session write them"
        )
    if kind in schema.EXPORT_TYPES:
        raise InvalidEntryError(f"{kind} is reserved for what `headcount export` adds")


def _is_entry_id(value: object) -> bool:
    return isinstance(value, str) and len(value) == ID_DIGITS and _HEX.issuperset(value)
