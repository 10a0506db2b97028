"""`headcount label`: give a session a name."""

from __future__ import annotations

import time

from .append import add_entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def run(args: Namespace) -> int:
    """Set the label; an empty one takes it away."""
    # What is not UTF-8 in the argument would be no text for other readers.
    text = args.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    entry = {"type": "session_update", "label": text, "source": "person"}
    add_entry(args.id, entry, time.time())
    return 0
