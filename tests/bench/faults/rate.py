"""A thousand entries per second are shared, and what that costs the hooks."""

from __future__ import annotations

import math
import pathlib
import statistics
import subprocess
import sys
import time

import psutil
from kills import Scene
from share import report, used

HOOKS = pathlib.Path(__file__).with_name("hooks.py")
SESSIONS, RATE = 50, 1000
HOOK_GOAL = 3.0  # per cent
Z_95 = 1.96


def measure(folder: pathlib.Path, seconds: int) -> list[bool]:
    """Share for so long; return which goals were missed."""
    numbers = (SESSIONS, RATE, RATE * seconds)
    # The disk of the server is not that of the machine.
    with Scene(folder / "rate", *numbers, fsync="no") as scene:
        assert scene.writer.stdout is not None
        sharer = psutil.Process(scene.sharer.pid)
        before, began = used(sharer), time.monotonic()
        ratios = hooks(scene, seconds)
        share = (used(sharer) - before) / (time.monotonic() - began) * 100
        took = float(scene.writer.stdout.readline())
        what = f"{RATE} entries/s"
        return [
            report(f"{what}: {RATE * seconds} took", took, "s", seconds * 1.01),
            *scene.compare(what),
            report(f"{what}: the sharer, of a core", share, "%", None),
            *compare_hooks(f"{what}: a hook is slower by", ratios),
        ]


def compare_hooks(what: str, ratios: list[float]) -> list[bool]:
    """Print the median of *ratios*, and between what it is with 95 % certainty."""
    percent = sorted((ratio - 1) * 100 for ratio in ratios)
    half = len(percent) / 2
    reach = Z_95 * math.sqrt(len(percent)) / 2  # of the rank of the median
    low, high = percent[max(0, int(half - reach))], percent[int(half + reach)]
    return [
        report(what, statistics.median(percent), "%", HOOK_GOAL),
        report(f"{what}, at least", low, "%", None),
        report(f"{what}, at most", high, "%", None),
    ]


def hooks(scene: Scene, seconds: int) -> list[float]:
    """Return, for each pair of turns, how many times as long hooks took with it."""
    words = [sys.executable, str(HOOKS), str(scene.sharer.pid), str(seconds)]
    done = subprocess.run(
        words, env=scene.machine.environment, check=True, stdout=subprocess.PIPE
    )
    return [float(ratio) for ratio in done.stdout.split()]
