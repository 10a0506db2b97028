"""Timestamps: what is read, what is written, and that text sorts like time."""

from __future__ import annotations

import pytest

from lib.record import timestamps


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("2026-11-23T03:14:43.123Z", 1795403683.123),
        ("2026-11-23T03:14:43.123456Z", 1795403683.123456),
        ("2026-11-23T05:14:43+02:00", 1795403683),
        ("2026-11-23 03:14:43", 1795403683),
        ("", None),
        ("10", None),
        ("Nov", None),
        ("9999-12-31T24:00:00", None),
        ("2026-99-99T99:99:99.999Z", None),
        ("\u0662026-11-23T03:14:43.123Z", None),
        ("x" * 100_000, None),
        (None, None),
        (1795403683, None),
        (b"2026-11-23", None),
        ([], None),
    ],
    ids=[
        *["epoch", "milliseconds", "microseconds", "offset", "no-zone", "empty"],
        *["number-in-text", "month-name", "end-of-time", "out-of-range"],
        *["arabic-digit", "long", "null", "number", "bytes", "list"],
    ],
)
def test_parse_returns_seconds_or_none(text, seconds):
    assert timestamps.parse(text) == seconds


@pytest.mark.parametrize("seconds", [0.0, 1.001, 1795403683.123, 1795403683.999])
def test_timestamp_round_trips_through_parse(seconds):
    stamp = timestamps.from_epoch(seconds)
    assert timestamps.is_timestamp(stamp)
    assert timestamps.parse(stamp) == pytest.approx(seconds, abs=0.0011)


def test_timestamps_sort_chronologically_as_text():
    times = [0, 1.5, 999_999_999, 1795403683.1, 1795403683.2]
    stamps = [timestamps.from_epoch(seconds) for seconds in times]
    assert sorted(stamps) == stamps
