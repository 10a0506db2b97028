"""The report as one HTML file: no script, no request, readable on a telephone.

Whatever comes from a record passes through `day_chart.words`, and the page forbids
itself everything but its own style.
"""

from __future__ import annotations

import time

from ...text import count
from ...views import report
from . import svg
from .svg import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...views.report import Day, Report, Row, Sum

MOST_ROWS = 400
_LONGEST = 200
_MOST_TREES = 100
_COLUMNS = ("Session", "Tree", "From", "To", "Open", "Busy", "Then")
_STYLE = """
:root{color-scheme:light dark;--back:#fff;--fore:#1f2328;--soft:#59636e;
--line:#d1d9e0;--busy:#1a7f37;--waiting:#bc4c00;--idle:#6e7781;--open:#c5e8cd}
@media(prefers-color-scheme:dark){:root{--back:#0d1117;--fore:#e6edf3;
--soft:#9198a1;--line:#3d444d;--busy:#3fb950;--waiting:#f0883e;--idle:#8b949e;
--open:#1c4428}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:70rem;background:var(--back);
color:var(--fore);font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}
h3{font-size:.95rem;margin:1.2rem 0 .2rem}
p{margin:.3rem 0}.soft{color:var(--soft)}
.figures{display:flex;flex-wrap:wrap;gap:.5rem 2rem;margin:1rem 0;padding:0;
list-style:none}.figures b{display:block;font-size:1.5rem;line-height:1.2}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600}th,td{padding:.25rem .5rem;vertical-align:top}
.sums th:first-child{width:70%}td{border-top:1px solid var(--line)}
.n{text-align:right;white-space:nowrap}
.bar{display:flex;height:.35rem;margin-top:.2rem;min-width:1px}
.bar i{background:var(--busy)}.bar s{background:var(--open);
outline:1px solid var(--busy);outline-offset:-1px}
svg{display:block;overflow:hidden}svg text{fill:var(--fore);font-size:13px}
svg .axis,svg .about{fill:var(--soft);font-size:12px}svg .name{font-weight:600}
.busy{fill:var(--busy)}.waiting{fill:var(--waiting)}.idle{fill:var(--idle)}
.hour{stroke:var(--line)}.mark{stroke:var(--fore);stroke-width:2;fill:none}
.fill{fill:var(--fore)}.draw{padding:0 10px 0 2px;overflow:hidden}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem}.legend span{display:flex;
align-items:center;gap:.4rem}
.wide{overflow-x:auto}.wide td{white-space:nowrap}.wide td:nth-child(-n+2){
white-space:normal;min-width:9rem}.wide th{overflow-wrap:normal}
summary{cursor:pointer;margin-top:2rem}
"""
_HEAD = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="headcount report">
<title>Headcount report</title>
<style>{_STYLE}</style>
</head>
<body>"""


def page(made: Report) -> str:
    """Return the report as HTML, of bounded size."""
    return "\n".join(_lines(made)) + "\n"


def _lines(made: Report) -> Iterator[str]:
    shown, left_out = _choose(made)
    yield _HEAD
    yield svg.SYMBOLS
    yield from _summary(made)
    yield from _table("Days", "Day", _by_day(made))
    yield from _table("Trees", "Tree", made.by_tree[:_MOST_TREES])
    if len(made.by_tree) > _MOST_TREES:
        yield _soft(f"{len(made.by_tree) - _MOST_TREES} more trees are left out here.")
    yield from _timelines(shown, left_out)
    yield from _as_table(shown)
    yield "</body>\n</html>"


def _choose(made: Report) -> tuple[list[Day], int]:
    """Return the days with the rows there is room for, and how many there is not.

    The last day comes first, in each the session that began first.
    """
    room, shown, left_out = MOST_ROWS, [], 0
    for day in reversed(made.days):
        rows = day.rows[max(0, len(day.rows) - room) :] if room else []
        left_out += len(day.rows) - len(rows)
        room -= len(rows)
        if rows:
            shown.append(day._replace(rows=rows))
    return shown, left_out


def _summary(made: Report) -> Iterator[str]:
    total = made.total
    since, until = map(svg.clock_time, (made.since, made.until))
    zone = time.strftime("%Z", time.localtime(made.until))
    yield "<h1>Headcount report</h1>"
    yield _soft(f"{since} to {until}, {zone}")
    figures = (
        (str(total.sessions), "session" if total.sessions == 1 else "sessions"),
        (report.hours(total.open), "open"),
        (report.hours(total.busy), "busy"),
        (report.hours(total.waiting), "waiting for you"),
    )
    told = "".join(f"<li><b>{value}</b>{name}</li>" for value, name in figures)
    yield f'<ul class="figures">{told}</ul>'
    yield _soft(
        "Hours are sums over sessions: two that are open for the same hour make two."
    )


def _by_day(made: Report) -> list[Sum]:
    return [one._replace(name=report.day_title(one.name)) for one in made.by_day]


def _table(title: str, name: str, sums: list[Sum]) -> Iterator[str]:
    most = max((one.open for one in sums), default=0.0)
    yield f'<h2>{title}</h2>\n<table class="sums">\n<thead><tr><th>{name}</th>'
    yield '<th class="n">Sessions</th><th class="n">Open</th>'
    yield '<th class="n">Busy</th></tr></thead>\n<tbody>'
    for one in sums:
        yield (
            f"<tr><td>{words(one.name, _LONGEST)}{_bar(one, most)}</td>"
            f'<td class="n">{one.sessions}</td>'
            f'<td class="n">{report.hours(one.open)}</td>'
            f'<td class="n">{report.hours(one.busy)}</td></tr>'
        )
    yield "</tbody>\n</table>"


def _bar(one: Sum, most: float) -> str:
    if not one.open:
        return ""
    busy, rest = (100 * part / most for part in (one.busy, one.open - one.busy))
    return (
        f'<div class="bar" aria-hidden="true"><i style="width:{busy:.1f}%"></i>'
        f'<s style="width:{rest:.1f}%"></s></div>'
    )


def _timelines(days: list[Day], left_out: int) -> Iterator[str]:
    yield "<h2>Timeline</h2>"
    yield svg.legend()
    if left_out:
        yield _soft(
            f"The last {MOST_ROWS} rows. {left_out} earlier ones are left out here; "
            "the hours above count them."
        )
    if not days:
        yield _soft("No session was open in this time.")
    for number, day in enumerate(days):
        title = report.day_title(day.name)
        yield f'<h3>{words(title, _LONGEST)}</h3>\n<div class="draw">'
        about = f"Timeline of {title}, {count(len(day.rows), 'session')}"
        yield from svg.drawing(day, about, day.rows, number)
        yield "</div>"


def _as_table(days: list[Day]) -> Iterator[str]:
    """The timeline once more for whoever does not see it."""
    names = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    yield "<details>\n<summary>The timeline as a table</summary>"
    yield '<div class="wide" tabindex="0"><table>'
    yield f"<thead><tr>{names}</tr></thead>\n<tbody>"
    for row in (row for day in days for row in day.rows):
        told = "".join(f"<td>{words(cell, _LONGEST)}</td>" for cell in _cells(row))
        yield f"<tr>{told}</tr>"
    yield "</tbody>\n</table></div>\n</details>"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{report.title_of(row)} ({row.session['session_id'][:8]})",
        row.tree,
        svg.clock_time(row.begin),
        svg.clock_time(row.end),
        report.hours(row.seconds()),
        report.hours(row.seconds("busy")),
        report.how_it_ended(row),
    )


def _soft(text: str) -> str:
    return f'<p class="soft">{words(text, _LONGEST)}</p>'
