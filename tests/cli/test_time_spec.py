"""Times as people type them."""

from __future__ import annotations

import contextlib
import time

import pytest

from lib.cli import time_spec
from lib.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("2026-11-23", 1795413600, id="date"),
        pytest.param("2026-11-23T06:00", 1795435200, id="winter"),
        pytest.param("2026-07-01T06:00", 1782903600, id="summer"),
        pytest.param("2026-11-23T06:00Z", 1795413600, id="utc"),
        pytest.param("2026-W48-1", 1795413600, id="week-date"),
        pytest.param("2026-11-23 06:00+01:00", 1795410000, id="offset"),
        pytest.param("12h", 1795413600 - 43200, id="ago"),
        pytest.param("today", 1795413600, id="today"),
        pytest.param("yesterday", 1795413600 - 86400, id="yesterday"),
    ],
)
def test_typed_time_is_in_the_local_time_zone(text, seconds, monkeypatch):
    monkeypatch.setenv("TZ", "America/Chicago")
    time.tzset()
    try:
        assert time_spec.moment(text, 1795413600) == seconds
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("90s", 90, id="seconds"),
        pytest.param("2h30m", 9000, id="hours-and-minutes"),
        pytest.param("1 h 30 min", 5400, id="spaces"),
        pytest.param("1w", 604_800, id="week"),
        pytest.param("3 days", 259_200, id="plural"),
        pytest.param("1D", 86_400, id="capital"),
        *(
            pytest.param(text, None, id=f"invalid-{text}")
            for text in (
                "",
                "h",
                "5",
                "2h30",
                "2x",
                "2h-1m",
                "-1h",
                "1" * 10 + "s",
                "²h",
            )
        ),
    ],
)
def test_span_is_numbers_with_units(text, seconds):
    if seconds is not None:
        assert time_spec.span(text) == seconds
        return
    with pytest.raises(UsageError, match="is not a valid time span"):
        time_spec.span(text)


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31T23:59", "0000-00-00"])
@pytest.mark.parametrize("zone", ["XXX-14", "XXX+12"])
def test_typed_time_at_the_range_limits_is_valid_or_a_usage_error(
    text, zone, monkeypatch
):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        with contextlib.suppress(UsageError):
            assert isinstance(time_spec.moment(text, 0), float)
    finally:
        monkeypatch.undo()
        time.tzset()
