"""Timestamps of the record: RFC 3339, UTC, milliseconds, `Z`.

In this one form they sort like the times they name, so that hooks compare strings;
`parse` is for everything that needs a difference.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeGuard

# Clocks disagree by up to this much. A time further ahead proves nothing.
SKEW_SECONDS = 300
_OLDEST = "2020"
_MAX_LENGTH = 64
_SHAPE = b"0000-00-00T00:00:00.000Z"
_LENGTH = len(_SHAPE)
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
_LATEST: dict[float, str] = {}


def from_epoch(seconds: float) -> str:
    """Return *seconds* since the epoch as a timestamp, truncated to milliseconds."""
    milliseconds = int(seconds * 1000)
    t = time.gmtime(milliseconds // 1000)
    return (
        f"{t.tm_year:04d}-{t.tm_mon:02d}-{t.tm_mday:02d}"
        f"T{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d}.{milliseconds % 1000:03d}Z"
    )


def is_timestamp(value: object) -> TypeGuard[str]:
    """Whether *value* has the form of a timestamp."""
    return (
        isinstance(value, str)
        and len(value) == _LENGTH
        and value.encode("ascii", "replace").translate(_DIGITS_TO_ZERO) == _SHAPE
    )


def normalize(value: object) -> str | None:
    """Return the time that *value* names as a timestamp, or None if it names none."""
    if is_timestamp(value):
        return value
    seconds = parse(value)
    return None if seconds is None else from_epoch(seconds)


def latest_plausible(now: float) -> str:
    """Return the latest timestamp that is believed at *now* (epoch seconds)."""
    latest = _LATEST.get(now)
    if latest is None:  # it is the same for all sessions of a list
        _LATEST.clear()
        latest = _LATEST[now] = from_epoch(now + SKEW_SECONDS)
    return latest


def is_plausible(timestamp: str, latest: str) -> bool:
    """Whether *timestamp* is neither before the project nor after *latest*."""
    return _OLDEST <= timestamp <= latest


def seconds_of(timestamp: str) -> float | None:
    """Return a timestamp as seconds since the epoch; None if it is not valid."""
    from datetime import datetime

    try:
        return datetime.fromisoformat(f"{timestamp[:-1]}+00:00").timestamp()
    except ValueError:
        return None


def parse(value: object, *, local: bool = False) -> float | None:
    """Return *value*, an ISO 8601 text, as seconds since the epoch, or None.

    A text without an offset is taken as UTC, or with *local* as local time. Other forms
    than a timestamp's are parsed by dateutil, which raises more than ValueError
    (`9999-12-31T24:00:00` is an OverflowError).
    """
    if is_timestamp(value):
        return seconds_of(value)
    if not isinstance(value, str) or len(value) > _MAX_LENGTH:
        return None
    from datetime import timezone

    from ..system import site_packages

    site_packages.add_site_packages()
    try:
        from dateutil.parser import isoparse

        moment = isoparse(value)
        if moment.tzinfo is None and not local:
            moment = moment.replace(tzinfo=timezone.utc)
        return moment.timestamp()
    # OSError: a local time outside 1970 to 3000 on Windows. ImportError: no dateutil.
    except (ValueError, TypeError, ArithmeticError, OSError, ImportError):
        return None
