"""Where a command's words go: data to stdout, the rest to stderr."""

from __future__ import annotations

import os
import sys
import time

from ..errors import HeadcountError
from ..text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_LINE = 4096


def message(message: str, more: Sequence[str] = ()) -> None:
    """Write a message of the command's own, and lines that belong to it, to stderr."""
    for line in (f"headcount: {message}", *more):
        print(printable(line, MAX_LINE), file=sys.stderr)


def write(lines: Sequence[str]) -> None:
    """Write *lines* to stdout, now: what cannot be written is known here.

    Raises BrokenPipeError if nobody reads any more, else HeadcountError.
    """
    write_text("".join(f"{line}\n" for line in lines))


def write_text(text: str) -> None:
    """Write *text* to stdout as it stands, now; the errors are those of `write`."""
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _not_written(error) from None


def _not_written(error: OSError) -> HeadcountError:
    discard_stdout()  # or it would be tried once more at exit
    return HeadcountError(f"cannot write to stdout: {error.strerror}")


def write_raw(lines: Sequence[bytes]) -> None:
    """Write *lines*, UTF-8 without their ends, to stdout byte for byte, now.

    A terminal is shown what does not print as JSON escapes it. The errors are those of
    `write`.
    """
    if sys.stdout is None:
        return
    if sys.stdout.isatty():
        write([_escaped(line.decode("utf-8")) for line in lines])
        return
    try:
        sys.stdout.buffer.write(b"".join(line + b"\n" for line in lines))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _not_written(error) from None
    write_text("")


def _escaped(line: str) -> str:
    if line.isprintable():
        return line
    import json

    return "".join(
        character
        if character.isprintable()
        else " "  # between values: within texts JSON has no such white space
        if character in "\t\r"
        else json.dumps(character)[1:-1]
        for character in line
    )


def pause(seconds: float) -> None:
    """Wait; raise BrokenPipeError as soon as nobody reads stdout any more."""
    if sys.stdout is None:
        raise BrokenPipeError
    import select

    if not hasattr(select, "poll"):
        time.sleep(seconds)
        return
    watched = select.poll()
    watched.register(sys.stdout, 0)
    told = [events for _, events in watched.poll(seconds * 1000)]
    if any(events & (select.POLLERR | select.POLLHUP) for events in told):
        raise BrokenPipeError
    if told:  # a kind of file that cannot be polled
        time.sleep(seconds)


def discard_stdout() -> None:
    """Let what is still to be written to stdout go nowhere."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


def terminal() -> tuple[int | None, bool]:
    """Return how wide stdout is, None if it is no terminal, and whether to colour."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None, False
    import shutil

    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return shutil.get_terminal_size().columns, colour
