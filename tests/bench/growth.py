"""How cost grows with sessions on record, with writers, and with a session's size."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import place
from contest import ID, Bench
from hook_rows import Listing, cells, start_tries
from library_rows import crowd_of_writers, large_session
from measure import Cell, compete, run
from table import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTENDERS = ("ours", "naive", "node")
SESSIONS = (10, 100, 1000, 10_000)
WRITERS = (1, 4, 16, 64, 256)
BYTES = (1000, 10_000, 100_000, 10**6, 10**7, 10**8, 10**9)
WHOLE_READERS_BYTES = 10**8  # beyond, who reads whole files takes gigabytes


class Series(NamedTuple):
    """One line of a chart: seconds by size, of one contender."""

    chart: str
    sizes: str
    name: str
    points: list[tuple[int, float]]


def measure(bench: Bench) -> list[Series]:
    """Return every line of every chart."""
    names = tuple(bench.present(*CONTENDERS))
    found = []
    for chart, sizes, steps in (
        ("SessionStart", "sessions on record", _starts(bench, names)),
        ("list", "sessions on record", _lists(bench, names)),
        ("p99 wait for one entry", "writers at once", _writers(bench, names)),
        ("Stop", "bytes in the session", _stops(bench, names)),
    ):
        lines: dict[str, list[tuple[int, float]]] = {name: [] for name in names}
        for size, by_name in steps:
            for name, cell in by_name.items():
                lines[name].append((size, cell.value))
            progress(f"growth: {chart}, {size:,} {sizes} ...")
        found += [Series(chart, sizes, name, lines[name]) for name in names]
    progress("")
    return found


def show(series: list[Series]) -> None:
    """Print the figures, a table a chart."""
    for chart in dict.fromkeys(one.chart for one in series):
        lines = [one for one in series if one.chart == chart]
        heads = "".join(f"{size:>14,}" for size, _ in lines[0].points)
        print(f"\n{f'{chart}, by {lines[0].sizes}':44}{heads}")
        for line in lines:
            figures = "".join(f"{y * 1000:>11.4g} ms" for _, y in line.points)
            print(f"  {line.name:42}{figures}")


def _starts(
    bench: Bench, names: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, Cell]]]:
    for count in _up_to(bench, SESSIONS):
        tries = start_tries(bench, count, bench.place.other, names)
        yield count, cells(tries, bench.few_rounds, 1)


def _lists(
    bench: Bench, names: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, Cell]]]:
    for count in _up_to(bench, SESSIONS):
        store = bench.place.store("growth")
        place.fill(store, count, bench.place.other)
        tries = {name: Listing(bench.listing(name, store)) for name in names}
        yield count, cells(tries, bench.few_rounds, 1)


def _writers(
    bench: Bench, names: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, Cell]]]:
    for many in _up_to(bench, WRITERS):
        results = crowd_of_writers(bench, many, names, 3)
        yield (
            many,
            {
                name: Cell([crowd.p99 for crowd in crowds])
                for name, crowds in results.items()
            },
        )


def _stops(
    bench: Bench, names: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, Cell]]]:
    for size in _up_to(bench, BYTES):
        able = names if size <= WHOLE_READERS_BYTES else ("ours",)
        tries: dict[str, Callable[[], float]] = {}
        for name in able:
            # Of its own: their lock files would be in each other's way.
            store = bench.place.store(f"growth-{name}")
            large_session(store, size, bench)
            tries[name] = functools.partial(run, bench.hook(name, store, "Stop", ID))
        samples = compete(tries, bench.few_rounds, 1)
        yield size, {name: Cell(taken) for name, taken in samples.items()}


def _up_to(bench: Bench, sizes: tuple[int, ...]) -> tuple[int, ...]:
    return sizes[:-1] if bench.quick else sizes
