"""The charts as one SVG, both axes logarithmic, readable on light and on dark."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from growth import Series

WIDTH, HEIGHT, GAP = 420, 280, 30
LEFT, RIGHT, TOP, BOTTOM = 58, 70, 34, 40
HEAD = 36
ACROSS = 2
STYLE = """
svg { background: #fff; color: #1f2328; font: 12px system-ui, sans-serif; }
text { fill: currentColor; } .dim { opacity: .65; }
.title { font-weight: 600; font-size: 14px; }
.grid { stroke: currentColor; stroke-opacity: .15; }
path.line { fill: none; stroke-width: 2; }
.ours { stroke: #0969da; fill: #0969da; } .naive { stroke: #bc4c00; fill: #bc4c00; }
.node { stroke: #1a7f37; fill: #1a7f37; }
text.name { stroke: none; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; color: #e6edf3; }
  .ours { stroke: #58a6ff; fill: #58a6ff; } .naive { stroke: #f0883e; fill: #f0883e; }
  .node { stroke: #56d364; fill: #56d364; }
}
"""


def draw(series: list[Series], machine: str) -> str:
    """Return the document: a panel for each chart, two in a row."""
    charts = list(dict.fromkeys(one.chart for one in series))
    rows = math.ceil(len(charts) / ACROSS)
    width = ACROSS * WIDTH + (ACROSS + 1) * GAP
    height = HEAD + rows * (HEIGHT + GAP)
    box = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    parts = [
        f'<svg {box} width="{width}" height="{height}" role="img">',
        f"<title>How the cost of Headcount grows</title><style>{STYLE}</style>",
        _text(GAP, 24, f"How cost grows: {machine}", "dim"),
    ]
    for number, chart in enumerate(charts):
        x = GAP + number % ACROSS * (WIDTH + GAP)
        y = HEAD + number // ACROSS * (HEIGHT + GAP)
        lines = [one for one in series if one.chart == chart]
        parts += [f'<g transform="translate({x} {y})">', *_panel(lines), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


class Scale:
    """A logarithmic axis: from values to places between *start* and *end*."""

    def __init__(self, values: list[float], start: float, end: float) -> None:
        self.low = math.floor(math.log10(min(values)) + 1e-9)
        self.high = max(self.low + 1, math.ceil(math.log10(max(values)) - 1e-9))
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def decades(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def _panel(lines: list[Series]) -> list[str]:
    points = [point for line in lines for point in line.points]
    across = Scale([float(x) for x, _ in points], LEFT, WIDTH - RIGHT)
    up = Scale([y for _, y in points], HEIGHT - BOTTOM, TOP)
    parts = [_text(0, 16, lines[0].chart, "title")]
    for x in across.decades():
        parts.append(_rule(across(x), TOP, across(x), HEIGHT - BOTTOM))
        parts.append(_text(across(x), HEIGHT - BOTTOM + 16, _count(x), "dim", "middle"))
    for y in up.decades():
        parts.append(_rule(LEFT, up(y), WIDTH - RIGHT, up(y)))
        parts.append(_text(LEFT - 8, up(y) + 4, _duration(y), "dim", "end"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(_text(middle, HEIGHT - 6, lines[0].sizes, "dim", "middle"))
    for line in lines:
        parts += _line(line, across, up)
    return [*parts, *_names(lines, across, up)]


def _line(line: Series, across: Scale, up: Scale) -> list[str]:
    places = [(across(x), up(y)) for x, y in line.points]
    path = "M" + " L".join(f"{x} {y}" for x, y in places)
    dots = [f'<circle class="{line.name}" cx="{x}" cy="{y}" r="3"/>' for x, y in places]
    return [f'<path class="line {line.name}" d="{path}"/>', *dots]


def _names(lines: list[Series], across: Scale, up: Scale) -> list[str]:
    """Return the names at the ends of the lines, moved apart where they would meet."""
    ends = sorted((up(line.points[-1][1]), line) for line in lines)
    parts, last = [], -math.inf
    for y, line in ends:
        last = max(y + 4, last + 14)
        x = across(line.points[-1][0]) + 8
        parts.append(_text(x, last, line.name, f"name {line.name}"))
    return parts


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="grid" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    place = f'x="{x}" y="{y}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{escape(words)}</text>'


def _count(value: float) -> str:
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:g} s"
    return f"{seconds * 1e3:g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:g} µs"
