"""Identifies this machine, whatever its name: names change, and repeat."""

from __future__ import annotations

from . import private, proc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Of Headcount alone: other programs derive other ids from the same machine id.
APPLICATION_ID = bytes.fromhex("c4c7fd33415d4b5ab40ad462113e5502")
MACHINE_ID_FILE = "/etc/machine-id"
_HEX_DIGITS = 32
_BLOCK_BYTES = 64  # of SHA-256
_FIRST_PID_NAMESPACE = str(0xEFFFFFFC)  # the kernel's own, on every Linux
_MAX_WAIT_NANOSECONDS = 100_000_000
_IDS: list[str | None] = []  # as read once


def machine_id() -> str | None:
    """Return what identifies this machine permanently, 32 hex digits.

    It is derived from the system's machine id as `sd_id128_get_machine_app_specific`
    does, so that this cannot be found out from it. None without one, and in containers:
    those of one image may have the same.
    """
    if not _IDS:
        system_id = _system_id()
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


def _system_id() -> str | None:
    """Return the system's own id, 32 hex digits; None if it has no valid one."""
    if not proc.READS_PROC:
        text = _hardware_uuid()
    elif proc.pid_namespace() == _FIRST_PID_NAMESPACE:
        text = _content(MACHINE_ID_FILE)
    else:
        text = ""  # of a container
    try:
        return text if len(text) == _HEX_DIGITS and int(text, 16) else None
    except ValueError:
        return None


def _content(path: str) -> str:
    try:
        return private.read_regular(path, _HEX_DIGITS + 1).decode().strip()
    except (OSError, ValueError):
        return ""


def _hardware_uuid() -> str:
    """Return the hardware's UUID as macOS gives it, gethostuuid(2); else ""."""
    try:
        import ctypes

        call = ctypes.CDLL(None).gethostuuid
    except (ImportError, AttributeError, OSError):
        return ""  # not macOS
    uuid = (ctypes.c_ubyte * (_HEX_DIGITS // 2))()
    longest_wait = (ctypes.c_long * 2)(0, _MAX_WAIT_NANOSECONDS)  # a struct timespec
    return "" if call(uuid, longest_wait) else bytes(uuid).hex()
