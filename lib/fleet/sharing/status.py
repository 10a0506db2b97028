"""What the server knows of this store: who shares it, and what was shared last."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...errors import HeadcountError
from .. import validate
from ..shared import encoding, identity, keys, lease

if TYPE_CHECKING:
    from ..shared.connection import Connection
    from ..shared.encoding import Now
    from ..shared.lease import Lease


class Status(NamedTuple):
    """The store with the id *store*, None if it was never shared.

    *sharer* has its lease, None if nobody does; *now* is what was shared last, None if
    that is nothing, or has expired. *entries* is how many its log has. *time* is that
    of the server, in epoch seconds.
    """

    store: str | None
    sharer: Lease | None
    now: Now | None
    entries: int
    time: float


def read(connection: Connection) -> Status:
    """Return the status of this store.

    Raises HeadcountError, also for values on the server that are not ours, and OSError.
    """
    store = identity.read()
    own = keys.of(store or "")
    with connection.client() as client, client.pipeline(transaction=False) as replies:
        replies.time()
        if store:
            replies.get(own.lease)
            replies.get(own.now)
            replies.xlen(own.log)
        (seconds, microseconds), *known = replies.execute()
    leased, shared, entries = known or (None, None, 0)
    try:
        sharer = None if leased is None else lease.decode(leased)
        now = None if shared is None else encoding.decode(shared)
    except validate.InvalidOutputError as error:
        server = connection.settings.server
        message = f"what {server} has of the store {store} is not valid: {error}"
        raise HeadcountError(message) from None
    return Status(store, sharer, now, entries, time=seconds + microseconds / 1e6)
