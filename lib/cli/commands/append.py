"""`headcount append`: an entry of your own, from a script."""

from __future__ import annotations

import json
import sys
import time

from ...errors import InvalidEntryError
from ...views import lookup
from .. import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ...model import SessionEntry


def run(asked: Namespace) -> int:
    """Append the entry and print its id."""
    fields = _fields(asked.json)
    if fields.get("type", asked.type) != asked.type:
        raise InvalidEntryError(
            f"the JSON has the type {fields['type']!r}, TYPE is {asked.type!r}"
        )
    entry = {**fields, "type": asked.type}
    output.write([lookup.add_entry(asked.id, entry, time.time())])
    return 0


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
