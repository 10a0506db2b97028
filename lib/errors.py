"""What can go wrong, by name. A message says which path, what was tried, what helps."""

from __future__ import annotations


class HeadcountError(Exception):
    """Base of everything Headcount raises on purpose."""


class InvalidSessionIdError(HeadcountError, ValueError):
    """The id cannot be a file name of the store."""


class InvalidEntryError(HeadcountError, ValueError):
    """The entry cannot be written: not JSON, too large, or of a reserved type."""


class UsageError(HeadcountError, ValueError):
    """The command was called wrongly."""


class SessionNotFoundError(HeadcountError, LookupError):
    """No session of this id is on record, neither live nor archived."""


class AmbiguousIdError(HeadcountError, LookupError):
    """Several sessions begin with what was given as an id; *candidates* names them."""

    def __init__(self, message: str, candidates: list[str]) -> None:
        super().__init__(message)
        self.candidates = candidates


class SessionExistsError(HeadcountError, FileExistsError):
    """A session of this id is on record already."""


class SessionClosedError(HeadcountError):
    """The session has ended, and was to stay so."""


class StoreError(HeadcountError, OSError):
    """The store, or a file in it, is not something Headcount may touch."""


class LockError(HeadcountError, OSError):
    """The lock cannot be had."""


class LockTimeoutError(LockError, TimeoutError):
    """Somebody else held the lock until the deadline."""


class LockUnsupportedError(LockError):
    """The file system has no locks."""
