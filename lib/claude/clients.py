"""The running clients that Claude Code itself knows of, for corroboration only.

It keeps `sessions/<pid>.json` in its own folder for each of its processes, and, while
one still asks whether its folder is to be trusted, only `sessions/<pid>.<hash>.key`
(seen with 2.1.330). None of it is documented: it may hold anything, and proves nothing
about a session. A process counts if it is there, with the start time on file.

Linux only: elsewhere another process's arguments and environment are not to be had.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NamedTuple

from ..system import client_process, private, process
from . import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_FILES = 1000
_MAX_BYTES = 1 << 16
_MAX_CONFIG_BYTES = 1 << 26
_STORE_NAME = b"HEADCOUNT_DIR="
_ASK = ["claude", "agents", "--json"]
_ASK_SECONDS = 4.0
_SLACK_SECONDS = 1.0


class Client(NamedTuple):
    """A running client. *store* is its HEADCOUNT_DIR; None if it cannot be read.

    *asks*: by its files it has not begun; it still asks about its folder.
    """

    pid: int
    process: str  # its fingerprint
    cwd: str
    started: float  # epoch seconds
    arguments: tuple[str, ...]
    store: str | None
    entrypoint: str = ""
    asks: bool = False


def can_be_known() -> bool:
    """Whether this system lets us see what we look for."""
    return sys.platform == "linux"


def live(now: float) -> list[Client] | None:
    """Return the running clients that have a file, by pid; None if there are no files.

    Raises nothing, whatever the files hold.
    """
    found: dict[int, Client] = {}
    try:
        names = sorted(os.listdir(_folder()))[:_MAX_FILES]
    except OSError:
        return None
    for name in names:
        pid = _pid_of(name)
        if pid is None:
            continue
        path = os.path.join(_folder(), name)
        read = _from_entry if name.endswith(".json") else _from_key
        client = read(path, pid, now)
        if client is not None and (pid not in found or not client.asks):
            found[pid] = client
    return [found[pid] for pid in sorted(found)]


def asked(now: float) -> list[Client]:
    """Return the running clients that `claude agents --json` names; [] if it fails.

    It is on PATH or not, knows the words or not: 2.0.45 and 2.1.74 refuse them.
    """
    rows = _decode(_answer())
    found = []
    for row in rows if isinstance(rows, list) else []:
        pid = row.get("pid") if isinstance(row, dict) else None
        if process.is_pid(pid) and client_process.is_client(pid):
            found.append(_look_at(pid, now, _folder_in(row)))
    return [client for client in found if client is not None]


def is_plausible(folder: str) -> bool | None:
    """Whether the user has told Claude Code to trust *folder*; None if unknown.

    Kept in `.claude.json`, by working tree; what is trusted is so with all below it.
    For the home folder nothing is kept.
    """
    config = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~")
    known = _decode(_read(os.path.join(config, ".claude.json"), _MAX_CONFIG_BYTES))
    projects = known.get("projects") if isinstance(known, dict) else None
    if not isinstance(projects, dict):
        return None
    return any(
        isinstance(projects.get(above), dict)
        and projects[above].get("hasTrustDialogAccepted") is True
        for above in _upwards(folder)
    )


def _folder() -> str:
    return os.path.join(os.path.dirname(settings.settings_files()["user"]), "sessions")


def _upwards(folder: str) -> Iterator[str]:
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


# ---- Its files ------------------------------------------------------------------


def _pid_of(name: str) -> int | None:
    """Return the process that a file is named by: `<pid>.json`, `<pid>.<hash>.key`."""
    number, _, rest = name.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) <= len(str(2**31))):
        return None
    known = rest == "json" or rest.endswith(".key")
    return int(number) if known and process.is_pid(int(number)) else None


def _from_entry(path: str, pid: int, now: float) -> Client | None:
    entry = _decode(_read(path, _MAX_BYTES))
    if not isinstance(entry, dict) or entry.get("pid") != pid:
        return None
    client = _look_at(pid, now, _folder_in(entry))
    if client is None or not _is_the_same(client.process, entry):
        return None
    return client._replace(entrypoint=_text(entry, "entrypoint"))


def _from_key(path: str, pid: int, now: float) -> Client | None:
    try:
        written = os.lstat(path).st_mtime
    except OSError:
        return None
    client = _look_at(pid, now, "") if client_process.is_client(pid) else None
    if client is None or written < client.started - _SLACK_SECONDS:
        return None  # left by another that had this number before
    return client._replace(asks=True)


def _is_the_same(known: str, entry: dict[str, Any]) -> bool:
    """Whether the process is the one on file: its start, and if told its namespace."""
    _, _, namespace, _, start = known.split(":")
    domain = _text(entry, "pidDomain")
    here = f"[{namespace}]" in domain or "pid:[" not in domain
    return here and start == str(entry.get("procStart"))


def _answer() -> bytes:
    """Return what `claude agents --json` writes, within its time; b"" if it fails."""
    import shutil
    import subprocess

    if shutil.which(_ASK[0]) is None:
        return b""
    still = {
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    try:
        done = subprocess.run(  # noqa: S603  # a command of our own
            _ASK,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **still},
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout


def _decode(content: bytes) -> Any:  # noqa: ANN401  # JSON
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _folder_in(entry: dict[str, Any]) -> str:
    """Return the folder that *entry* names, if it can be one, else ""."""
    cwd = _text(entry, "cwd")
    try:
        possible = os.path.isabs(cwd) and b"\0" not in os.fsencode(cwd)
    except UnicodeEncodeError:
        possible = False
    return cwd if possible else ""


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _read(path: str, limit: int) -> bytes:
    """Return the content of the regular file at *path*, at most *limit*; else b""."""
    try:
        return private.read_regular(path, limit)
    except OSError:
        return b""


# ---- Its process ----------------------------------------------------------------


def _look_at(pid: int, now: float, cwd: str) -> Client | None:
    """Return what can be seen of process *pid*; None if it is gone or not Linux's."""
    known, age = process.fingerprint(pid), process.age(pid)
    if known is None or age is None or not known.startswith("linux:"):
        return None
    if process.probe(pid, known, None)[0] != process.RUNNING:
        return None  # a zombie
    arguments = os.fsdecode(_of_process(pid, "cmdline")).rstrip("\0").split("\0")
    return Client(
        pid, known, cwd or _cwd(pid), now - age, tuple(arguments), _store_of(pid)
    )


def _of_process(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _cwd(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def _store_of(pid: int) -> str | None:
    """Return HEADCOUNT_DIR of the process, "" if it has none; nothing else is kept."""
    environment = _of_process(pid, "environ")
    for variable in environment.split(b"\0"):
        if variable.startswith(_STORE_NAME):
            return os.fsdecode(variable.removeprefix(_STORE_NAME))
    return "" if environment else None
