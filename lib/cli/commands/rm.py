"""`headcount rm`: delete stale or dead sessions, after asking."""

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

    from ...views.session_view import SessionView


def run(args: Namespace) -> int:
    """Delete the sessions' files and print their paths; 1 if the person declines.

    Deletes nothing if an id is unknown or one of the sessions may be alive.
    """
    now = time.time()
    matches = lookup.find_all(args.ids, now)
    for session in matches:
        reasons = session["reasons"]
        delete.check_deletable(session["session_id"], session["verdict"], reasons[0])
    files = [delete.files_of(session["session_id"]) for session in matches]
    if not args.force and not _confirmed(matches, files):
        output.message("nothing was deleted")
        return 1
    for session_files in files:
        for path, size in session_files.items():
            delete.remove(path, size, time.time())
            output.write([printable(path, output.MAX_LINE)])
    return 0


def _confirmed(matches: list[SessionView], files: list[dict[str, int]]) -> bool:
    """Whether the person at the terminal agrees to delete these sessions."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "rm asks before it deletes, but stdin is not a terminal; use --force to "
            "delete without asking"
        )
    for session, session_files in zip(matches, files, strict=True):
        columns = [session["session_id"], session["verdict"], session["label"]]
        columns.append(count(sum(session_files.values()), "byte"))
        output.message(
            "  ".join(filter(None, columns)), [f"  {path}" for path in session_files]
        )
    sys.stderr.write(f"permanently delete {count(len(matches), 'session')}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
