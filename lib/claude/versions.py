"""The client versions in use here, and the hook events that all of them know.

A client in use is the `claude` on PATH, or has a live session on record. Before 2.1.101
a client drops a whole settings file for one event name that it does not know.

    clients = in_use(now)
    events_known_to(clients)          what to install
    left_out(clients)                 what not, and why, as one line
    oldest(clients)                   the client that decides, in words
    voided_by(installed, clients)     what is installed that a client does not know
    skip_malformed_hooks(clients)     or do they drop settings for them, too?
    skip_unknown_types(clients)       the same for hooks of a type they do not know
    reads_repository(version)         does it read local settings of the repository?
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from ..errors import StoreError
from ..record import verdict
from ..store import paths, reader
from . import events

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_COMMAND = "claude"
_MAX_SECONDS = 4.0
_MAX_SESSIONS = 1000
_TOLERANT = (2, 1, 101)
_SKIPPING = (2, 1, 122)
_SKIPPING_TYPES = (2, 1, 332)  # at the latest: 2.1.200 does not
_REPOSITORY = (2, 1, 211)  # measured: 2.1.210 does not, 2.1.211 and 2.1.332 do
_QUIET = {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
_CONFIG = "CLAUDE_CONFIG_DIR"


class ClientInUse(NamedTuple):
    """A client: how to name it in a sentence, and its version, "" if unknown."""

    name: str
    version: str


class Run(NamedTuple):
    """How a run of the client ended; *status* is None if it took too long."""

    status: int | None
    stdout: bytes
    stderr: bytes


def in_use(now: float) -> list[ClientInUse]:
    """Return the clients in use at *now* (epoch seconds); [] if none is found."""
    clients: list[ClientInUse] = []
    with contextlib.suppress(StoreError):  # then nothing is recorded there
        clients += _on_record(now)
    if shutil.which(_COMMAND) is not None:
        clients.insert(0, ClientInUse("`claude` on PATH", _version_on_path()))
    return clients


def events_known_to(clients: list[ClientInUse]) -> dict[str, bool]:
    """Return the events to install that all *clients* know, as `events` does.

    Without a client, or if one is of unknown version: what every client knows.
    """
    return events.events_known_to(client.version for client in clients)


def left_out(clients: list[ClientInUse]) -> str:
    """Say which events to install some of *clients* do not know; "" if all know all."""
    known = events_known_to(clients)
    missing = [e for e in events.EVENTS if e.script and e.name not in known]
    if not missing:
        return ""
    needed = ".".join(map(str, max(event.since for event in missing)))
    names = ", ".join(event.name for event in missing)
    return f"{names}: they need Claude Code {needed}, and {oldest(clients)}"


def oldest(clients: list[ClientInUse]) -> str:
    """Say which client is the oldest; one of unknown version may be of any age."""
    if not clients:
        return "no `claude` is on PATH"
    oldest = min(clients, key=_version)
    version = f"version {oldest.version}" if oldest.version else "an unknown version"
    return f"{oldest.name} has {version}"


def voided_by(
    installed: Collection[str], clients: list[ClientInUse]
) -> tuple[ClientInUse, list[str]] | None:
    """Return the oldest client that drops settings with *installed* events, and those.

    None if no client does. One of unknown version does not count.
    """
    oldest = min((c for c in clients if c.version), key=_version, default=None)
    if oldest is None or _version(oldest) >= _TOLERANT:
        return None
    newer = {event.name for event in events.EVENTS if event.since > _version(oldest)}
    unknown = sorted(newer.intersection(installed))
    return (oldest, unknown) if unknown else None


def skip_malformed_hooks(clients: list[ClientInUse]) -> bool:
    """Whether all *clients* skip a malformed hook; an older one drops the settings.

    A client of unknown version does not count.
    """
    return all(_version(c) >= _SKIPPING for c in clients if c.version)


def skip_unknown_types(clients: list[ClientInUse]) -> bool:
    """Whether all *clients* skip a hook of unknown type in most events."""
    return all(_version(c) >= _SKIPPING_TYPES for c in clients if c.version)


def reads_repository(version: str) -> bool:
    """Whether a client of *version* reads `repository` of `settings.settings_files`.

    One of unknown *version*, "", may be of any age.
    """
    return (events.parse_version(version) or events.OLDEST_CLIENT) >= _REPOSITORY


def without_repository(clients: list[ClientInUse]) -> str:
    """Say which of *clients* does not read that file; "" if all do."""
    old = [c for c in clients if not reads_repository(c.version)]
    return f"those before 2.1.211 do not, and {oldest(old)}" if old else ""


def output_of(*arguments: str) -> bytes:
    """Return what `claude` on PATH prints to stdout, given *arguments*.

    b"" if it is not there or cannot be run, or if it takes longer than 4 seconds.
    """
    done = run(*arguments, seconds=_MAX_SECONDS)
    return b"" if done is None or done.status is None else done.stdout


def run(
    *arguments: str, seconds: float, cwd: str | None = None, **variables: str
) -> Run | None:
    """Run `claude` on PATH with *arguments* in *cwd*, for at most that many *seconds*.

    *variables* are added to its environment. None if it cannot be run.
    """
    program = shutil.which(_COMMAND)
    if program is None:
        return None
    try:
        child = subprocess.Popen(  # noqa: S603  # the user's own client
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=_environment() | variables,
            start_new_session=True,
        )
    except OSError:
        return None
    with child:
        try:
            stdout, stderr = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)  # and all that it has started
            return Run(None, b"", b"")
    return Run(child.returncode, stdout, stderr)


def _environment() -> dict[str, str]:
    """Return our environment without what could make the client do more."""
    return _QUIET | {
        name: value
        for name, value in os.environ.items()
        if name == _CONFIG or not name.startswith(("CLAUDE", "NODE_OPTIONS"))
    }


def _version_on_path() -> str:
    """Return the version of `claude` on PATH; a wrapper may print more than that."""
    lines = output_of("--version").decode(errors="replace").splitlines()
    return next(filter(None, map(_number, lines)), "")


def _number(text: str) -> str:
    """Return `2.1.332` from `2.1.332 (Claude Code)`; "" if that is not a version."""
    return text.split(maxsplit=1)[0] if events.parse_version(text) else ""


def _on_record(now: float) -> Iterator[ClientInUse]:
    """Yield the client of each session that hooks recorded and that may be open.

    An old client does not tell hooks its version: 2.1.200 does, 2.1.74 does not.
    """
    for session in reader.recently_written(paths.Listing(), _MAX_SESSIONS, now):
        metadata = session.metadata
        is_open = verdict.judge(metadata, now)[0] in verdict.OPEN
        if "transcript_path" in metadata and is_open:
            name = f"session {metadata['session_id']}"
            yield ClientInUse(name, _number(str(metadata.get("client_version"))))


def _version(client: ClientInUse) -> events.Version:
    return events.parse_version(client.version) or events.OLDEST_CLIENT
