"""One system call of a program made to fail: `strace -e inject`, point by point."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from typing import NamedTuple

import pytest

ERRORS = ("ENOSPC", "EIO", "EACCES", "EMFILE", "EINTR", "EROFS", "ESTALE")
FAULTS = ("KILL", *ERRORS)
_ONCE = ("KILL", "EINTR")  # who is interrupted tries again, and again
KILLED = -signal.SIGKILL
# Of these the kernel has no such error to give, so only the KILL is for them.
_NO_ERRORS = re.compile(
    "exit|exit_group|brk|mmap|munmap|mprotect|rt_sig.*|futex|get[a-z]*id|gettid|clone3?|"
    "wait4|sched_.*|clock_.*|setitimer|execve|sysinfo|prlimit64|uname"
)
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)")


class Point(NamedTuple):
    """The *count*-th time that a program makes *call*, and what is done to it."""

    call: str
    count: int
    fault: str
    on: str = ""  # from then on for ever, if "+"

    def __str__(self) -> str:
        return f"{self.fault} at {self.call} {self.count}{self.on}"


def need_strace():
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")


def points(run, store):
    """Return every fault at every call that a program makes from the store onwards.

    *run* starts it with a store and with the words that it is given before its own.
    """
    store.parent.mkdir()
    log = store.parent / "calls.log"
    run(store, [])  # so that what it compiles is there the second time
    shutil.rmtree(store)
    done = run(store, ["strace", "-f", "-qq", "-y", "-o", str(log)])
    assert done.returncode == 0, done
    counts, touched, found = {}, False, []
    for line in log.read_text(errors="replace").splitlines():
        call = _CALL.match(line)
        if not call:
            continue
        name = call[1]
        counts[name] = counts.get(name, 0) + 1
        touched = touched or str(store) in call[2]
        if touched:
            faults = FAULTS[:1] if _NO_ERRORS.fullmatch(name) else FAULTS
            found += [Point(name, counts[name], fault) for fault in faults]
    assert touched
    return found


def lasting(found):
    """Return the faults that stay: from the first call of each kind onwards."""
    first = {}
    for point in found:
        first.setdefault((point.call, point.fault), point._replace(on="+"))
    return [point for point in first.values() if point.fault not in _ONCE]


def injection(point):
    """Return the words that start a program with *point* made to happen."""
    what = "signal=KILL" if point.fault == "KILL" else f"error={point.fault}"
    return [
        *("strace", "-f", "--seccomp-bpf", "-qq", "-o", os.devnull),
        *("-e", f"trace={point.call}"),
        *("-e", f"inject={point.call}:{what}:when={point.count}{point.on}"),
    ]


def start(words, stdin, **variables):
    """Run a program; return how it ended, with 20 s as the longest wait."""
    return subprocess.run(
        words,
        input=stdin,
        capture_output=True,
        timeout=20,
        check=False,
        env={"PATH": os.environ["PATH"], **variables},
    )
