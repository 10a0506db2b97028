"""Starts the client that continues a session, in the session's folder."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from ..claude import session_status
from ..errors import HeadcountError
from ..store import paths
from ..views import lookup, session_view

if TYPE_CHECKING:
    from ..views.session_view import SessionView

_CLIENT = "claude"
_CONFIG = "CLAUDE_CONFIG_DIR"


class Resumption(NamedTuple):
    """How to start the client: its arguments, the folder, and its CLAUDE_CONFIG_DIR.

    *folder* is None if none of the session's folders exists: 2.1.332 finds an id from
    anywhere. *config* is the folder that has the transcript, None for the default.
    """

    arguments: list[str]
    folder: str | None
    config: str | None


def of_session(session: SessionView, *, fork: bool = False) -> Resumption:
    """Return how to resume *session*, or a *fork* of it, which gets an id of its own.

    Raises HeadcountError if it cannot be resumed, or `claude` is not on PATH.
    """
    if session["verdict"] is None:
        raise lookup.unreadable_error(session, "it cannot be resumed")
    if session_view.transcript_gone(session):
        raise HeadcountError(
            f"{session['session_id']} cannot be resumed: its transcript "
            f"{session['transcript_path']} is gone"
        )
    import shutil  # with three libraries that compress, 3 ms

    program = shutil.which(_CLIENT)
    if program is None:
        raise HeadcountError(f"`{_CLIENT}` is not on PATH, so nothing can be resumed")
    # A relative entry of PATH would not be found from the session's folder.
    arguments = [os.path.abspath(program), "--resume", session["session_id"]]
    arguments += ["--fork-session"] if fork else []
    return Resumption(arguments, session_view.resume_folder(session), _config(session))


def command(resumption: Resumption) -> list[str]:
    """Return the command that starts the client, whatever the environment has."""
    config = f"{_CONFIG}={resumption.config}"
    setting = [config] if resumption.config is not None else ["-u", _CONFIG]
    return ["env", *setting, *resumption.arguments]


def start(resumption: Resumption) -> None:
    """Become the client; raise HeadcountError if it cannot be started."""
    environment = dict(os.environ)
    environment.pop(_CONFIG, None)
    if resumption.config is not None:
        environment[_CONFIG] = resumption.config
    program = resumption.arguments[0]
    try:
        if resumption.folder is not None:
            os.chdir(resumption.folder)
            environment["PWD"] = resumption.folder
        sys.stdout.flush()
        os.execve(program, resumption.arguments, environment)  # noqa: S606  # no shell
    except OSError as error:
        where = f" in {resumption.folder}" if resumption.folder else ""
        raise HeadcountError(
            f"cannot start {program}{where}: {error.strerror}"
        ) from None


def _config(session: SessionView) -> str | None:
    """Return the CLAUDE_CONFIG_DIR that the session needs; None for the default.

    A store in a project may come with a repository, whose settings run commands.
    """
    ours = os.environ.get(_CONFIG) or None
    folder = session_status.config_folder(session.get("transcript_path"))
    is_known = folder == session_status.config_folder()
    if is_known or paths.IN_PROJECT or not os.path.isdir(folder):
        return ours
    default = os.path.expanduser(os.path.join("~", ".claude"))
    return None if folder == default else folder
