"""Sessions as columns, and back: for each key the list of its values.

Most values are those of many sessions. Here each is parsed and checked once, so that
50,000 sessions can be read in half a second.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from ...store import paths
from ...views import neighbours, session_view
from .. import validate
from ..validate import InvalidOutputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...views.session_view import SessionView
    from ..validate import Check

MAX_SESSIONS = 10_000
_MAX_REPEATED = 16 << 20  # characters of texts that all sessions have
_IDS, _LINKS, _PROCESSES = "session_id", "same_worktree", "processes"
_ALWAYS = (*session_view.KEYS, "worktree", "branch")  # even if it is null
_UUID = "00000000-0000-0000-0000-000000000000"
_TO_ZERO = str.maketrans("123456789abcdef", "0" * 15)
_EMPTY: tuple[object, ...] = (None, [], {})


class Columns(NamedTuple):
    """Sessions by key.

    *columns* has the values of a key, one for each session, None for one without the
    key; or the name of a column that is equal. *same* has the value of a key that is
    the same for all. The other sessions of a worktree are not named by their ids, but
    counted from 0. `processes` is missing if each live session has only its own.
    """

    same: dict[str, Any]
    columns: dict[str, list[Any] | str]


def of(sessions: Sequence[SessionView]) -> Columns:
    """Return *sessions* as columns; None also stands for what is empty, if it can."""
    keys = dict.fromkeys(key for session in sessions for key in session)
    columns = {key: [_value(key, session) for session in sessions] for key in keys}
    numbers = {session_id: n for n, session_id in enumerate(columns.get(_IDS, ()))}
    columns[_LINKS] = [
        [numbers[session_id] for session_id in ids if session_id in numbers]
        for ids in (session.get("same_worktree", []) for session in sessions)
    ]
    if columns.get(_PROCESSES) == [_own_process(each) for each in sessions]:
        del columns[_PROCESSES]
    varied = {k: columns[k] for k in columns if k == _IDS or not _is_same(columns[k])}
    same = {k: columns[k][0] for k in columns if k not in varied and sessions}
    first: dict[str, str] = {}
    names = {key: first.setdefault(repr(column), key) for key, column in varied.items()}
    return Columns(
        same, {k: c if names[k] == k else names[k] for k, c in varied.items()}
    )


def _value(key: str, session: SessionView) -> object:
    value = session.get(key)
    return None if value in _EMPTY and key not in session_view.KEYS else value


def _own_process(session: Mapping[str, Any]) -> list[int] | None:
    """Return `processes` of a session that nobody else has open."""
    is_open = session["verdict"] == "alive" and session["pid"] is not None
    return [session["pid"]] if is_open else None


def _is_same(column: list[Any]) -> bool:
    """Whether one value stands for all. A list does not: each session has its own."""
    is_list = any(isinstance(value, (list, dict)) for value in column)
    return not is_list and len({repr(value) for value in column}) <= 1


# ---- Sessions -------------------------------------------------------------------


def sessions(same: Any, columns: Any, on: str) -> list[dict[str, Any]]:  # noqa: ANN401  # JSON
    """Return the sessions of two JSON objects that may be those of `Columns`.

    Each is what `validate.session` returns, and *on* that host. Raises
    InvalidOutputError.
    """
    if not (isinstance(same, dict) and isinstance(columns, dict)):
        raise InvalidOutputError("it shares no sessions")
    known = {k: _named(columns[k], columns) for k in validate.SESSION if k in columns}
    ids = known.get(_IDS, [])
    if any(not isinstance(c, list) or len(c) != len(ids) for c in known.values()):
        raise InvalidOutputError("the columns that it shares do not match")
    if not ids:
        return []
    common = dict.fromkeys(_ALWAYS)
    alike = [key for key in validate.SESSION if key in same and key not in known]
    common.update((key, same[key]) for key in alike)
    _check_size(common, len(ids))
    if "worktree" not in {*known, *same}:  # as in `validate.session`
        known["worktree"] = known.get("cwd", [common["cwd"]] * len(ids))
    if _LINKS in known:
        known[_LINKS] = _linked(known[_LINKS], ids)
    _check_all(common, known)
    common = {k: v for k, v in common.items() if v is not None or k in _ALWAYS}
    return _combined({"on": on, **common}, known, len(ids))


def _named(column: object, columns: dict[str, Any]) -> Any:  # noqa: ANN401  # JSON
    """Return the column that a text in the place of a *column* names."""
    return columns.get(column) if isinstance(column, str) else column


def _linked(column: list[Any], ids: list[Any]) -> list[Any]:
    """Return the lists of *column* with the ids of the sessions that they count."""
    try:
        if max(map(len, column)) > neighbours.MAX_NAMED:
            raise InvalidOutputError("it names too many sessions of a worktree")
        return [[*map(ids.__getitem__, links)] for links in column]
    except (IndexError, TypeError):
        raise InvalidOutputError("a session that it names is missing") from None


def _combined(
    common: dict[str, Any], columns: Mapping[str, list[Any]], number: int
) -> list[dict[str, Any]]:
    """Return *number* sessions with the values in *common* and *columns*."""
    found = [common.copy() for _ in range(number)]
    for key, column in columns.items():
        for session, value in zip(found, column):  # noqa: B905  # checked, and slower
            if value is not None:
                session[key] = value
    if _PROCESSES not in columns:
        for session in found:
            session[_PROCESSES] = _own_process(session) or []
    return found


# ---- Checks ---------------------------------------------------------------------


def _check_size(common: Mapping[str, Any], number: int) -> None:
    """Raise InvalidOutputError if a small value would become a large list."""
    values = common.values()
    length = sum(len(value) for value in values if isinstance(value, str))
    if number > MAX_SESSIONS or length * number > _MAX_REPEATED:
        raise InvalidOutputError("it shares too many sessions")
    if any(isinstance(value, (list, dict)) for value in values):
        raise InvalidOutputError("its sessions have one list in common")


def _check_all(common: Mapping[str, Any], columns: Mapping[str, list[Any]]) -> None:
    """Raise InvalidOutputError for a value that is not valid."""
    for key in common.keys() - columns.keys():
        if common[key] is not None or key in session_view.KEYS:
            _check(key, [common[key]])
    for key, column in columns.items():
        _check(key, column)
    number = len(columns[_IDS])
    verdicts = columns.get("verdict", [common["verdict"]] * number)
    states = columns.get("state", [common["state"]] * number)
    if ("alive", None) in zip(verdicts, states, strict=True):
        raise InvalidOutputError("one of its sessions is alive, but has no `state`")


def _check(key: str, column: list[Any]) -> None:
    check = validate.SESSION[key]
    plain = validate.OF_VALUE.get(check, check)
    if plain is validate.text and _are_texts(column):
        return
    can_be_null = key not in session_view.KEYS or check is not plain
    if can_be_null and None in column:
        column = [value for value in column if value is not None]
    if not _all(plain, column):
        raise InvalidOutputError(f"`{key}` of one of its sessions is not valid")


def _all(check: Check, values: list[Any]) -> bool:
    """Whether all *values* pass the *check*, with as few calls of it as that takes."""
    types = set(map(type, values))
    if check in validate.OF_ITEMS and types == {list}:
        longest = max(map(len, values))
        items = [*chain.from_iterable(values)]
        return longest <= validate.MAX_ITEMS and _all(validate.OF_ITEMS[check], items)
    if check is validate.text:
        return _are_texts(values)
    if types == {str} and check is paths.is_session_id and _are_uuids(values):
        return True
    if types in ({int}, {float}):  # a number is checked for its range
        values = [min(values), max(values)]
    elif types <= {str, type(None)}:
        values = [*set(values)]
    return all(map(check, values))


def _are_texts(values: list[Any]) -> bool:
    try:
        together = len("".join(values))
    except TypeError:
        return False
    return together <= validate.MAX_TEXT or max(map(len, values)) <= validate.MAX_TEXT


def _are_uuids(values: list[str]) -> bool:
    """Whether all *values* are ids as of Claude Code, which differ only in digits."""
    same_length = set(map(len, values)) == {len(_UUID)}
    return same_length and "".join(values).translate(_TO_ZERO) == _UUID * len(values)
