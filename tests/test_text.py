"""Text for people: durations, and lines without control characters."""

from __future__ import annotations

import pytest

from lib import text as text_module


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (7300, "2 h"),
        (9e5, "10 d"),
    ],
    ids=["negative", "zero", "seconds", "minutes", "hours", "days"],
)
def test_duration_is_shown_in_its_largest_unit(seconds, said):
    assert text_module.humanize(seconds) == said


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("plain", 80, "plain"),
        ("a\x1b[31mb\x07", 80, "a\ufffd[31mb\ufffd"),
        ("a\nb\tc\u2028d", 80, "a b c d"),
        ("\u202eright", 80, "\ufffdright"),
        ("\ud800", 80, "\ufffd"),
        ("日本 🎉 é", 80, "日本 🎉 é"),
        ("abcdef", 4, "abc…"),
    ],
    ids=["ascii", "escape", "white-space", "bidi", "surrogate", "wide", "too-long"],
)
def test_printable_text_has_no_control_characters(text, limit, shown):
    assert text_module.printable(text, limit) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("nightly build", "nightly build", id="as-it-is"),
        pytest.param("a\tb\nc", "a b c", id="white-space"),
        pytest.param("\x1b[31mred\u202e", "\ufffd[31mred\ufffd", id="control"),
        pytest.param("👩\u200d💻", "👩\u200d💻", id="joined-emoji"),
        pytest.param("👩\u200d\u200d💻", "👩\ufffd\ufffd💻", id="two-joiners"),
        pytest.param("a\u200db", "a\ufffdb", id="joiner-in-ascii"),
        pytest.param("👩\u200d", "👩\ufffd", id="joiner-at-the-end"),
        pytest.param("\u200d💻", "\ufffd💻", id="joiner-at-the-start"),
        pytest.param("x" * 21, "x" * 19 + "…", id="long"),
        pytest.param("\x1b" * 10_000, "\ufffd" * 19 + "…", id="long-and-hostile"),
    ],
)
def test_printable_text_is_one_line_within_its_limit(text, shown):
    assert text_module.printable(text, 20) == shown
