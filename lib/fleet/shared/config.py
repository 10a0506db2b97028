"""Which server to share through, and how to log in: from the environment or a file.

A password never comes from an argument: every user of a machine can see those.
"""

from __future__ import annotations

import os
import stat
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from ...errors import UsageError
from ...system import private
from .. import folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

URL, USER = "HEADCOUNT_REDIS_URL", "HEADCOUNT_REDIS_USER"
PASSWORD, CA = "HEADCOUNT_REDIS_PASSWORD", "HEADCOUNT_REDIS_CA"
_NAMES = (URL, USER, PASSWORD, CA)
_PREFIX = URL.removesuffix("URL")
_FILE = "redis.env"
_MAX_BYTES = 1 << 16
_PORT = 6379
_EXAMPLE = "redis://HOST:6379/0, rediss://HOST:6379/0 (with TLS) or unix:///PATH"
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Config(NamedTuple):
    """A server, and how to log in. *path* is that of a Unix socket, else "".

    *ca*: the file with the certificate of the authority to trust; None for those of the
    system. *source* is what the configuration was read from, for messages.
    """

    host: str
    port: int
    path: str
    database: int
    tls: bool
    user: str | None
    password: str | None
    ca: str | None
    source: str

    @property
    def server(self) -> str:
        """The URL of the server, without user and password."""
        database = f"/{self.database}" if self.database else ""
        if self.path:
            return f"unix://{self.path}" + database.replace("/", "?db=")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' * self.tls}://{host}:{self.port}{database}"

    @property
    def is_exposed(self) -> bool:
        """Whether the network between here and the server can read everything."""
        return not (self.tls or self.path or self.host in _LOCAL)


def load(url: str | None = None) -> Config:
    """Return the configuration; *url*, which somebody typed, wins over the one in it.

    Raises UsageError if no server is named, and as `find` does.
    """
    found = find(url)
    if found is None:
        raise UsageError(
            f"no server to share through; set {URL} in the environment or in "
            f"{file_path()}, to {_EXAMPLE}"
        )
    return found


def find(url: str | None = None) -> Config | None:
    """Return the configuration; None if neither *url* nor anything else names a server.

    Everything is from the environment if that has any of the names, else from the file:
    a variable alone, which the settings of a repository can set, must not decide where
    a password in the file is sent. Raises UsageError for what is not valid, for a
    password in *url*, and for a file with a password that others can read.
    """
    if url is not None and _split(url, "the URL").password is not None:
        raise UsageError(
            "a password in an argument is visible to every user of this machine; "
            f"set {PASSWORD} in the environment or in {file_path()} instead"
        )
    source = "the environment"
    values = {name: os.environ[name] for name in _NAMES if os.environ.get(name)}
    if not values:
        source = file_path()
        values = _read(source)
    if url is not None:
        values[URL] = url
    return _parsed(values, source) if URL in values else None


def file_path() -> str:
    """Return the path of the file with the configuration, which may not exist."""
    return folders.config_path(_FILE)


def _parsed(values: Mapping[str, str], source: str) -> Config:
    parts = _split(values[URL], f"{URL} in {source}")
    if CA in values and parts.scheme != "rediss":
        raise UsageError(f"{CA} in {source} is for a URL that begins with rediss://")
    is_socket = parts.scheme == "unix"
    database = parts.query.removeprefix("db=") if is_socket else parts.path[1:]
    user = values.get(USER) or (parts.username and unquote(parts.username))
    password = values.get(PASSWORD) or (parts.password and unquote(parts.password))
    return Config(
        host="" if is_socket else str(parts.hostname),
        port=parts.port or _PORT,
        path=unquote(parts.path) if is_socket else "",
        database=int(database or 0),
        tls=parts.scheme == "rediss",
        user=user or None,
        password=password or None,
        ca=os.path.expanduser(values[CA]) if CA in values else None,
        source=source,
    )


def _split(url: str, what: str) -> SplitResult:
    """Return the parts of *url*; raise UsageError, without a password in it."""
    try:
        parts = urlsplit(url)
        is_valid = _is_valid(parts) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise UsageError(f"{what} is not a valid URL of a server; give {_EXAMPLE}")
    return parts


def _is_valid(parts: SplitResult) -> bool:
    if parts.fragment:
        return False
    if parts.scheme == "unix":
        key, _, number = parts.query.partition("=")
        is_query = not parts.query or (key == "db" and _is_number(number))
        return not parts.hostname and len(parts.path) > 1 and is_query
    is_path = parts.path in ("", "/") or _is_number(parts.path[1:])
    is_network = parts.scheme in ("redis", "rediss")
    (parts.hostname or "").encode("idna")  # raises ValueError for one that cannot be
    return is_network and bool(parts.hostname) and is_path and not parts.query


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len("99999")


# ---- The file -------------------------------------------------------------------


def _read(path: str) -> dict[str, str]:
    """Return the values in the file at *path*; without a file, {}."""
    try:
        with open(private.open_regular(path, trusted=True), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = private.within(file.read(_MAX_BYTES + 1), path, _MAX_BYTES)
    except FileNotFoundError:
        return {}
    try:
        values = dict(_lines(path, content.decode()))
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8") from None
    _check_mode(path, mode, values)
    return values


def _check_mode(path: str, mode: int, values: Mapping[str, str]) -> None:
    has_password = PASSWORD in values or "@" in values.get(URL, "")
    if mode & _WRITABLE_BY_OTHERS:
        raise UsageError(f"others can change {path}; `chmod 600 {path}` prevents that")
    if has_password and mode & _READABLE_BY_OTHERS:
        raise UsageError(
            f"others can read {path}, which has a password; `chmod 600 {path}` "
            "prevents that. Change the password, too"
        )


def _lines(path: str, content: str) -> list[tuple[str, str]]:
    """Return name and value of each line, as systemd and Docker both read it."""
    values = []
    for number, line in enumerate(content.splitlines(), 1):
        name, equals, value = line.strip().partition("=")
        if not name or name.startswith("#"):
            continue
        if not equals or (name.startswith(_PREFIX) and name not in _NAMES):
            names = ", ".join(_NAMES)
            raise UsageError(
                f"{path}, line {number}: not NAME=VALUE with one of {names}"
            )
        if name in _NAMES and (value[:1] in ('"', "'") or "\\" in value):
            raise UsageError(
                f"{path}, line {number}: {name} has quotes or a backslash, which "
                "systemd and Docker read differently; write it without"
            )
        if name in _NAMES and value:
            values.append((name, value))
    return values
