"""`headcount report`: hours by day and by tree, and a page with a timeline."""

from __future__ import annotations

import logging
import sys
import time

from ...errors import UsageError
from ...system import private
from ...views import local_days, report, session_view
from .. import output, time_spec
from ..report import page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

_NO_TERMINAL_COLUMNS = 80
_BLOCKS, _ASCII = ("\N{FULL BLOCK}", "\N{LIGHT SHADE}"), ("#", "-")


def run(args: Namespace) -> int:
    """Print the report, or write its page."""
    if args.html == "-" and args.json:
        raise UsageError("--json and --html - both want stdout; name a file for one")
    # A damaged line is `show`'s to tell of.
    logging.getLogger("headcount").addHandler(logging.NullHandler())
    now = time.time()
    made = report.make(_since(args.since, now), now)
    if args.html == "-":
        output.write_text(page.page(made))
    elif args.html:
        private.write(args.html, page.page(made).encode("utf-8", "replace"))
        output.message(f"{args.html}: {report.headline(made)}")
    if args.json:
        output.write([session_view.as_json(report.as_data(made))])
    elif not args.html:
        columns, _ = output.terminal()
        full, light = _BLOCKS if _can_show(_BLOCKS) else _ASCII
        output.write(
            report.lines(made, columns or _NO_TERMINAL_COLUMNS, full=full, light=light)
        )
    return 0


def _since(text: str, now: float) -> float:
    """Return the beginning of the local day that *text*, a span or a time, is in."""
    start = local_days.midnight(text)
    return local_days.start_of(time_spec.moment(text, now)) if start is None else start


def _can_show(characters: tuple[str, ...]) -> bool:
    try:
        "".join(characters).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
