"""When a session was open, by its entries: begun, resumed, closed, or just gone."""

from __future__ import annotations

import pytest

from lib.record import timestamps
from lib.views import spans
from lib.views.spans import OpenPeriod, Span

NOW = timestamps.parse("2026-11-25T12:00:00Z")


def at(minute):
    return timestamps.from_epoch(NOW + minute * 60)


def begun(minute, process="p1", **more):
    return {
        "type": "session_metadata",
        "start_time": at(minute),
        "last_heartbeat": at(minute),
        "process": process,
        **more,
    }


def entry(kind, minute, process="p1", **more):
    return {"type": kind, "timestamp": at(minute), "process": process, **more}


def beat(minute, state, process="p1", **more):
    return entry("heartbeat", minute, process, state=state, **more)


def closed(minute, **more):
    return entry("session_close", minute, reason="logout", **more)


def read(*entries, verdict="dead"):
    """The parts, in minutes from now."""
    return [
        OpenPeriod(
            [
                Span(round((b - NOW) / 60), round((e - NOW) / 60), s)
                for b, e, s in part.spans
            ],
            part.ending,
        )
        for part in spans.open_periods(entries, verdict, NOW)
    ]


def test_spans_last_from_each_state_to_the_next_until_the_close():
    assert read(
        begun(-60), beat(-50, "busy"), beat(-45, "busy"), beat(-40, "idle"), closed(-30)
    ) == [
        OpenPeriod(
            [Span(-60, -50, "idle"), Span(-50, -40, "busy"), Span(-40, -30, "idle")],
            spans.CLOSED,
        )
    ]


@pytest.mark.parametrize(
    ("verdict", "end", "ending"),
    [
        pytest.param("alive", 0, spans.ALIVE, id="alive"),
        pytest.param("dead", -40, spans.LOST, id="dead"),
        pytest.param("unknown", -40, spans.UNKNOWN, id="unknown"),
        pytest.param("stale", -40, spans.UNKNOWN, id="stale"),
    ],
)
def test_unclosed_session_ends_at_its_last_entry_unless_alive(verdict, end, ending):
    (part,) = read(begun(-60), beat(-50, "busy"), beat(-40, "busy"), verdict=verdict)
    assert part == OpenPeriod([Span(-60, -50, "idle"), Span(-50, end, "busy")], ending)


def test_session_resumed_by_another_process_was_not_open_in_between():
    assert read(
        begun(-60),
        beat(-50, "busy"),
        entry("session_resume", -20, "p2", source="resume"),
        beat(-15, "busy", "p2"),
        closed(-10, process="p2"),
    ) == [
        OpenPeriod([Span(-60, -50, "idle")], spans.LOST),
        OpenPeriod([Span(-20, -15, "idle"), Span(-15, -10, "busy")], spans.CLOSED),
    ]


def test_compaction_does_not_end_a_span():
    (part,) = read(
        begun(-60),
        beat(-50, "busy"),
        entry("session_resume", -40, source="compact"),
        closed(-30),
    )
    assert part.spans == [Span(-60, -50, "idle"), Span(-50, -30, "busy")]


def test_close_by_one_of_two_processes_keeps_the_period_open():
    (part,) = read(
        begun(-60),
        closed(-40, others=[{"pid": 9, "state": "busy"}]),
        beat(-30, "busy", "p2"),
        closed(-20, process="p2"),
    )
    assert (part.begin, part.end, part.ending) == (-60, -20, spans.CLOSED)


def test_heartbeat_after_the_close_begins_a_new_period():
    first, second = read(begun(-60), closed(-50), beat(-40, "busy"), closed(-30))
    assert (first.begin, first.end) == (-60, -50)
    assert (second.begin, second.end) == (-40, -30)


def test_implausible_timestamps_are_ignored_in_spans():
    (part,) = read(
        begun(-60),
        entry("heartbeat", 60 * 24, state="busy"),
        {"type": "heartbeat", "timestamp": "1999-01-01T00:00:00.000Z", "state": "busy"},
        {"type": "heartbeat", "timestamp": 7, "state": "busy"},
        {"type": ["heartbeat"], "timestamp": at(-30)},
        {"type": "note.a", "timestamp": at(-30)},
        beat(-50, "waiting"),
        beat(-55, "idle"),  # a clock that was set back
        closed(-40),
    )
    assert part.spans == [Span(-60, -50, "idle"), Span(-50, -40, "idle")]


def test_entries_without_times_make_no_period():
    assert read() == read({"type": "session_metadata"}) == []


def test_cut_limits_a_period_to_a_time_range():
    (part,) = read(begun(-60), beat(-50, "busy"), closed(-30))
    assert spans.cut([part], -55, -40) == [
        OpenPeriod([Span(-55, -50, "idle"), Span(-50, -40, "busy")], spans.CONTINUES)
    ]
    assert spans.cut([part], -55, -30)[0].ending == spans.CLOSED
    assert spans.cut([part], -20, -10) == spans.cut([part], -90, -60) == []
