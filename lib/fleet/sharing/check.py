"""The check of `headcount doctor` on sharing, for whoever has configured it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...doctor.finding import OK, PROBLEM, WARN, Finding
from ...system.shell import command_or_reason
from ...text import humanize
from ..shared import config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...doctor.finding import Context
    from .status import Status


def check_sharing(_: Context) -> Iterator[Finding]:
    """Check that the server answers, and that this store is shared if it ever was.

    Raises HeadcountError for a configuration that is not valid, and for a server that
    does not do what is asked.
    """
    settings = config.find()
    if settings is None:
        return
    if settings.is_exposed:
        message = f"{settings.server} is not encrypted: whoever is on the network "
        message += "between reads what is shared, and the password"
        fix = f"{config.URL}=rediss://... in {settings.source}"
        yield Finding(WARN, "sharing", message, fix)
    from ..shared.connection import Connection
    from . import status

    with Connection(settings, "ask") as connection:
        yield _judged(status.read(connection), settings.server)


def _judged(known: Status, server: str) -> Finding:
    from ..shared import identity
    from . import holder

    sharer = known.sharer
    if known.store is None:
        return Finding(OK, "sharing", f"{server} answers; this store is not shared")
    if sharer is None:
        message = f"this store was shared through {server}, and is not now"
        return Finding(WARN, "sharing", message, "headcount share")
    who = holder.described(sharer)
    if not holder.is_here(sharer):
        message = f"the id of this store is that of one which {who} shares through "
        message += f"{server}; one of the two is a copy"
        fix = command_or_reason("rm", identity.path())
        return Finding(PROBLEM, "sharing", message, fix)
    heard = known.now.heard if known.now else sharer.since
    ago = humanize(known.time - heard)
    return Finding(OK, "sharing", f"{server}: by {who}; last heard {ago} ago")
