"""Headcount: one durable record for every Claude Code session on a machine.

`sessions` is the front door; the other modules serve it. The package is `lib` in
a checkout and `headcount` when installed with pip: the same modules. Its functions for
other programs, such as `headcount.live`, are those of `api`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .api import (
        Change,
        Session,
        append,
        current,
        entries,
        get,
        live,
        wait_for,
        waiting,
        watch,
    )

__version__ = "0.1.0"
__all__ = [
    "Change",
    "Session",
    "append",
    "current",
    "entries",
    "get",
    "live",
    "wait_for",
    "waiting",
    "watch",
]


def __getattr__(name: str) -> object:
    """Import the functions for other programs when one of them is used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import api

    return getattr(api, name)
