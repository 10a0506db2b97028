"""The random id of the store, by which a server knows it."""

from __future__ import annotations

import os

from ...errors import HeadcountError
from ...store import paths
from ...system import atomic, folder, private
from . import keys

_BYTES = 16
_DIGITS = 2 * _BYTES


def store_id() -> str:
    """Return the id of the store, 32 hex digits; it is made once, with the store.

    Raises HeadcountError if the file does not have an id, and OSError.
    """
    known = read()
    if known is None:
        _make()
        known = read()
    if known is None:
        raise HeadcountError(f"{path()} was removed while it was made; try again")
    return known


def read() -> str | None:
    """Return the id of the store; None if it has none yet. The errors are the same."""
    try:
        content = private.read_regular(
            path(), _DIGITS + 2, private.SAFE_FLAGS, trusted=True
        )
    except FileNotFoundError:
        return None
    known = content.decode("ascii", "replace").removesuffix("\n")
    if not keys.is_store_id(known):
        raise HeadcountError(
            f"{path()} does not have an id of {_DIGITS} hex digits; remove it, and "
            "the store gets a new one"
        )
    return known


def path() -> str:
    """Return the path of the file with the id."""
    return os.path.join(paths.SESSIONS_DIR, paths.STORE_ID)


def _make() -> None:
    paths.ensure_folder(paths.SESSIONS_DIR)
    content = f"{os.urandom(_BYTES).hex()}\n".encode()
    with folder.open_own(paths.SESSIONS_DIR) as store:
        temporary = atomic.write_temporary(store, paths.STORE_ID, content)
        try:
            atomic.rename(store, temporary, store, paths.STORE_ID)
        except FileExistsError:
            store.unlink(temporary)  # another process was quicker
