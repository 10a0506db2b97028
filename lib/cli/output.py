"""Writing for commands: data to stdout, messages to stderr."""

from __future__ import annotations

import contextlib
import os
import sys
import time

from ..errors import HeadcountError
from ..text import count, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

MAX_LINE = 4096
_BLOCK = 1000  # lines: one large text takes twice as long, since its memory is new
_COLUMNS = 80  # where the terminal does not say


def message(message: str, more: Sequence[str] = ()) -> None:
    """Write a message of the command, and the lines that belong to it, to stderr."""
    for line in (f"headcount: {message}", *more):
        print(printable(line, MAX_LINE), file=sys.stderr)


def report_unreadable(number: int) -> None:
    """Say that *number* sessions are left out because their files are unreadable."""
    if number:
        sessions = count(number, "unreadable session")
        message(f"left out: {sessions}; `headcount doctor` says how to fix it")


def report_hosts(problems: Sequence[str]) -> int:
    """Report the *problems* of hosts, if any; return the exit code."""
    for problem in problems:
        message(problem)
    return 1 if problems else 0


def write(lines: Sequence[str]) -> None:
    """Write *lines* to stdout and flush, so that an error is raised here.

    Raises BrokenPipeError if the reader has gone, else HeadcountError.
    """
    for start in range(0, len(lines) or 1, _BLOCK):
        write_text("\n".join([*lines[start : start + _BLOCK], ""]))


def write_text(text: str) -> None:
    """Write *text* to stdout unchanged, and flush; the errors are those of `write`."""
    with _write_errors():
        print(text, end="", flush=True)


@contextlib.contextmanager
def _write_errors() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_stdout()  # else Python would try once more at exit, and fail again
        raise HeadcountError(f"cannot write to stdout: {error.strerror}") from None


def write_raw(lines: Sequence[bytes]) -> None:
    """Write *lines*, UTF-8 without line ends, to stdout byte for byte, and flush.

    On a terminal, characters that are not printable appear as JSON escapes. The errors
    are those of `write`.
    """
    if sys.stdout is None:
        return
    if sys.stdout.isatty():
        write([_escaped(line.decode("utf-8")) for line in lines])
        return
    with _write_errors():
        sys.stdout.buffer.write(b"".join(line + b"\n" for line in lines))
        sys.stdout.flush()


def _escaped(line: str) -> str:
    if line.isprintable():
        return line
    import json

    return "".join(
        character
        if character.isprintable()
        else " "  # only between values: JSON escapes them in strings
        if character in "\t\r"
        else json.dumps(character)[1:-1]
        for character in line
    )


def pause(seconds: float) -> None:
    """Wait; raise BrokenPipeError as soon as the reader of stdout has gone."""
    if sys.stdout is None:
        raise BrokenPipeError
    import select

    if not hasattr(select, "poll"):
        time.sleep(seconds)
        return
    watched = select.poll()
    watched.register(sys.stdout, 0)
    events = [event for _, event in watched.poll(seconds * 1000)]
    if any(event & (select.POLLERR | select.POLLHUP) for event in events):
        raise BrokenPipeError
    if events:  # a kind of file that cannot be polled
        time.sleep(seconds)


def discard_stdout() -> None:
    """Redirect stdout to /dev/null, so that what is still buffered is dropped."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.close(devnull)


def can_draw(stream: TextIO | None) -> bool:
    """Whether *stream* is a terminal that moves the cursor and erases when asked."""
    dumb = os.environ.get("TERM", "dumb") == "dumb"
    return stream is not None and stream.isatty() and not dumb


def is_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def terminal() -> tuple[int | None, bool]:
    """Return the width of stdout, None if not a terminal, and whether to colour."""
    if not is_terminal():
        return None, False
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return columns(), colour


def columns() -> int:
    """Return the width of the terminal, as `shutil.get_terminal_size` does.

    That module imports three libraries that compress, 3 ms for each command.
    """
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(1).columns or _COLUMNS
    except OSError:
        return _COLUMNS
