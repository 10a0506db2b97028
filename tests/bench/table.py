"""Rows and goals, printed side by side and kept as JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from measure import Cell

COLUMNS = {
    "bare": "(a) bare",
    "naive": "(b) naive",
    "node": "(c) node",
    "jq": "(d) jq",
    "flock": "(e) flock",
    "append": "(e) append",
}
_WHAT, _CELL, _GOAL = 44, 12, 34
_UNITS: dict[str, Callable[[float], str]] = {
    "s": lambda v: f"{v * 1000:.3g} ms" if v < 1 else f"{v:.3g} s",
    "/s": lambda v: f"{v:,.0f}/s",
    "MB/s": lambda v: f"{v:.0f} MB/s",
    "MB": lambda v: f"{v:.0f} MB",
    "x": lambda v: f"{v:.2f} x",
}


class Goal(NamedTuple):
    """A goal in words, and whether the row's cells reach it."""

    words: str
    is_met: Callable[[dict[str, Cell]], bool]


class Row(NamedTuple):
    """One thing that was measured, of every contender that does it."""

    what: str
    unit: str
    cells: dict[str, Cell]
    goal: Goal | None

    @property
    def is_met(self) -> bool:
        if self.goal is None:
            return True
        ours = self.cells["ours"]
        return bool(ours.samples) and not ours.lost and self.goal.is_met(self.cells)


def at_most(factor: float, of: str = "bare", plus: float = 0.0) -> Goal:
    """Our median is at most *factor* times that of another, and *plus* seconds."""
    more = f" + {plus * 1000:.0f} ms" if plus else ""
    return Goal(
        f"<= {factor:g} x {of}{more}",
        lambda cells: _is_at_most(cells, factor, of, plus),
    )


def _is_at_most(cells: dict[str, Cell], factor: float, of: str, plus: float) -> bool:
    other = cells.get(of)
    if other is None or not other.samples:
        return True  # it is not on this machine
    return cells["ours"].value <= factor * other.value + plus


def limit(value: float, unit: str) -> Goal:
    """Our median is at most *value*."""
    words = f"<= {_UNITS[unit](value)}"
    return Goal(words, lambda cells: cells["ours"].value <= value)


def worst(value: float, unit: str) -> Goal:
    """Our worst round is at most *value*."""
    words = f"all <= {_UNITS[unit](value)}"
    return Goal(words, lambda cells: max(cells["ours"].samples) <= value)


def at_least(value: float, unit: str) -> Goal:
    """Our median is at least *value*."""
    words = f">= {_UNITS[unit](value)}"
    return Goal(words, lambda cells: cells["ours"].value >= value)


def both(one: Goal, two: Goal) -> Goal:
    """Both goals are reached."""
    return Goal(
        f"{one.words}, {two.words}",
        lambda cells: one.is_met(cells) and two.is_met(cells),
    )


def print_heading(title: str) -> None:
    heads = [f"{title:{_WHAT}}", f"{'ours':>{_CELL}}", f"{'x bare':>7}"]
    heads += [f"{head:>{_CELL}}" for head in COLUMNS.values()]
    print("\n" + " ".join([*heads, " goal"]))


def print_row(row: Row) -> None:
    ours, bare = row.cells["ours"], row.cells.get("bare")
    ratio = f"{ours.value / bare.value:.2f}" if ours.samples and bare else ""
    cells = [_shown(row.cells.get(name), row.unit) for name in COLUMNS]
    words = [f"{row.what:{_WHAT}}", _shown(ours, row.unit), f"{ratio:>7}", *cells]
    if row.goal is not None:
        words.append(f" {row.goal.words:{_GOAL}} {'ok' if row.is_met else 'MISSED'}")
    print(" ".join(words), flush=True)
    for name, cell in row.cells.items():
        if cell.lost or cell.note:
            lost = f"{cell.lost} entries lost" if cell.lost else ""
            said = ", ".join(word for word in (cell.note, lost) if word)
            print(f"{'':{_WHAT}} {name}: {said}", flush=True)


def _shown(cell: Cell | None, unit: str) -> str:
    if cell is None or not cell.samples:
        return f"{'-':>{_CELL}}"
    mark = "!" if cell.lost else ""
    return f"{_UNITS[unit](cell.value) + mark:>{_CELL}}"


def as_json(row: Row) -> dict[str, Any]:
    return {
        "what": row.what,
        "unit": row.unit,
        "goal": row.goal.words if row.goal else None,
        "met": row.is_met,
        "cells": {
            name: {
                "median": cell.value if cell.samples else None,
                "p99": cell.quantile(0.99) if cell.samples else None,
                "rounds": len(cell.samples),
                "lost": cell.lost,
                "note": cell.note,
            }
            for name, cell in row.cells.items()
        },
    }


def progress(words: str) -> None:
    """Say on a terminal what is going on."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{words}")
        sys.stderr.flush()
