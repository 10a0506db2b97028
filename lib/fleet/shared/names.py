"""What to call the machines that share their sessions.

A machine says itself what it is called, so two may say the same, by chance or on
purpose. Nobody can be taken for another machine then: both have the beginning of the
id of their store after the name, which the server's ACL confines them to.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .. import hosts
from . import keys

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIGITS = 8
_UNNAMED = "store"


def of(claims: Mapping[str, str | None]) -> dict[str, str]:
    """Return a name for each store, of the names that they claim; None for no name.

    All are different, and can be the HOST of HOST:SESSION.
    """
    hosts_of = {store: _host(claim) for store, claim in claims.items()}
    stores = Counter(hosts_of.values())
    names = {
        store: host if stores[host] == 1 and host != _UNNAMED else _longer(host, store)
        for store, host in hosts_of.items()
    }
    uses = Counter(names.values())
    return {
        store: name if uses[name] == 1 and not keys.is_store_id(name) else store
        for store, name in names.items()
    }


def _host(claim: str | None) -> str:
    """Return *claim* if it is the name of a host, without a user to log in as."""
    if claim is None or claim == hosts.LOCAL or "@" in claim:
        return _UNNAMED
    return claim if hosts.is_host(claim) else _UNNAMED


def _longer(host: str, store: str) -> str:
    return f"{host}-{store[:_DIGITS]}"
