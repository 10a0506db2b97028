"""`headcount label`: give a session a label."""

from __future__ import annotations

import time

from .append import add_entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def run(args: Namespace) -> int:
    """Set the label, the words as one; an empty one removes it."""
    # Bytes that are not UTF-8 would make the entry unreadable for other programs.
    text = (
        " ".join(args.text)
        .encode("utf-8", "surrogateescape")
        .decode("utf-8", "replace")
    )
    entry = {"type": "session_update", "label": text, "source": "person"}
    add_entry(args.id, entry, time.time())
    return 0
