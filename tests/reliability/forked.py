"""Processes by fork: many at once, and hooks without the cost of an interpreter each.

A hook run here goes through `hook.run`, as its entrypoint does: payload on stdin,
answer on stdout, an exit status.
"""

from __future__ import annotations

import json
import os
import signal
import time
import traceback
from typing import NamedTuple

from lib import hook, sessions

ACTIONS = {
    "SessionStart": hook.session_start,
    "UserPromptSubmit": hook.heartbeat,
    "Stop": hook.stop,
    "SessionEnd": hook.session_end,
}
_STDIN, _STDOUT = 0, 1
_leave = os._exit  # which `Resident` replaces


class Fired(NamedTuple):
    """How a hook ended."""

    status: int
    stdout: bytes
    seconds: float


class Child:
    """A forked process; what *work* returns comes back by `result`."""

    def __init__(self, work, *arguments):
        self._reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._reading)
            _work(work, arguments, writing)
        os.close(writing)

    def result(self):
        with os.fdopen(self._reading) as file:
            said = file.read()
        _, status = os.waitpid(self.pid, 0)
        assert status == 0, f"a child ended with status {status}"
        return json.loads(said)


def _work(work, arguments, writing):
    status = 1
    try:
        with os.fdopen(writing, "w") as file:
            json.dump(work(*arguments), file)
        status = 0
    except BaseException:  # noqa: BLE001  # a child must not return into pytest
        traceback.print_exc()
    finally:
        _leave(status)


def together(work, arguments):
    """Start a process for each of *arguments*, loose all at once; return results."""
    gate, held = os.pipe()

    def wait_and_work(*given):
        os.close(held)
        os.read(gate, 1)
        return work(*given)

    children = [Child(wait_and_work, *given) for given in arguments]
    os.close(held)
    os.close(gate)
    return [child.result() for child in children]


def start_hook(action, given, output, *others):
    """Fork a hook with *given* as stdin and *output* as stdout; return its pid.

    It closes *others*: ends of pipes that are the parent's alone.
    """
    pid = os.fork()
    if pid == 0:
        for descriptor in others:
            os.close(descriptor)
        os.dup2(given, _STDIN)
        os.dup2(output, _STDOUT)
        _begin_anew()
        hook.run(action)
    return pid


def _begin_anew():
    """Start the deadline of a hook now; it started when its module was imported."""
    hook.LOCK_POLICY = sessions.LockPolicy(
        hook.LOCK_POLICY.seconds, write_unlocked=True, shared_deadline=True
    )


def fire(action, raw):
    """Run a hook in a process of its own."""
    given, output = memory(raw), memory()
    began = time.monotonic()
    _, status = os.waitpid(start_hook(action, given, output), 0)
    seconds = time.monotonic() - began
    said = os.pread(output, 1 << 20, 0)
    os.close(given)
    os.close(output)
    return Fired(os.waitstatus_to_exitcode(status), said, seconds)


class Exited(BaseException):
    """What stands in for the end of the process."""


class Resident:
    """Runs hooks one after the other in this process, which must be a forked one."""

    def __init__(self):
        self._input, self._output = memory(), memory()
        self._free = os.dup(self._input)
        os._exit = self._exit

    def fire(self, action, raw):
        os.ftruncate(self._input, 0)
        os.pwrite(self._input, raw, 0)
        os.lseek(self._input, 0, os.SEEK_SET)
        os.ftruncate(self._output, 0)
        os.lseek(self._output, 0, os.SEEK_SET)
        os.dup2(self._input, _STDIN)
        os.dup2(self._output, _STDOUT)
        _begin_anew()
        began = time.monotonic()
        try:
            hook.run(action)
        except Exited as exited:
            signal.setitimer(signal.ITIMER_REAL, 0)
            status = exited.args[0]
        seconds = time.monotonic() - began
        os.closerange(self._free + 1, self._free + 8)
        return Fired(status, os.pread(self._output, 1 << 20, 0), seconds)

    def _exit(self, status):
        raise Exited(status)


def memory(content=b""):
    """Return a descriptor of a file without a name."""
    descriptor = os.memfd_create("hook")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
