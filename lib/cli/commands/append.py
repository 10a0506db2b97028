"""`headcount append`: add an entry of your own to a session, from a script."""

from __future__ import annotations

import json
import sys
import time

from ... import sessions
from ...errors import InvalidEntryError
from ...views import lookup
from .. import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ...model import SessionEntry


def run(args: Namespace) -> int:
    """Append the entry and print its id."""
    fields = _fields(args.json)
    if fields.get("type", args.type) != args.type:
        raise InvalidEntryError(
            f"the JSON says type {fields['type']!r}, but TYPE is {args.type!r}; leave "
            "it out of the JSON"
        )
    entry = {**fields, "type": args.type}
    output.write([add_entry(args.id, entry, time.time())])
    return 0


def add_entry(query: str, entry: SessionEntry, now: float) -> str:
    """Append *entry* to the session that *query* finds; return the entry's id.

    Prints a message to stderr if this restored the session from the archive. Raises
    HeadcountError if the session's file has no valid metadata, and the errors of
    `lookup.find` and `sessions.append_to_session`.
    """
    session = lookup.find(query, now)
    session_id = str(session["session_id"])
    if session["verdict"] is None:
        raise lookup.unreadable_error(session, "nothing was appended")
    entry_id = sessions.append_to_session(session_id, entry)
    if session["archived"]:
        output.message(f"{session_id} was restored from the archive")
    return entry_id


def _fields(text: str | None) -> SessionEntry:
    """Return the JSON object in *text*, or on stdin if that is `-`."""
    if text is None:
        return {}
    source = "stdin" if text == "-" else "the argument JSON"
    try:
        if text == "-":
            text = sys.stdin.buffer.read().decode("utf-8") if sys.stdin else ""
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidEntryError(
            f"{source} is not valid JSON: {error}; nothing was appended"
        ) from None
    if not isinstance(fields, dict):
        raise InvalidEntryError(f"{source} is not a JSON object; nothing was appended")
    return fields
