"""Who shares a store: this process, or another one that may have ended."""

from __future__ import annotations

import getpass
import os

from ... import __version__
from ...system import machine, process
from ...text import local_time
from ..shared.lease import Lease

_RANDOM_BYTES = 8


def this_process() -> Lease:
    """Return the lease of this process, before the server has said since when."""
    pid = os.getpid()
    return Lease(
        sharer=os.urandom(_RANDOM_BYTES).hex(),
        host=process.host_name(),
        machine=machine.machine_id() or "",
        user=_user(),
        pid=pid,
        process=process.fingerprint(pid) or "",
        headcount=__version__,
        since=0.0,
    )


def is_gone(lease: Lease) -> bool:
    """Whether the process of *lease* has certainly ended, as it can be seen here."""
    seen = (lease.pid, lease.process or None, lease.host, lease.machine or None)
    return is_here(lease) and process.probe(*seen)[0] == process.GONE


def is_here(lease: Lease) -> bool:
    """Whether *lease* is of a process of this machine, since the machine was booted.

    Machines with copies of one disk have the same id, but not the same boot.
    """
    own = process.fingerprint(os.getpid())
    if process.boot_of(lease.process) != process.boot_of(own):
        return False
    return process.elsewhere(lease.host, lease.machine or None) is None


def described(lease: Lease) -> str:
    """Return who it is, such as `pid 4211 of ada on web1, since 2026-11-28 18:30`."""
    since = local_time(lease.since)
    return f"pid {lease.pid} of {lease.user} on {lease.host}, since {since}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in a container
        return str(os.geteuid())
