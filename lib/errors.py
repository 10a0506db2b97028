"""The exceptions. A message names the path, what was tried, and what to do."""

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
    """No session with this id is on record, live or archived."""


class AmbiguousIdError(HeadcountError, LookupError):
    """Several sessions match the beginning of an id; *candidates* are their ids."""

    def __init__(self, message: str, candidates: list[str]) -> None:
        super().__init__(message)
        self.candidates = candidates


class SessionExistsError(HeadcountError, FileExistsError):
    """A session with this id is already on record."""


class SessionClosedError(HeadcountError):
    """The session was closed after the event that would have opened it again."""


class StoreSharedError(HeadcountError):
    """Another process shares the store through the server."""


class StoreError(HeadcountError, OSError):
    """Headcount must not, or cannot, use the store or a file in it."""


class LockError(HeadcountError, OSError):
    """The file could not be locked."""


class LockTimeoutError(LockError, TimeoutError):
    """Another process held the lock until the deadline."""


class LockUnsupportedError(LockError):
    """The file system has no locks."""
