"""`headcount append`: an entry of your own, from a script."""

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
            f"the JSON has the type {fields['type']!r}, TYPE is {args.type!r}"
        )
    entry = {**fields, "type": args.type}
    output.write([add_entry(args.id, entry, time.time())])
    return 0


def add_entry(wanted: str, entry: SessionEntry, now: float) -> str:
    """Add *entry* to the session that *wanted* means; return the entry's id.

    Says so on stderr if the session was brought back from the archive for it. Raises
    HeadcountError if its file holds no valid metadata, and what `find` and
    `sessions.append_to_session` raise.
    """
    session = lookup.find(wanted, now)
    session_id = str(session["session_id"])
    if session["verdict"] is None:
        raise lookup.unreadable(session, "nothing was added to it")
    entry_id = sessions.append_to_session(session_id, entry)
    if session["archived"]:
        output.message(f"{session_id} was brought back from the archive for it")
    return entry_id


def _fields(text: str | None) -> SessionEntry:
    """Return the JSON object in *text*, or on stdin if that is `-`."""
    if text is None:
        return {}
    place = "stdin" if text == "-" else "the argument JSON"
    try:
        if text == "-":
            text = sys.stdin.buffer.read().decode("utf-8") if sys.stdin else ""
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidEntryError(
            f"{place} is not JSON: {error}; nothing was appended"
        ) from None
    if not isinstance(fields, dict):
        raise InvalidEntryError(f"{place} is no JSON object; nothing was appended")
    return fields
