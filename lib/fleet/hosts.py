"""Which hosts to ask: those that a person names, and groups of them in a file."""

from __future__ import annotations

import os
import sys

from ..errors import UsageError
from . import folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

LOCAL = "local"  # this machine, without ssh
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_FIRST = frozenset(_LETTERS)
_REST = frozenset(_LETTERS + ".@%+-")
_MAX_NAME = 200  # a file name, with what is added to it, has at most 255 bytes
_MAX_FILE = 1 << 20


def requested(given: str | None, *, without: str | None = None) -> list[str]:
    """Return the hosts in *given*, else in HEADCOUNT_HOSTS; none if neither is set.

    Names are separated by commas. A group stands for its hosts. There are also none if
    only this machine is named, or if *without*, an option that is about this machine
    alone, was given. Raises UsageError for what cannot be a host, and for *given* with
    *without*.
    """
    if without and given is not None:
        raise UsageError(f"{without} is about this machine, so it excludes hosts")
    if without:
        return []
    text = os.environ.get("HEADCOUNT_HOSTS", "") if given is None else given
    names = [name.strip() for name in text.split(",")] if text.strip() else []
    if given is not None and not names:
        raise UsageError("the name of a host is missing")
    hosts = list(dict.fromkeys(_expanded(names)))
    return [] if hosts == [LOCAL] else hosts


def excluded_by_fleet(**options: object) -> None:
    """Raise UsageError for one of *options* that is given together with --fleet."""
    for name, value in options.items():
        if value not in (None, False):
            raise UsageError(f"--fleet and --{name} exclude each other")


def known() -> list[str]:
    """Return the names that a person can give: of groups, and of the default hosts."""
    return list(dict.fromkeys([*_groups(), *requested(None), LOCAL]))


def split(query: str) -> tuple[str, str] | None:
    """Return host and session of `HOST:SESSION`; None if *query* is not of this form.

    A label may have a colon, too, but rarely a letter right before and after it.
    """
    host, _, session = query.partition(":")
    return (
        (host, session) if is_host(host) and session.strip() == session != "" else None
    )


def full_name(session: Mapping[str, Any]) -> str:
    """Return `HOST:SESSION` for a session of another machine, else the session's id."""
    host = f"{session['on']}:" if "on" in session else ""
    return f"{host}{session['session_id']}"


def go_command(host: str, session_id: str) -> str:
    """Return the command that goes to a session of another machine.

    Nothing in it needs quotes: neither a host nor an id has such characters.
    """
    return f"headcount go {host}:{session_id}"


def is_elsewhere(session: Mapping[str, Any]) -> bool:
    """Whether *session* is one of another machine."""
    return "on" in session and session["on"] != LOCAL


def is_host(name: str) -> bool:
    """Whether *name* can be a host, or `user@host`; it is never an option of ssh."""
    plain = name[:1] in _FIRST and _REST.issuperset(name)
    return bool(name) and plain and len(name) <= _MAX_NAME


def _expanded(names: list[str]) -> Iterator[str]:
    groups = _groups() if names else {}
    for name in names:
        for host in groups.get(name, [name]):
            if not is_host(host):
                raise UsageError(
                    f"{ascii(host)[:80]} is not the name of a host; give names that "
                    "ssh knows, separated by commas"
                )
            yield host


def _groups() -> dict[str, list[str]]:
    """Return the hosts of each group; raise UsageError if the file is not valid."""
    path = folders.config_path("hosts.toml")
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_FILE).decode()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8") from None
    if sys.version_info < (3, 11):
        raise UsageError(
            f"{path} needs Python 3.11 or newer; remove it, and name hosts one by one"
        )
    import tomllib  # type: ignore[import-not-found]  # mypy checks for 3.10

    try:
        groups = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from None
    return {name: _members(path, name, hosts) for name, hosts in groups.items()}


def _members(path: str, name: str, hosts: object) -> list[str]:
    if isinstance(hosts, list) and all(isinstance(host, str) for host in hosts):
        return hosts
    raise UsageError(
        f"{path}: {ascii(name)[:80]} is not a list of hosts; a group is a line such as "
        'web = ["web1", "ada@web2"]'
    )
