"""The `headcount` command: what people and scripts ask of the record.

Data goes to stdout, words to stderr. Exit codes: 0; 1 it failed; 2 it was called
wrongly; 3 no such session; 4 the id means several; 130 interrupted; 141 the reader of
stdout has gone. Only here are errors turned into words.
"""

from __future__ import annotations

import os
import sys

from ..errors import (
    AmbiguousIdError,
    HeadcountError,
    InvalidEntryError,
    SessionNotFoundError,
    UsageError,
)
from . import output, parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED, USAGE, NOT_FOUND, AMBIGUOUS = 1, 2, 3, 4
INTERRUPTED, BROKEN_PIPE = 130, 141

_CODES = (
    (UsageError, USAGE),
    (InvalidEntryError, USAGE),
    (SessionNotFoundError, NOT_FOUND),
    (AmbiguousIdError, AMBIGUOUS),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that *argv* names, `list` if none; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        output.discard_stdout()
        return BROKEN_PIPE
    except (HeadcountError, OSError) as error:
        return _report(error, words)


def _run(words: list[str]) -> int:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a label may have what it lacks
    try:
        args = parser.parse(words)
    except SystemExit as end:  # after --help and --version
        output.write([])
        return int(end.code or 0)
    from importlib import import_module

    command = import_module(f".commands.{args.command}", __package__)
    return int(command.run(args))


def _report(error: HeadcountError | OSError, words: list[str]) -> int:
    if isinstance(error, HeadcountError):
        output.message(str(error), getattr(error, "candidates", ()))
    else:
        place = f" at {os.fsdecode(error.filename)}" if error.filename else ""
        output.message(
            f"`{parser.with_command(words)[0]}` failed{place}: "
            f"{error.strerror or error}; `headcount doctor` looks for the cause"
        )
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
