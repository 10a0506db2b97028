"""`headcount report`: hours by day and by worktree, and a page with a timeline."""

from __future__ import annotations

import os
import sys
import time

from ...errors import HeadcountError, UsageError
from ...system import atomic, private
from ...views import local_days, report
from .. import formatting, output, time_spec
from ..report import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

_MAX_HEAD_BYTES = 4096
_DEFAULT_COLUMNS = 80  # where stdout is not a terminal
_BLOCKS, _ASCII = ("\N{FULL BLOCK}", "\N{LIGHT SHADE}"), ("#", "-")


def run(args: Namespace) -> int:
    """Print the report, or write it as an HTML page."""
    if args.html == "-" and args.json:
        raise UsageError("--json and --html - both want stdout; name a file for one")
    now = time.time()
    content = report.build(_since(args.since, now), now)
    if args.html == "-":
        output.write_text(_page(content))
    elif args.html:
        if not args.force:
            _check_is_report(args.html)
        atomic.write(args.html, _page(content).encode("utf-8", "replace"))
        output.message(f"{args.html}: {text.headline(content)}")
    if args.json:
        output.write(formatting.json_lines(report.as_object(content)))
    elif not args.html:
        columns, _ = output.terminal()
        characters = _BLOCKS if _can_encode(_BLOCKS) else _ASCII
        output.write(text.lines(content, columns or _DEFAULT_COLUMNS, characters))
    output.report_unreadable(content.unreadable)
    return 0


def _page(content: report.Report) -> str:
    from ..report import page  # and `html`, which the text does without

    return page.page(content)


def _check_is_report(path: str) -> None:
    """Raise HeadcountError if the page would replace a file that is not a report.

    An empty file may be replaced: the shell creates one for `--html /dev/stdout >FILE`.
    """
    if not os.path.isfile(path):
        return
    head = private.read_regular(path, _MAX_HEAD_BYTES)
    from ..report import page

    if head and not page.is_report(head):
        raise HeadcountError(
            f"{path} is not a report of Headcount, so it was not replaced; "
            "choose another file, or add --force"
        )


def _since(text: str, now: float) -> float:
    """Return the start of the local day that *text*, a span or a time, is in."""
    start = local_days.midnight(text)
    return local_days.start_of(time_spec.moment(text, now)) if start is None else start


def _can_encode(characters: tuple[str, ...]) -> bool:
    try:
        "".join(characters).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
