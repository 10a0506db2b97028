"""Where an export has got to: a position in the file of each session, as one text.

A file is known by the id of its line 1, not by its path or its inode. So the cursor
holds when a session is archived, restored, or copied to another disk.

The text is opaque to others: a version, then in base64 what zlib makes of three columns
of little-endian numbers: ids (8 bytes), offsets (8 bytes) and checks (4 bytes). That is
19 characters for each session on record, however many entries it has. Nothing is left
out to make it smaller: without its id, the deletion of a session would not be noticed.
"""

from __future__ import annotations

import binascii
import struct
import zlib
from typing import NamedTuple

from ..errors import UsageError

_VERSION = "1."
_BYTES = 8 + 8 + 4
_MAX_BYTES = 64 << 20  # of the columns: those of three million sessions


class Position(NamedTuple):
    """A place between two lines of a file."""

    offset: int  # in bytes; a newline is before it
    check: int  # the CRC-32 of the line before it, as `reader.check_of` has it


def encode(positions: dict[int, Position]) -> str:
    """Return the cursor of *positions*, by id, as ASCII text."""
    count = len(positions)
    offsets, checks = zip(*positions.values(), strict=True) if count else ((), ())
    raw = struct.pack(f"<{count}Q{count}Q{count}L", *positions, *offsets, *checks)
    return _VERSION + binascii.b2a_base64(zlib.compress(raw), newline=False).decode()


def decode(text: str) -> dict[int, Position]:
    """Return the positions of a cursor. Raises UsageError if *text* is not one."""
    try:
        if not text.startswith(_VERSION):
            raise ValueError("no version")
        raw = _decompressed(binascii.a2b_base64(text[len(_VERSION) :]))
        count = len(raw) // _BYTES
        numbers = struct.unpack(f"<{count}Q{count}Q{count}L", raw)
    except (ValueError, zlib.error, struct.error):
        raise UsageError(
            f"{ascii(text)[:40]} is not a valid cursor; give the `cursor` of the last "
            "line of type cursor that the export printed, unchanged"
        ) from None
    ids, offsets, checks = (numbers[i * count : (i + 1) * count] for i in range(3))
    return dict(zip(ids, map(Position, offsets, checks), strict=True))


def _decompressed(value: bytes) -> bytes:
    stream = zlib.decompressobj()
    raw = stream.decompress(value, _MAX_BYTES)
    if not stream.eof:
        raise ValueError("too long, or cut off")
    return raw
