"""The lease of a store: which process shares it, as one JSON object."""

from __future__ import annotations

import json
from typing import NamedTuple

from .. import validate


class Lease(NamedTuple):
    """The process that shares a store, and since when (the server's epoch seconds).

    *sharer* is random, and the same as long as the process runs. *process* is its
    fingerprint, *headcount* the version that it runs.
    """

    sharer: str
    host: str
    machine: str
    user: str
    pid: int
    process: str
    headcount: str
    since: float


def encode(lease: Lease) -> bytes:
    """Return *lease* as a value for the server."""
    content = {"v": validate.VERSION, **lease._asdict()}
    return json.dumps(content, allow_nan=False).encode()


def decode(value: bytes) -> Lease:
    """Return the lease in *value*.

    Raises InvalidOutputError, and OtherVersionError for a value of another version.
    """
    content = validate.output(value)
    known = {key: content.get(key) for key in Lease._fields}
    is_valid = validate.number(known["pid"]) and validate.moment(known["since"])
    texts = (known[key] for key in known.keys() - {"pid", "since"})
    if not (is_valid and all(map(validate.text, texts))):
        raise validate.InvalidOutputError("its lease is not that of headcount")
    return Lease(**known)  # type: ignore[arg-type]
