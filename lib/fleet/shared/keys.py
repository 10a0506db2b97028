"""What the keys of a store are called on the server, and how long they last.

All keys of a store have the same hash tag, its id in braces, so that a cluster keeps
them in one slot, where a transaction can change them together. An ACL confines a
machine to `hc1:{<id of its store>}:*`.
"""

from __future__ import annotations

from typing import NamedTuple

LEASE_MS = 45_000  # a machine that has not renewed its lease for so long is silent
RENEW_SECONDS = 15.0
EXPIRY_SECONDS = 7 * 86_400  # of the other keys: then a silent machine is forgotten
LOG_ENTRIES = 1000  # about so many of the last entries are in the log
FIELD = "entry"  # of an item of the log: an entry, as `headcount export` prints it
PATTERN = "hc1:{*}:now"  # for SCAN: the stores on the server
_PREFIX, _SUFFIX = "hc1:{", "}:now"
_ID_DIGITS = 32
_HEX = frozenset("0123456789abcdef")


class Keys(NamedTuple):
    """The keys of one store."""

    lease: str  # which process shares the store; it expires if it is not renewed
    now: str  # the live sessions
    log: str  # a stream of the last entries
    cursor: str  # of the export that fills the log


def of(store: str) -> Keys:
    """Return the keys of the store with this id."""
    base = f"hc1:{{{store}}}:"
    return Keys(f"{base}lease", f"{base}now", f"{base}log", f"{base}cursor")


def is_store_id(text: str) -> bool:
    """Whether *text* can be the id of a store: 32 hexadecimal digits."""
    return len(text) == _ID_DIGITS and _HEX.issuperset(text)


def store_of(key: bytes) -> str | None:
    """Return the id of the store whose sessions are under *key*.

    None for a key that is not Headcount's, although it matches PATTERN.
    """
    text = key.decode("ascii", "replace")
    store = text.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    return store if is_store_id(store) and text == of(store).now else None
