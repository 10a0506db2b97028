"""Encoding and decoding one JSON line.

`import json` costs a hook as much as half a bare start of the interpreter (it pulls
in `re` and `enum`), so the scanner and the encoder beneath it are used directly where
the interpreter has them; `json` is the fallback.
"""

from __future__ import annotations

import os

from ..errors import InvalidEntryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model import SessionEntry

    Dumps = Callable[[object], str]
    Codec = tuple[Callable[[str, str], Dumps], Callable[[str, int], tuple[object, int]]]

MAX_ENTRY_BYTES = 64 * 1024
MAX_LINE_BYTES = 1 << 20  # no entry is that long, but a line of zeros may fill the disk
PADDING = " \t\r\n\0\ufeff"  # a power loss leaves NULs, an editor a byte order mark
# SystemError: up to Python 3.11 the scanner cannot raise its ValueError unless `json`
# has been imported, whose decoder defines it.
_NOT_JSON = (ValueError, StopIteration, RecursionError, SystemError)


def encode(entry: SessionEntry) -> bytes:
    """Return *entry* as one line of ASCII JSON, its newline included.

    Raises InvalidEntryError if it is not JSON (NaN, a set, a cycle) or longer than
    MAX_ENTRY_BYTES.
    """
    try:
        line = _dumps(entry).encode("ascii") + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidEntryError(f"the entry is not JSON: {error}") from None
    if len(line) > MAX_ENTRY_BYTES:
        raise InvalidEntryError(
            f"the entry is {len(line)} bytes as JSON, the limit is {MAX_ENTRY_BYTES}; "
            "keep the bulk in a file of your own and its path in the entry"
        )
    return line


def decode(line: bytes) -> SessionEntry | None:
    """Return the object in *line*, or None. No bytes make this raise."""
    try:
        text = line.decode("utf-8").strip(PADDING)
        value, end = _scan(text, 0)
    except _NOT_JSON:
        return None
    return value if end == len(text) and isinstance(value, dict) else None


def decode_all(lines: list[bytes]) -> list[SessionEntry | None]:
    """Return what `decode` returns for each of *lines*, in far less time and memory.

    All are scanned in one call, in which keys that recur are one object: 100 MB of
    entries load at 130 instead of 100 MB/s, into 3.2 times the memory instead of 4.4.
    A random text is put between each two lines. If all of them come back in their
    places, each line was one value; if not, the lines are decoded one by one.
    """
    mark = os.urandom(16).hex()
    try:
        text = f',"{mark}",'.encode().join(lines).decode("utf-8")
        values, end = _scan(f"[{text}]", 0)
    except _NOT_JSON:
        return [decode(line) for line in lines]
    if not (
        isinstance(values, list)
        and end == len(text) + len("[]")
        and len(values) == 2 * len(lines) - 1
        and values[1::2].count(mark) == len(lines) - 1
    ):
        return [decode(line) for line in lines]
    return [value if isinstance(value, dict) else None for value in values[::2]]


def _not_json(value: object) -> object:
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _c_codec() -> Codec:
    from _json import encode_basestring_ascii, make_encoder, make_scanner

    class Context:
        strict = True
        object_hook = object_pairs_hook = None
        parse_float = float
        parse_int = int
        parse_constant = staticmethod(_no_constant)

    def encoder(item_separator: str, key_separator: str) -> Dumps:
        # None: a circle is not looked for; it ends as what is nested too deeply does.
        forms = (None, _not_json, encode_basestring_ascii, None)
        separators = (key_separator, item_separator)
        encode = make_encoder(*forms, *separators, False, False, False)
        return lambda value: "".join(encode(value, 0))

    return encoder, make_scanner(Context())  # type: ignore[arg-type]  # any such object


def _stdlib_codec() -> Codec:
    import json

    def encoder(item_separator: str, key_separator: str) -> Dumps:
        separators = (item_separator, key_separator)
        return json.JSONEncoder(
            allow_nan=False, separators=separators, default=_not_json
        ).encode

    return encoder, json.JSONDecoder(parse_constant=_no_constant).raw_decode


try:
    encoder, _scan = _c_codec()
    if _scan(encoder(",", ":")({"a": [1, "é"]}), 0)[0] != {"a": [1, "é"]}:
        raise ValueError("the interpreter's scanner has changed")
except (ImportError, TypeError, ValueError, AttributeError):
    encoder, _scan = _stdlib_codec()
_dumps = encoder(",", ":")
