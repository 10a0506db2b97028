"""The lines of an export: entries, and cursors between them.

A cursor says that everything before it has come. It may be large, so while an export is
followed it comes when the entries since the last one are as large, or after a while.
"""

from __future__ import annotations

import time

from ..record import schema
from . import cursor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .exporter import Exporter

_BATCH_BYTES = 8 << 20
_SMALL_BYTES = 4096  # a cursor of 200 sessions can come with every entry
_DELAY_SECONDS = 10.0
_INTERVAL_SECONDS = 1.0
_LOAD = 0.005  # of a core, for looking at a store in which nothing happens


def stream(
    exporter: Exporter, pause: Callable[[float], None] | None = None
) -> Iterator[list[bytes]]:
    """Yield what is new, in blocks of lines without newlines; a cursor is the last.

    With *pause*, which waits for a number of seconds, continues with what is added, for
    ever. Raises StoreError.
    """
    size, cursor_size, due = 0, 0, time.monotonic()
    while True:
        began = time.process_time()
        for lines in exporter.read_new():
            yield lines
            due = due if size else time.monotonic() + _DELAY_SECONDS
            size += sum(map(len, lines))
            if size >= _BATCH_BYTES:
                yield [_cursor_line(exporter)]
                size = 0
        took = time.process_time() - began
        is_due = time.monotonic() >= due or size + _SMALL_BYTES >= cursor_size
        if not cursor_size or (size and is_due):
            line = _cursor_line(exporter)
            yield [line]
            size, cursor_size = 0, len(line)
        if pause is None:
            return
        pause(min(_DELAY_SECONDS, max(_INTERVAL_SECONDS, took / _LOAD)))


def _cursor_line(exporter: Exporter) -> bytes:
    # It may be longer than an entry, which `jsonl` refuses.
    text = cursor.encode(exporter.positions)
    return f'{{"type":"{schema.CURSOR}","v":1,"cursor":"{text}"}}'.encode()
