"""Headcount's benchmark: each goal beside the other ways to do the same, in one run."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from typing import Any

import chart
import export_rows
import growth
import hook_rows
import library_rows
import turn_rows
import watch_rows
from contest import Bench
from measure import become_the_client
from place import temporary_place
from table import Row, as_json, print_heading, print_row, progress

TABLES = {
    "hooks": ("Hooks, one at a time", hook_rows.single),
    "crowd": ("Hooks, many at once", hook_rows.crowd),
    "start": ("SessionStart", hook_rows.start),
    "without-proc": ("Hooks without /proc, as on macOS", hook_rows.without_proc),
    "turn": ("A turn of the real client", turn_rows.turn),
    "list": ("headcount list", hook_rows.listing),
    "watch": ("headcount watch", watch_rows.watch),
    "append": ("Append from the library", library_rows.append),
    "writers": ("Writers on one session", library_rows.writers),
    "load": ("One large session", library_rows.load),
    "discover": ("Discover sessions", library_rows.discover),
    "export": ("headcount export", export_rows.export),
}


def main() -> int:
    options = _parser().parse_args()
    become_the_client()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the folder is removed
    began = time.monotonic()
    with temporary_place() as place:
        os.chdir(place.folder)
        bench = Bench(place, rounds=options.rounds, quick=options.quick)
        machine = _machine(place.python)
        print(machine)
        for name, why in bench.missing.items():
            print(f"no column {name}: {why}")
        tables = {name: _run(bench, name) for name in _chosen(options.only, TABLES)}
        grown = growth.measure(bench) if _chosen(options.only, ["growth"]) else []
    growth.show(grown)
    rows = [row for table in tables.values() for row in table]
    missed = [row.what for row in rows if not row.is_met]
    _keep(options, machine, tables, grown)
    print(
        f"\n{len(missed)} missed in {time.monotonic() - began:.0f} s", *missed, sep="; "
    )
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__)
    parser.add_argument("--rounds", type=int, help="of each row (40; with --quick 5)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument(
        "--only",
        action="append",
        choices=[*TABLES, "growth"],
        help="this table alone; may be repeated",
    )
    parser.add_argument("--json", metavar="FILE", help="keep all figures here")
    parser.add_argument("--svg", metavar="FILE", help="draw here how cost grows")
    return parser


def _chosen(only: list[str] | None, names: Any) -> list[str]:
    return [name for name in names if not only or name in only]


def _run(bench: Bench, name: str) -> list[Row]:
    title, table = TABLES[name]
    rows: list[Row] = []
    progress(f"{title} ...")
    for row in table(bench):
        progress("")
        if not rows:
            print_heading(title)
        print_row(row)
        rows.append(row)
        progress(f"{title}, after {row.what} ...")
    progress("")
    return rows


def _machine(python: str) -> str:
    told = "import platform, sys; print(platform.python_version(), sys.base_prefix)"
    version, prefix = subprocess.check_output([python, "-c", told], text=True).split(
        maxsplit=1
    )
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    load = os.getloadavg()[0]
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    whose = f"Python {version} of {prefix.strip()}"
    return f"{cores} cores, {whose}, {system}, load {load:.1f} before"


def _keep(
    options: argparse.Namespace,
    machine: str,
    tables: dict[str, list[Row]],
    grown: list[growth.Series],
) -> None:
    if options.json:
        kept = {
            "machine": machine,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "tables": {k: [as_json(row) for row in rows] for k, rows in tables.items()},
            "growth": [series._asdict() for series in grown],
        }
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(kept, file, indent=1)
    if options.svg:
        with open(options.svg, "w", encoding="utf-8") as file:
            file.write(chart.draw(grown, machine))


if __name__ == "__main__":
    sys.exit(main())
