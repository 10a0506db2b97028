"""`headcount export`: all entries as JSON lines, for programs that store them."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...export import cursor
from ...export.exporter import Exporter
from ...export.stream import stream
from .. import output

if TYPE_CHECKING:
    from argparse import Namespace

    from ...export.cursor import Position


def run(args: Namespace) -> int:
    """Print what was added since the cursor; with `--follow`, what is added then."""
    exporter = Exporter(_positions(args.since), args.types or (), output.message)
    gc.disable()  # entries have no cycles
    for lines in stream(exporter, output.pause if args.follow else None):
        output.write_raw(lines)
    return 0


def _positions(since: str | None) -> dict[int, Position]:
    if since is None:
        return {}
    if since == "-":
        since = sys.stdin.read() if sys.stdin else ""
    if not since.strip():
        raise UsageError("the cursor of --since is empty; leave --since out to start")
    return cursor.decode(since.strip())
