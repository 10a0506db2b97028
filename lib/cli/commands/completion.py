"""`headcount completion`: a script for the shell, and the ids that it asks for."""

from __future__ import annotations

import time

from ...errors import UsageError
from ...store import paths, reader
from ...text import printable
from ...views import lookup, session_view
from .. import output
from ..completion import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from ...model import Session

_ABOUT_LENGTH = 60
_MOST = 500


def run(args: Namespace) -> int:
    """Print the script of the shell, or the sessions to complete an id with."""
    if args.ids:
        output.write(list(_sessions(time.time())))
    elif args.shell:
        output.write_text(arguments.script(args.shell))
    else:
        raise UsageError(f"which shell? {', '.join(arguments.SHELLS)}")
    return 0


def _sessions(now: float) -> Iterator[str]:
    """Yield id, tab and a few words for each session, live ones first, then by day.

    No further day is looked through once there are _MOST. An id that is not safe as a
    file name is not safe on a command line either.
    """
    told: set[str] = set()
    for folder in (paths.SESSIONS_DIR, *paths.archive_folders()):
        if len(told) >= _MOST:
            return
        archived = folder != paths.SESSIONS_DIR
        for info in reader.discover(folder, now):
            session = lookup.describe(info, now, archived=archived)
            session_id = str(session["session_id"])
            if paths.is_session_id(session_id) and session_id not in told:
                told.add(session_id)
                yield f"{session_id}\t{_about(session)}"


def _about(session: Session) -> str:
    state = "archived" if session["archived"] else session_view.state_of(session)
    words = (state, session["label"] or session_view.where(session))
    return printable(", ".join(words), _ABOUT_LENGTH)
