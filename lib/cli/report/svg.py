"""The timeline of a day as SVG: a row for each session, its states as bars.

Positions along the time axis are percentages, so that a timeline fills the width it is
given, on a phone too, while its text keeps its size. States differ in shape as well as
in colour: busy is filled, waiting is hollow, idle is a line.
"""

from __future__ import annotations

import html
import time

from ...record.schema import LIVE_STATES
from ...text import local_time, printable
from ...views import spans
from .. import formatting
from .text import ending_of, hours, title_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...views.report import Day, Row
    from ...views.spans import OpenPeriod

_UNITS = 1000  # the width of a timeline; nothing shorter than _MIN_UNITS is drawn
_MIN_UNITS = 2
_AXIS, _ROW, _BAR = 22, 58, 12
_NAME_TOP, _SUBTITLE_TOP, _BAR_TOP = 14, 30, 37  # of a row; its texts have a line each
_HOURS = 3  # between two marks on the axis
_MAX_LABEL = 80
_MAX_TITLE = 300
# The marks for how a session ended, once per page; their ids are the endings.
SYMBOLS = """<svg width="0" height="0" aria-hidden="true" style="position:absolute">
<defs>
<path id="closed" class="mark" d="M0 -2v16"/>
<path id="lost" class="mark" d="M-5 1l10 10m0 -10l-10 10"/>
<path id="alive" class="mark fill" d="M0 1l8 5l-8 5z"/>
<path id="unknown" class="mark" d="M-5 6a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z"/>
</defs>
</svg>"""


def escaped(text: str, limit: int) -> str:
    """Return *text*, whatever it holds, as one line that is safe in HTML and SVG."""
    return html.escape(printable(text, limit))


def timeline(day: Day, title: str, rows: list[Row], number: int) -> Iterator[str]:
    """Yield the lines of an SVG of *rows*; *number* makes its ids unique."""
    height = _AXIS + _ROW * len(rows)
    yield (
        f'<svg role="img" aria-labelledby="t{number} d{number}" width="100%" '
        f'height="{height}">'
    )
    yield f'<title id="t{number}">{escaped(title, _MAX_TITLE)}</title>'
    yield f'<desc id="d{number}">{escaped(_description(rows), _MAX_TITLE)}</desc>'
    yield from _axis(day, height)
    for index, row in enumerate(rows):
        yield from _row(day, row, _AXIS + _ROW * index)
    yield "</svg>"


def legend() -> str:
    """Return the legend: what the shapes and the marks mean."""
    states = "".join(
        f'<span><svg width="28" height="{_BAR}" aria-hidden="true">'
        f'<path class="{state}" d="{_path(state, 0, 28)}"/></svg> {state}</span>'
        for state in ("busy", "waiting", "idle")
    )
    marks = "".join(
        f'<span><svg width="14" height="16" aria-hidden="true">'
        f'<use href="#{mark}" x="{3 if mark == "alive" else 7}" y="2"/></svg>'
        f" {meaning}</span>"
        for mark, meaning in (
            ("closed", "closed"),
            ("lost", "ended uncleanly"),
            ("alive", "alive"),
            ("unknown", "unknown"),
        )
    )
    return f'<p class="legend">{states}{marks}</p>'


def _description(rows: list[Row]) -> str:
    return "; ".join(f"{title_of(row)}, {ending_of(row)}" for row in rows)


def _axis(day: Day, height: int) -> Iterator[str]:
    last = None
    for moment in range(int(day.begin), int(day.end), 3600):
        hour = time.localtime(moment).tm_hour
        if hour % _HOURS == 0 and hour != last:  # once only when clocks go back
            x = _percent(day, moment)
            yield f'<line class="hour" x1="{x}%" x2="{x}%" y1="4" y2="{height}"/>'
            yield f'<text class="axis" x="{x}%" dx="4" y="14">{hour}</text>'
        last = hour


