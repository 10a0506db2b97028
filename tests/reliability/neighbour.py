"""A neighbour who may write to our folders, and strikes at every moment in turn.

`strikes` runs some work over and over in forked processes. In run N the neighbour acts
right before the Nth system call of that work that names a file: no luck is needed.
`Neighbour` is a process that swaps names as fast as it can, of another user as root.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from reliability import forked

from lib.errors import HeadcountError

OTHER_USER = 65_534
_EVENTS = ("open", "os.", "ctypes.dlsym")
_HARMLESS = ("os.listxattr", "os.getxattr", "os.putenv", "os.unsetenv")


def strikes(prepare, work, swap, folder):
    """Run *work* once for each of its calls in *folder*; return how many there were.

    Before each run *prepare* is called, and during it *swap*, once. An error that is a
    refusal is fine.
    """
    number = 0
    while True:
        prepare()
        seen = forked.Child(_struck, work, swap, str(folder), number).result()
        if number >= seen:
            return number
        number += 1


def _struck(work, swap, folder, number):
    seen, inside = 0, False

    def watch(event, arguments):
        nonlocal seen, inside
        if inside or not event.startswith(_EVENTS) or event in _HARMLESS:
            return
        if not _concerns(arguments, folder):
            return
        if seen == number:
            inside = True
            swap()
            inside = False
        seen += 1

    sys.addaudithook(watch)
    with contextlib.suppress(OSError, HeadcountError):
        work()
    return seen


def _concerns(arguments, folder):
    """Whether a call names a file in *folder*, or one relative to a descriptor."""
    name = next((os.fsdecode(a) for a in arguments if isinstance(a, str | bytes)), "")
    return not name.startswith("/") or name.startswith(folder)


class Neighbour:
    """A process in *folder* that calls *swap* in a loop, as another user under root.

    That user may not be able to reach the folder by its path.
    """

    def __init__(self, swap, folder):
        ready, held = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.chdir(folder)
            _swap_until_killed(swap, held)
        os.close(held)
        os.read(ready, 1)
        os.close(ready)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _swap_until_killed(swap, ready):
    try:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(*[OTHER_USER] * 3)
            os.setresuid(*[OTHER_USER] * 3)
        os.write(ready, b"x")
        while True:
            with contextlib.suppress(OSError):
                swap()
    finally:
        os._exit(1)
