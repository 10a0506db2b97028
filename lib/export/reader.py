"""The file of one session, read on from a position. Nothing is written or locked."""

from __future__ import annotations

import os
import zlib
from typing import NamedTuple

from ..record import jsonl
from ..record.schema import METADATA
from ..store import journal, paths
from .cursor import Position

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK_BYTES = 1 << 18
_CHECKED_BYTES = jsonl.MAX_ENTRY_BYTES
_INVALID = b"\xff"  # makes a line that is cut to bound memory a damaged one
_HEX = frozenset("0123456789abcdef")
_ID_DIGITS = 16
_START_BYTES = 256  # with the ids of line 1
_START = b'{"type":"session_metadata","v":1,"id":"'


class Block(NamedTuple):
    """Whole lines without their newlines, and the position after them."""

    lines: list[bytes]
    end: Position


class SessionReader:
    """An open file of a session; a context manager that closes it.

    `identity` is the id of its line 1 as a number. If that line is destroyed, it is the
    id of the first entry of the session after it; None without one.
    """

    def __init__(self, path: str) -> None:
        """Open it. Raises FileNotFoundError, StoreError (it is not ours), OSError."""
        self.path = path
        self.session_id = paths.id_of(path)
        self._descriptor, self.status = journal.open_ours(path)
        try:
            self.identity = self._identify()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> SessionReader:  # noqa: PYI034  # Self is not in 3.10
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def _identify(self) -> int | None:
        # As Headcount writes line 1; to decode it would take most of the time.
        head = journal.read_at(self._descriptor, _START_BYTES, 0)
        if head.startswith(_START):
            digits, _, rest = head[len(_START) :].partition(b'","session_id":"')
            identity = _number(digits.decode("ascii", "replace"))
            if identity and rest.startswith(f'{self.session_id}"'.encode()):
                return identity
        read = journal.reading(self._descriptor)
        head = journal.read_head(read, self.status.st_size, journal.HEAD_BYTES)
        for entry in map(jsonl.decode, head.split(b"\n")[:-1]):
            if entry and entry.get("session_id") == self.session_id and "v" in entry:
                identity = _number(entry.get("id"))
                if identity:
                    return identity
        return None

    def has_line_at(self, position: Position) -> bool:
        """Whether the line that ends at *position* is still the same."""
        offset = position.offset
        if offset >= self.status.st_size:
            return offset == self.status.st_size
        start = max(0, offset - _CHECKED_BYTES - 1)
        tail = journal.read_at(self._descriptor, offset - start, start)
        line = tail[:-1].rpartition(b"\n")[2]
        return tail.endswith(b"\n") and check_of(line) == position.check

    def find(self, positions: dict[Position, int]) -> Position | None:
        """Return the last of *positions* that is in the file, with the same line."""
        found = None
        for lines, end in self.read(0):
            offset, here = end.offset, None
            for line in reversed(lines):
                place = Position(offset, check_of(line))
                if place in positions:
                    here = place
                    break
                offset -= len(line) + 1
            found = here or found
        return found

    def metadata_line(self) -> bytes | None:
        """Return line 1 if it is metadata."""
        line, newline, _ = journal.read_at(
            self._descriptor, journal.HEAD_BYTES, 0
        ).partition(b"\n")
        entry = jsonl.decode(line) if newline else None
        return line if entry and entry.get("type") == METADATA else None

    def read(self, offset: int) -> Iterator[Block]:
        """Yield the whole lines after *offset*, in blocks.

        A line without a newline is not whole yet.
        """
        rest = b""
        reached = offset
        while block := journal.read_at(self._descriptor, _BLOCK_BYTES, reached):
            reached += len(block)
            *lines, rest = (rest + block).split(b"\n")
            if lines:
                yield Block(lines, Position(reached - len(rest), check_of(lines[-1])))
            if len(rest) > jsonl.MAX_LINE_BYTES:
                rest = _INVALID + rest[-_CHECKED_BYTES:]


def check_of(line: bytes) -> int:
    """Return the CRC-32 of *line*, of a very long one that of its end."""
    return zlib.crc32(line[-_CHECKED_BYTES:])


def _number(digits: object) -> int | None:
    """Return the number that an entry's id is; None if it is not a valid id."""
    if not isinstance(digits, str) or len(digits) != _ID_DIGITS:
        return None
    return int(digits, 16) if _HEX.issuperset(digits) else None
