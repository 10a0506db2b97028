"""Whether what another machine sent has the shape of docs/output.schema.json.

Of a session it admits the keys that are known here, each of the type that the schema
has, and of a length that a record would have. Anything else is an error of the host.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import HeadcountError
from ..record import schema
from ..store import paths
from ..views import session_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Check = Callable[[object], bool]
    Shape = Mapping[str, Check]

VERSION = 1  # `v` of the output that is understood here
MAX_TEXT = 4096
MAX_ITEMS = 1000
_MAX_NUMBER = 2**53
_MAX_MOMENT = 4e9  # in the year 2096
# The check of the value, or of each item, that is in one for a value that may be null,
# or for a list. With it, many values are checked in few calls.
OF_VALUE: dict[Check, Check] = {}
OF_ITEMS: dict[Check, Check] = {}


class InvalidOutputError(HeadcountError):
    """The output is not what `headcount` prints with --json."""


class OtherVersionError(InvalidOutputError):
    """The output is of another version."""


def output(text: bytes) -> dict[str, Any]:
    """Return the object in *text*, whose `v` is VERSION; raise InvalidOutputError."""
    try:
        content = json.loads(text.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise InvalidOutputError("its answer is not JSON") from None
    if not isinstance(content, dict) or not number(content.get("v")):
        raise InvalidOutputError("its answer is not that of headcount")
    if content["v"] != VERSION:
        raise OtherVersionError(
            f"its output has version {content['v']}, this headcount reads {VERSION}; "
            "update the older one"
        )
    return content


def sessions(content: dict[str, Any], shape: Shape) -> list[dict[str, Any]]:
    """Return the list `sessions`, of objects with the keys of *shape*.

    Raises InvalidOutputError.
    """
    found = content.get("sessions")
    if not isinstance(found, list):
        raise InvalidOutputError("its answer has no list of sessions")
    return [session(each, shape) for each in found]


def session(value: object, shape: Shape) -> dict[str, Any]:
    """Return the keys of *value* that *shape* has; raise InvalidOutputError."""
    if not isinstance(value, dict):
        raise InvalidOutputError("one of its sessions is not an object")
    for key in shape:
        if key in _REQUIRED and key not in value:
            raise InvalidOutputError(f"one of its sessions has no `{key}`")
    for key, is_valid in shape.items():
        if key in value and not is_valid(value[key]):
            raise InvalidOutputError(f"`{key}` of one of its sessions is not valid")
    if value["verdict"] == "alive" and value["state"] is None:
        raise InvalidOutputError("one of its sessions is alive, but has no `state`")
    # Where a session has no worktree, none is looked for on this machine.
    place = {"worktree": value["cwd"], "branch": None}
    return {**place, **{key: value[key] for key in shape if key in value}}


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


# ---- Types ----------------------------------------------------------------------


def text(value: object) -> bool:
    """Whether *value* is a text that is not too long."""
    return isinstance(value, str) and len(value) <= MAX_TEXT


def moment(value: object) -> bool:
    """Whether *value* is a time in epoch seconds that a clock can show."""
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return plain and 0 <= value <= _MAX_MOMENT  # type: ignore[operator]


def number(value: object) -> bool:
    """Whether *value* is a whole number that JSON can carry."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and -_MAX_NUMBER <= value <= _MAX_NUMBER  # type: ignore[operator]


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _count(value: object) -> bool:
    return number(value) and value >= 0  # type: ignore[operator]


def _amount(value: object) -> bool:
    return schema.amount_of(value) is not None


def _either(check: Check) -> Check:
    """Return the check of a value that may be null."""
    either: Check = lambda value: value is None or check(value)  # noqa: E731  # as below
    OF_VALUE[either] = check
    return either


def _one_of(*words: str | None) -> Check:
    return lambda value: (value is None or isinstance(value, str)) and value in words


def _list_of(check: Check) -> Check:
    is_list: Check = lambda value: (  # noqa: E731  # it is what this returns
        isinstance(value, list) and len(value) <= MAX_ITEMS and all(map(check, value))
    )
    OF_ITEMS[is_list] = check
    return is_list


def _many(check: Check) -> Check:
    """Return the check of a list of any length: the answer as a whole has a limit."""
    return lambda value: isinstance(value, list) and all(map(check, value))


def _object(shape: Shape, optional: tuple[str, ...] = ()) -> Check:
    return lambda value: (
        isinstance(value, dict)
        and all(key in value or key in optional for key in shape)
        and all(check(value[key]) for key, check in shape.items() if key in value)
    )


_OPTIONAL_TEXT = _either(text)
_STATE = _one_of(*schema.STATES, None)
_PROCESS = _object(
    {
        "pid": number,
        "state": _one_of(*schema.STATES),
        **dict.fromkeys(("process", "host", "machine", "state_since"), text),
    },
    ("state", "process", "host", "machine", "state_since"),
)
_RELATIVE = _object(
    {
        "session_id": text,
        "how": _one_of("cleared", "forked", "resumed"),
        "label": _OPTIONAL_TEXT,
        "on_record": _flag,
        "archived": _flag,
    }
)
_MOMENT = _object(
    {
        **dict.fromkeys(("from", "to", "last_heartbeat", "text"), _OPTIONAL_TEXT),
        "what": text,
        "heartbeats": _count,
    }
)
_PLACE = _object(
    {"pid": number, **dict.fromkeys(("terminal", "tty", "tmux"), _OPTIONAL_TEXT)}
)

# The keys of a session, as `list --json` prints it.
SESSION: Shape = {
    "session_id": paths.is_session_id,
    "verdict": _one_of(*schema.VERDICTS, None),
    "reasons": _list_of(text),
    "state": _STATE,
    "waiting_for": _one_of(*schema.WAITS, "trust", None),
    "stopped": _flag,
    "pid": _either(number),
    "name_source": _one_of("user", "client", None),
    "archived": _flag,
    "path": text,
    "tasks": _list_of(lambda _: True),
    "others": _list_of(_PROCESS),
    "processes": _list_of(number),
    "same_worktree": _list_of(text),
    "same_worktree_count": _count,
    "cost_usd": _amount,
    "context_percent": _amount,
    **dict.fromkeys(
        (
            *("state_since", "cwd", "label", "name", "start_time", "last_heartbeat"),
            *("worktree", "subfolder", "branch"),
        ),
        _OPTIONAL_TEXT,
    ),
    **dict.fromkeys(
        (
            *("process", "host", "machine", "source", "close_reason", "project_dir"),
            *("transcript_path", "entrypoint", "client_version"),
            *("previous_session_id", "usage_time"),
        ),
        text,
    ),
}
# Those of `show --json`.
DETAILS: Shape = {
    **SESSION,
    "predecessors": _list_of(_RELATIVE),
    "successors": _list_of(_RELATIVE),
    "modified": _either(_flag),
    "open_in": _list_of(_PLACE),
    "resume": _OPTIONAL_TEXT,
    "timeline": _many(_MOMENT),
    "other_entries": lambda value: (
        isinstance(value, dict) and all(map(_count, value.values()))
    ),
    "entries": _many(lambda value: isinstance(value, dict)),
}
# Those of `recover --json`.
UNCLEAN: Shape = {
    **SESSION,
    "boot": _OPTIONAL_TEXT,
    "resume": _OPTIONAL_TEXT,
    **dict.fromkeys(("folder_gone", "transcript_gone", "headless", "judged"), _flag),
}
_REQUIRED = {*DETAILS, *UNCLEAN} - {*SESSION} | {*session_view.KEYS}
