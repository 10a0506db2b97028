"""The `headcount` command: picks the command's module, and reports its errors.

Only this module turns errors into messages and exit codes.
"""

from __future__ import annotations

import contextlib
import os
import sys

from .. import __version__
from ..errors import (
    AmbiguousIdError,
    HeadcountError,
    InvalidEntryError,
    SessionNotFoundError,
    StoreSharedError,
    UsageError,
)
from . import output, parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

FAILED, USAGE, NOT_FOUND, AMBIGUOUS, SHARED = 1, 2, 3, 4, 5
INTERRUPTED, BROKEN_PIPE = 130, 141

# They use no verdict, or must not write to stderr, or report the problem themselves.
_NO_VERDICTS = ("completion", "doctor", "help", "install", "statusline", "uninstall")
_CODES = (
    (UsageError, USAGE),
    (InvalidEntryError, USAGE),
    (SessionNotFoundError, NOT_FOUND),
    (AmbiguousIdError, AMBIGUOUS),
    (StoreSharedError, SHARED),
)


def run() -> NoReturn:
    """Run the command that this process was started for, and end the process.

    At once: the interpreter would free object by object what the system frees as a
    whole, which takes 20 ms after a list of ten thousand sessions.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in *argv*, by default `list`; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        output.discard_stdout()
        return BROKEN_PIPE
    except HeadcountError as error:
        output.message(str(error), getattr(error, "candidates", ()))
        return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
    except OSError as error:
        _report_os_error(error, words)
    except Exception as error:  # noqa: BLE001  # a bug of headcount
        _report_bug(error)
    return FAILED


def _run(words: list[str]) -> int:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # it may not be able to encode a label
    try:
        args = parser.parse(words)
    except SystemExit as end:  # after --help and --version
        output.write([])
        return int(end.code or 0)
    if os.environ.get("HEADCOUNT_TTL_HOURS") and args.command not in _NO_VERDICTS:
        from ..record import verdict

        if problem := verdict.ttl_problem():
            output.message(problem)
    from importlib import import_module

    command = import_module(f".commands.{args.command}", __package__)
    code = int(command.run(args))
    output.write([])  # what it printed itself: an error must be raised here
    return code


def _report_os_error(error: OSError, words: list[str]) -> None:
    place = f" at {os.fsdecode(error.filename)}" if error.filename else ""
    command = parser.add_default_command(words)[0]
    hint = "; run `headcount doctor` to find the cause" * _is_of_store(error)
    output.message(f"`{command}` failed{place}: {error.strerror or error}{hint}")


def _is_of_store(error: OSError) -> bool:
    """Whether the error is one that `doctor` examines: what is wrong with the store."""
    from ..store import paths

    path = os.fsdecode(error.filename) if error.filename else ""
    return os.path.join(path, "").startswith(os.path.join(paths.SESSIONS_DIR, ""))


def _report_bug(error: Exception) -> None:
    """Print what a bug report needs: the traceback and the versions."""
    import platform
    import traceback

    lines = "".join(traceback.format_exception(error)).splitlines()
    versions = f"Python {platform.python_version()}, {platform.platform()}"
    output.message(
        f"unexpected error, a bug in headcount {__version__} ({versions}); "
        "please report it with these lines:",
        lines,
    )
