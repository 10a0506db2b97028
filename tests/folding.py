"""A session's file, written by hand, and the metadata that its entries fold to."""

from __future__ import annotations

import json
import time

from support import ID

from lib.record import timestamps
from lib.store import snapshot


def fold(path):
    return snapshot.read(str(path), time.time()).metadata


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
