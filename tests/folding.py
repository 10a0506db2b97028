"""A session's file, written by hand, and the metadata that its entries fold to."""

from __future__ import annotations

import json
import time

from support import ID

from lib.record import timestamps
from lib.store import reader, snapshot


def fold(path):
    """What the session at *path* is now; alone and in a batch, it is the same."""
    now = time.time()
    metadata = snapshot.read(str(path), now).metadata
    assert [*reader.metadata_of_all([str(path)], now)] == [(str(path), metadata)]
    return metadata


def write(path, *entries):
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def add_raw(path, **fields):
    entry = {
        "v": 1,
        "session_id": ID,
        "timestamp": timestamps.from_epoch(time.time()),
        **fields,
    }
    with path.open("a") as file:
        file.write(json.dumps(entry) + "\n")
