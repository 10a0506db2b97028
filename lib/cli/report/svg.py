"""The timeline of a day as SVG: a row for each session, its states as bars.

Everything along the time axis is in percent, so that a drawing is as wide as its
place, on a telephone too, while its words keep their size. States differ in form as
well as in colour: busy is full, waiting hollow, idle a line.
"""

from __future__ import annotations

import html
import time

from ...text import printable
from ...views import report, spans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...views.report import Day, Row
    from ...views.spans import Part, Span

_UNITS = 1000  # across; what is shorter than two of them is not told apart
_FINEST = 2
_AXIS, _ROW, _BAR = 22, 40, 12
_HOURS = 3  # between two marks of the axis
_LABEL_LENGTH = 80
_TITLE_LENGTH = 300
_STATES = ("idle", "busy", "waiting")  # in the order of drawing
_URGENCY = {"waiting": 2, "busy": 1}
# What the marks of all drawings are, once a page; each is named as what it marks.
SYMBOLS = """<svg width="0" height="0" aria-hidden="true" style="position:absolute">
<defs>
<path id="closed" class="mark" d="M0 -2v16"/>
<path id="lost" class="mark" d="M-5 1l10 10m0 -10l-10 10"/>
<path id="alive" class="mark fill" d="M0 1l8 5l-8 5z"/>
<path id="unseen" class="mark" d="M-5 6a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z"/>
</defs>
</svg>"""


def words(text: str, limit: int) -> str:
    """Return *text*, whatever it holds, as one line that is safe in HTML and SVG."""
    return html.escape(printable(text, limit))


def drawing(day: Day, title: str, rows: list[Row], number: int) -> Iterator[str]:
    """Yield the lines of an SVG of *rows*; *number* tells its ids from the others'."""
    height = _AXIS + _ROW * len(rows)
    yield (
        f'<svg role="img" aria-labelledby="t{number} d{number}" width="100%" '
        f'height="{height}">'
    )
    yield f'<title id="t{number}">{words(title, _TITLE_LENGTH)}</title>'
    yield f'<desc id="d{number}">{words(_spoken(rows), _TITLE_LENGTH)}</desc>'
    yield from _axis(day, height)
    for index, row in enumerate(rows):
        yield from _row(day, row, _AXIS + _ROW * index)
    yield "</svg>"


def legend() -> str:
    """Return what the forms and marks mean."""
    states = "".join(
        f'<span><svg width="28" height="{_BAR}" aria-hidden="true">'
        f'<path class="{state}" d="{_form(state, 0, 28)}"/></svg> {state}</span>'
        for state in ("busy", "waiting", "idle")
    )
    marks = "".join(
        f'<span><svg width="14" height="16" aria-hidden="true">'
        f'<use href="#{mark}" x="{3 if mark == "alive" else 7}" y="2"/></svg>'
        f" {means}</span>"
        for mark, means in (
            ("closed", "closed"),
            ("lost", "gone without a close"),
            ("alive", "alive"),
            ("unseen", "not known"),
        )
    )
    return f'<p class="legend">{states}{marks}</p>'


def _spoken(rows: list[Row]) -> str:
    return "; ".join(
        f"{report.title_of(row)}, {report.how_it_ended(row)}" for row in rows
    )


def _axis(day: Day, height: int) -> Iterator[str]:
    last = None
    for moment in range(int(day.begin), int(day.end), 3600):
        hour = time.localtime(moment).tm_hour
        if hour % _HOURS == 0 and hour != last:  # not twice where clocks go back
            x = _percent(day, moment)
            yield f'<line class="hour" x1="{x}%" x2="{x}%" y1="4" y2="{height}"/>'
            yield f'<text class="axis" x="{x}%" dx="4" y="14">{hour}</text>'
        last = hour


def _row(day: Day, row: Row, top: int) -> Iterator[str]:
    title = words(report.title_of(row), _LABEL_LENGTH)
    about = words(f"{row.tree} \N{MIDDLE DOT} {_about(row)}", _LABEL_LENGTH)
    yield f"<g><title>{words(_told(row), _TITLE_LENGTH)}</title>"
    yield (
        f'<text y="{top + 13}"><tspan class="name">{title}</tspan> '
        f'<tspan class="about" dx="6">{about}</tspan></text>'
    )
    yield (
        f'<svg y="{top + 19}" width="100%" height="{_BAR}" '
        f'viewBox="0 0 {_UNITS} {_BAR}" preserveAspectRatio="none">'
    )
    bars = _bars(day, row)
    for state in _STATES:
        drawn = "".join(_form(state, *bar) for bar in bars[state])
        if drawn:
            yield f'<path class="{state}" d="{drawn}"/>'
    yield "</svg>"
    for part in _parts_apart(day, row):
        if part.how != spans.GOES_ON:
            x = _percent(day, part.end)
            yield f'<use href="#{part.how}" x="{x}%" y="{top + 19}"/>'
    yield "</g>"


def _about(row: Row) -> str:
    busy = report.hours(row.seconds("busy")).removesuffix(" h")
    return f"{report.how_it_ended(row)}, {busy} of {report.hours(row.seconds())} busy"


def _told(row: Row) -> str:
    """What is told of a row when one points at it."""
    return (
        f"{report.title_of(row)} ({row.session['session_id']}), {row.tree}: "
        f"{clock_time(row.begin)} to {clock_time(row.end)}, {_about(row)}, "
        f"{report.hours(row.seconds('waiting'))} waiting"
    )


def clock_time(moment: float) -> str:
    """Return the local day and minute of *moment*."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _percent(day: Day, moment: float) -> str:
    return f"{_unit(day, moment) * 100 / _UNITS:g}"


def _unit(day: Day, moment: float) -> int:
    share = (moment - day.begin) / max(1.0, day.end - day.begin)
    return round(_UNITS * min(max(share, 0.0), 1.0))


def _bars(day: Day, row: Row) -> dict[str, list[tuple[int, int]]]:
    """Return from where to where each state is drawn.

    What is too short to be seen is taken with what follows, in the most urgent state:
    that bounds a row, however often its state changed.
    """
    bars: dict[str, list[tuple[int, int]]] = {state: [] for state in _STATES}
    for part in row.parts:
        begun, worst = _unit(day, part.begin), "idle"
        for span in part.spans:
            worst = max(worst, _known(span), key=lambda state: _URGENCY.get(state, 0))
            end = _unit(day, span.end)
            if end - begun >= _FINEST or span is part.spans[-1]:
                _add(bars[worst], begun, max(end, begun + _FINEST))
                begun, worst = end, "idle"
    return bars


def _add(bars: list[tuple[int, int]], begin: int, end: int) -> None:
    if bars and bars[-1][1] >= begin:
        bars[-1] = (bars[-1][0], max(end, bars[-1][1]))
    else:
        bars.append((begin, end))


def _known(span: Span) -> str:
    return span.state if span.state in _STATES else "idle"


def _parts_apart(day: Day, row: Row) -> Iterable[Part]:
    """Return the parts whose ends can be told apart, and always the last."""
    by_place = {_unit(day, part.end) // _FINEST: part for part in row.parts}
    return by_place.values()


def _form(state: str, begin: int, end: int) -> str:
    """Return the path of a bar: full, hollow, or a line."""
    across = end - begin
    if state == "busy":
        return f"M{begin} 0h{across}v{_BAR}h-{across}z"
    if state == "waiting":
        return "".join(f"M{begin} {y}h{across}v4h-{across}z" for y in (0, _BAR - 4))
    return f"M{begin} 4h{across}v4h-{across}z"