def _row(day: Day, row: Row, top: int) -> Iterator[str]:
    title = escaped(title_of(row), _MAX_LABEL)
    place = formatting.place(*row.place)
    subtitle = escaped(f"{_subtitle(row)} \N{MIDDLE DOT} {place}", _MAX_LABEL)
    yield f"<g><title>{escaped(_tooltip(row), _MAX_TITLE)}</title>"
    yield f'<text class="name" y="{top + _NAME_TOP}">{title}</text>'
    yield f'<text class="subtitle" y="{top + _SUBTITLE_TOP}">{subtitle}</text>'
    yield (
        f'<svg y="{top + _BAR_TOP}" width="100%" height="{_BAR}" '
        f'viewBox="0 0 {_UNITS} {_BAR}" preserveAspectRatio="none">'
    )
    bars = _bars(day, row)
    for state in reversed(LIVE_STATES):  # the most urgent over the others
        path = "".join(_path(state, *bar) for bar in bars[state])
        if path:
            yield f'<path class="{state}" d="{path}"/>'
    yield "</svg>"
    for period in _distinct_periods(day, row):
        if period.ending != spans.CONTINUES:
            x = _percent(day, period.end)
            yield f'<use href="#{period.ending}" x="{x}%" y="{top + _BAR_TOP}"/>'
    yield "</g>"


def _subtitle(row: Row) -> str:
    busy = hours(row.seconds("busy")).removesuffix(" h")
    return f"{ending_of(row)}, {busy} of {hours(row.seconds())} busy"


def _tooltip(row: Row) -> str:
    """Return the text that appears when the pointer is over the row."""
    place = formatting.place(*row.place)
    return (
        f"{title_of(row)} ({row.session['session_id']}), {place}: "
        f"{local_time(row.begin)} to {local_time(row.end)}, {_subtitle(row)}, "
        f"{hours(row.seconds('waiting'))} waiting"
    )


def _percent(day: Day, moment: float) -> str:
    return f"{_unit(day, moment) * 100 / _UNITS:g}"


def _unit(day: Day, moment: float) -> int:
    share = (moment - day.begin) / max(1.0, day.end - day.begin)
    return round(_UNITS * min(max(share, 0.0), 1.0))


def _bars(day: Day, row: Row) -> dict[str, list[tuple[int, int]]]:
    """Return the bars of each state, each from one unit to another.

    A span too short to be drawn is merged with the next ones, as the most urgent of
    their states. That bounds the size of a row, however often its state changed.
    """
    bars: dict[str, list[tuple[int, int]]] = {state: [] for state in LIVE_STATES}
    for period in row.periods:
        begin, worst = _unit(day, period.begin), "idle"
        for span in period.spans:
            worst = min(worst, span.state, key=LIVE_STATES.index)
            end = _unit(day, span.end)
            if end - begin >= _MIN_UNITS or span is period.spans[-1]:
                _add(bars[worst], begin, max(end, begin + _MIN_UNITS))
                begin, worst = end, "idle"
    return bars


def _add(bars: list[tuple[int, int]], begin: int, end: int) -> None:
    if bars and bars[-1][1] >= begin:
        bars[-1] = (bars[-1][0], max(end, bars[-1][1]))
    else:
        bars.append((begin, end))


def _distinct_periods(day: Day, row: Row) -> Iterable[OpenPeriod]:
    """Return one period of those that end at the same place, and always the last."""
    by_place = {_unit(day, period.end) // _MIN_UNITS: period for period in row.periods}
    return by_place.values()


def _path(state: str, begin: int, end: int) -> str:
    """Return the path of a bar: filled, hollow, or a line."""
    width = end - begin
    if state == "busy":
        return f"M{begin} 0h{width}v{_BAR}h-{width}z"
    if state == "waiting":
        return "".join(f"M{begin} {y}h{width}v4h-{width}z" for y in (0, _BAR - 4))
    return f"M{begin} 4h{width}v4h-{width}z"
