"""Identifies this machine, whatever its name: names change, and repeat."""

from __future__ import annotations

import os

from . import private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Of Headcount alone: other programs derive other ids from the same machine id.
APPLICATION_ID = bytes.fromhex("c4c7fd33415d4b5ab40ad462113e5502")
MACHINE_ID_FILE = "/etc/machine-id"
_HEX_DIGITS = 32
_BLOCK_BYTES = 64  # of SHA-256
_FIRST_PID_NAMESPACE = 0xEFFFFFFC  # the kernel's own, on every Linux
_IDS: list[str | None] = []  # as read once


def machine_id() -> str | None:
    """Return what identifies this machine permanently, 32 hex digits.

    It is derived from the system's machine id as `sd_id128_get_machine_app_specific`
    does, so that this cannot be found out from it. None without one, and in containers:
    those of one image may have the same.
    """
    if not _IDS:
        system_id = None if _is_container() else _read()
        _IDS.append(system_id and derive(system_id, APPLICATION_ID))
    return _IDS[0]


def derive(system_id: str, application_id: bytes) -> str:
    """Return the HMAC-SHA256 of *application_id* keyed by *system_id*, as a UUID."""
    key = bytes.fromhex(system_id).ljust(_BLOCK_BYTES, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in key) for pad in (0x36, 0x5C))
    sha256 = _sha256()
    digest = sha256(outer + sha256(inner + application_id).digest()).digest()
    uuid = bytearray(digest[: _HEX_DIGITS // 2])
    uuid[6] = uuid[6] & 0x0F | 0x40
    uuid[8] = uuid[8] & 0x3F | 0x80
    return uuid.hex()


def _sha256() -> Any:  # noqa: ANN401  # hashlib's type is a private one
    """Return the constructor: `hashlib` loads OpenSSL, which takes 5 ms."""
    for name in ("_sha2", "_sha256"):  # from Python 3.12 on, and before
        try:
            return __import__(name).sha256
        except ImportError:
            continue
    import hashlib

    return hashlib.sha256


def _is_container() -> bool:
    try:
        return os.stat("/proc/self/ns/pid").st_ino != _FIRST_PID_NAMESPACE
    except OSError:
        return True


def _read() -> str | None:
    try:
        text = private.read_regular(MACHINE_ID_FILE, _HEX_DIGITS + 1).decode().strip()
        return text if len(text) == _HEX_DIGITS and int(text, 16) else None
    except (OSError, ValueError):
        return None
