"""The running clients, as Claude Code's own files name them. For corroboration only.

In its configuration folder Claude Code keeps `sessions/<pid>.json` for each of its
processes. While a client still asks whether to trust its folder, there is only
`sessions/<pid>.<hash>.key` (seen with 2.1.330). None of this is documented: a file may
hold anything, and proves nothing about a session. A client counts only if its process
is running and has the start time that the file names.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from ..system import client_process, private, process
from . import session_status

_MAX_FILES = 1000
_MAX_BYTES = 1 << 26
_SLACK_SECONDS = 1.0


class Client(NamedTuple):
    """A running client.

    *store* is its HEADCOUNT_DIR; None if that cannot be read. *waiting*: it has not
    started a session yet; its files say that it still asks about its folder.
    """

    pid: int
    process: str  # its fingerprint
    cwd: str
    started: float  # epoch seconds
    arguments: tuple[str, ...]
    store: str | None
    entrypoint: str = ""
    version: str = ""
    waiting: bool = False


def from_files(now: float) -> list[Client] | None:
    """Return the running clients that have a file, by pid.

    None if their folder cannot be read. Raises nothing, whatever the files hold.
    """
    clients: dict[int, Client] = {}
    files = _files()
    if files is None:
        return None
    for pid, path in files:
        read = _from_entry if path.endswith(".json") else _from_key
        client = read(path, pid, now)
        if client is not None and (pid not in clients or not client.waiting):
            clients[pid] = client
    return [clients[pid] for pid in sorted(clients)]


def asking_for_trust(now: float) -> list[Client]:
    """Return the running clients that ask whether to trust their folder, by pid.

    Raises nothing. No file is read unless there is a key without a session's file.
    """
    files = _files() or []
    begun = {pid for pid, path in files if path.endswith(".json")}
    keys = {pid: path for pid, path in files if pid not in begun}
    clients = [_from_key(path, pid, now) for pid, path in keys.items()]
    return [client for client in clients if client and is_trusted(client.cwd) is False]


def from_command(now: float) -> list[Client]:
    """Return the running clients that `claude agents --json` names; [] if it fails.

    It fails if `claude` is not on PATH, or does not have this command: 2.0.45 and
    2.1.74 do not.
    """
    from . import versions  # it starts a process, which `headcount list` does not

    rows = _decode(versions.output_of("agents", "--json"))
    clients = []
    for row in rows if isinstance(rows, list) else []:
        pid = row.get("pid") if isinstance(row, dict) else None
        if process.is_pid(pid) and client_process.is_client(pid):
            clients.append(_describe(pid, now, _folder_in(row)))
    return [client for client in clients if client is not None]


def is_trusted(folder: str) -> bool | None:
    """Whether the user has told Claude Code to trust *folder*; None if unknown.

    It is in `.claude.json`, by worktree, and includes all folders below. Nothing
    is stored there for the home folder.
    """
    from pathlib import PurePath

    config = os.environ.get("CLAUDE_CONFIG_DIR", "")
    if not os.path.isabs(config):
        config = os.path.expanduser("~")
    content = _decode(_read(os.path.join(config, ".claude.json")))
    projects = content.get("projects") if isinstance(content, dict) else None
    if not isinstance(projects, dict):
        return None
    return any(
        isinstance(project := projects.get(path), dict)
        and project.get("hasTrustDialogAccepted") is True
        for path in (folder, *map(str, PurePath(folder).parents))
    )


# ---- Its files ------------------------------------------------------------------


def _files() -> list[tuple[int, str]] | None:
    """Return pid and path of each file of a client; None if they cannot be read."""
    folder = os.path.join(session_status.config_folder(), "sessions")
    try:
        names = sorted(os.listdir(folder))[:_MAX_FILES]
    except OSError:
        return None
    files = [(_pid_of(name), os.path.join(folder, name)) for name in names]
    return [(pid, path) for pid, path in files if pid is not None]


def _pid_of(name: str) -> int | None:
    """Return the pid in the name of a file, `<pid>.json` or `<pid>.<hash>.key`."""
    number, _, rest = name.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) <= len(str(2**31))):
        return None
    expected = rest == "json" or rest.endswith(".key")
    return int(number) if expected and process.is_pid(int(number)) else None


def _from_entry(path: str, pid: int, now: float) -> Client | None:
    entry = session_status.read(path)
    if entry is None or entry.get("pid") != pid:
        return None
    client = _describe(pid, now, _folder_in(entry))
    if client is None or not session_status.is_same_process(entry, client.process):
        return None
    version, entrypoint = _text(entry, "version"), _text(entry, "entrypoint")
    return client._replace(version=version, entrypoint=entrypoint)


def _from_key(path: str, pid: int, now: float) -> Client | None:
    try:
        written = os.lstat(path).st_mtime
    except OSError:
        return None
    client = _describe(pid, now, "") if client_process.is_client(pid) else None
    if client is None or written < client.started - _SLACK_SECONDS:
        return None  # left by an earlier process with this pid
    return client._replace(waiting=True)


def _decode(content: bytes) -> Any:  # noqa: ANN401  # JSON
    import json

    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _folder_in(entry: dict[str, Any]) -> str:
    """Return the folder that *entry* names; "" if that cannot be a path."""
    cwd = _text(entry, "cwd")
    try:
        valid = os.path.isabs(cwd) and b"\0" not in os.fsencode(cwd)
    except UnicodeEncodeError:
        valid = False
    return cwd if valid else ""


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _read(path: str) -> bytes:
    """Return the content of the regular file at *path*; b"" if that cannot be read.

    One that another user made does not count.
    """
    try:
        return private.read_regular(path, _MAX_BYTES, trusted=True)
    except OSError:
        return b""


# ---- Its process ----------------------------------------------------------------


def _describe(pid: int, now: float, cwd: str) -> Client | None:
    """Return what can be seen of process *pid*; None if it is gone, or a zombie."""
    fingerprint, age = process.fingerprint(pid), process.age(pid)
    if fingerprint is None or age is None:
        return None
    if process.probe(pid, fingerprint, None)[0] != process.RUNNING:
        return None
    return Client(
        pid=pid,
        process=fingerprint,
        cwd=cwd or process.working_folder(pid),
        started=now - age,
        arguments=tuple(process.command_line(pid, process.MAX_ARGUMENT_BYTES)),
        store=process.variable(pid, "HEADCOUNT_DIR"),
    )
