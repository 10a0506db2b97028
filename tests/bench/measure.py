"""Time commands as the client runs them, in rounds that take turns.

A hook is timed from before its fork until it has been waited for, started through
`sh -c` in a session of its own with its payload on a pipe. This process calls itself
`claude`, so that hooks find among their ancestors what they look for.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WARM_UPS = 2
# Who is slow gets fewer rounds than the others, or one row would take the evening.
BUDGET_SECONDS = 12.0
FEWEST_ROUNDS = 3


class Command(NamedTuple):
    """A shell command, what it gets on stdin, and its environment."""

    words: str
    stdin: bytes
    environ: dict[str, str]


def become_the_client() -> None:
    """Take the name that the hooks look for, where a process can name itself."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as name:
        name.write("claude")


def _start(command: Command) -> int:
    reading, writing = os.pipe()
    os.write(writing, command.stdin)  # fits into the pipe
    os.close(writing)
    pid = os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", command.words],
        command.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, reading, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setsid=True,
    )
    os.close(reading)
    return pid


def run(command: Command) -> float:
    """Run one command; return its seconds, from before the fork to the wait."""
    began = time.perf_counter()
    pid = _start(command)
    os.waitpid(pid, 0)
    return time.perf_counter() - began


def run_together(commands: Sequence[Command]) -> float:
    """Start all commands at once; return the seconds until the last has ended."""
    began = time.perf_counter()
    for pid in [_start(command) for command in commands]:
        os.waitpid(pid, 0)
    return time.perf_counter() - began


class Cell(NamedTuple):
    """What one contender reached: its samples, and the entries that it lost."""

    samples: list[float]
    lost: int = 0
    note: str = ""

    @property
    def value(self) -> float:
        return statistics.median(self.samples)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.samples)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def compete(
    tries: dict[str, Callable[[], float]], rounds: int, warm_ups: int = WARM_UPS
) -> dict[str, list[float]]:
    """Let every contender try once a round; return the samples of each.

    The order rotates, so that none always comes after the same other. A slow one
    stops when its budget is used up.
    """
    samples: dict[str, list[float]] = {name: [] for name in tries}
    spent = dict.fromkeys(tries, 0.0)
    names = [*tries]
    for number in range(-warm_ups, rounds):
        names.append(names.pop(0))
        for name in names:
            if _has_had_enough(name, samples[name], spent[name]):
                continue
            began = time.perf_counter()
            sample = tries[name]()
            spent[name] += time.perf_counter() - began
            if number >= 0:
                samples[name].append(sample)
    return samples


def _has_had_enough(name: str, samples: list[float], spent: float) -> bool:
    measured = name in ("ours", "bare")
    return not measured and len(samples) >= FEWEST_ROUNDS and spent > BUDGET_SECONDS
