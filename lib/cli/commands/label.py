"""`headcount label`: give a session a name."""

from __future__ import annotations

import time

from ...views import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def run(asked: Namespace) -> int:
    """Set the label; an empty one takes it away."""
    # What is not UTF-8 in the argument would be no text for other readers.
    text = asked.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    entry = {"type": "session_update", "label": text, "source": "person"}
    lookup.add_entry(asked.id, entry, time.time())
    return 0
