"""`headcount rm`: delete sessions that are over, after asking."""

from __future__ import annotations

import sys
import time

from ...errors import UsageError
from ...store import delete
from ...text import count, printable
from ...views import lookup
from .. import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ...model import Session

_YES = ("y", "yes")


def run(args: Namespace) -> int:
    """Delete the sessions' files and print their paths; 1 if the person said no.

    Nothing is deleted if any of them is unknown, or may be alive.
    """
    now = time.time()
    wanted = lookup.find_all(args.ids, now)
    for session in wanted:
        reasons = session["reasons"]
        delete.check_deletable(session["session_id"], session["verdict"], reasons[0])
    files = [delete.files_of(session["session_id"]) for session in wanted]
    if not args.force and not _confirmed(wanted, files):
        output.message("nothing was deleted")
        return 1
    for session_files in files:
        for path, size in session_files.items():
            delete.remove(path, size, time.time())
            output.write([printable(path, output.MAX_LINE)])
    return 0


def _confirmed(wanted: list[Session], files: list[dict[str, int]]) -> bool:
    """Whether a person at the terminal says yes to deleting them."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "rm asks before it deletes, and there is no terminal to ask on; "
            "--force does without"
        )
    for session, session_files in zip(wanted, files, strict=True):
        told = [session["session_id"], session["verdict"], session["label"] or ""]
        told.append(f"{count(sum(session_files.values()), 'byte')}")
        output.message(
            "  ".join(filter(None, told)), [f"  {path}" for path in session_files]
        )
    many = count(len(wanted), "session")
    sys.stderr.write(f"delete {many} for good? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in _YES
