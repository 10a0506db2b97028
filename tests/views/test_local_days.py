"""Local days, in the time zones that are hard on them."""

from __future__ import annotations

import time

import pytest

from lib.record import timestamps
from lib.views import local_days


@pytest.fixture
def zone(monkeypatch):
    def choose(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield choose
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("name", "moment", "start", "hours"),
    [
        pytest.param(
            "UTC", "2026-11-25T13:00:00Z", "2026-11-25T00:00:00.000Z", 24, id="utc"
        ),
        pytest.param(
            "Europe/Berlin",
            "2026-03-29T10:00:00Z",
            "2026-03-28T23:00:00.000Z",
            23,
            id="spring",
        ),
        pytest.param(
            "Europe/Berlin",
            "2026-10-25T10:00:00Z",
            "2026-10-24T22:00:00.000Z",
            25,
            id="autumn",
        ),
        pytest.param(
            "America/Sao_Paulo",
            "2018-11-04T12:00:00Z",
            "2018-11-04T03:00:00.000Z",
            23,
            id="begins-at-one",
        ),
        pytest.param(
            "America/Sao_Paulo",
            "2018-02-18T02:30:00Z",
            "2018-02-17T02:00:00.000Z",
            25,
            id="eleven-at-night-twice",
        ),
        pytest.param(
            "Asia/Kathmandu",
            "2026-06-01T18:14:59Z",
            "2026-05-31T18:15:00.000Z",
            24,
            id="a-quarter-of-an-hour",
        ),
    ],
)
def test_local_day_begins_and_ends_where_the_date_changes(
    zone, name, moment, start, hours
):
    zone(name)
    begin = local_days.start_of(timestamps.parse(moment))
    assert timestamps.from_epoch(begin) == start
    assert (local_days.next_after(begin) - begin) / 3600 == hours
    assert (
        local_days.name(begin - 1)
        < local_days.name(begin)
        == local_days.name(timestamps.parse(moment))
    )
    assert local_days.start_of(begin) == begin
    assert local_days.midnight(local_days.name(begin)) == begin


def test_local_days_omit_a_skipped_date(zone):
    zone("Pacific/Apia")
    begun = local_days.between(
        timestamps.parse("2011-12-29T12:00:00Z"),
        timestamps.parse("2012-01-01T12:00:00Z"),
    )
    assert [local_days.name(begin) for begin in begun] == [
        *("2011-12-29", "2011-12-31", "2012-01-01", "2012-01-02")
    ]


@pytest.mark.parametrize(
    "text",
    ["7d", "2026-13-01", "2026-02-30", "", "9" * 99],
    ids=["duration", "month-13", "february-30", "empty", "digits"],
)
def test_midnight_of_an_invalid_date_is_none(text):
    assert local_days.midnight(text) is None
