"""Runs `headcount` on many hosts at once, through the user's own ssh.

Nothing here waits for a person: ssh never asks (BatchMode, and no terminal to ask on).
What a host sends is bounded in size and in time, and is only bytes to this module.
Connections stay open for a while, so that the next question does without a handshake.
Options are those of ssh_config(5).
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from ..errors import HeadcountError
from ..system import shell
from . import folders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

MAX_SECONDS = 3.0  # for each host, from the start of ssh to the end of the answer
MAX_BYTES = 4 << 20
SSH_FAILED = 255  # the exit code of ssh(1) for an error of its own
NO_COMMAND = 127  # that of sh(1) for a command that is not found
_CONNECT_SECONDS = 2
_MAX_MESSAGE = 4096
_CHUNK = 1 << 16
_AT_ONCE = 64
_PERSIST_SECONDS = 300
# A socket's path has at most 104 bytes on macOS; ssh adds 17 while it creates one.
_MAX_SOCKET_PATH = 104 - 17 - 1
_DIGITS = 16  # of the hash of a host's name, in the name of its socket
_TOO_LATE = f"no answer within {MAX_SECONDS:g} s"
TOO_LONG = f"its answer is longer than {MAX_BYTES >> 20} MiB"
# A shell that is not a login shell may lack the folder that `headcount` is in. The
# hosts of that host are not asked: two that name each other would never end.
_REMOTE = (
    "PATH=$PATH:$HOME/.local/bin:/usr/local/bin:/opt/homebrew/bin; export PATH; "
    'unset HEADCOUNT_HOSTS; exec headcount "$0" "$@"'
)


class Reply(NamedTuple):
    """What a host sent.

    *code* is the exit code of ssh, which is that of the command on the host; None if
    the answer was too long, or had not ended in time: *problem* says so.
    """

    host: str
    code: int | None
    output: bytes
    message: bytes
    problem: str = ""


def ask(hosts: Sequence[str], words: Sequence[str]) -> list[Reply]:
    """Return what `headcount *words*` prints on each of *hosts*, in their order.

    It takes at most MAX_SECONDS for every _AT_ONCE hosts. Raises HeadcountError if
    this machine has no ssh.
    """
    if not hosts:
        return []
    with ThreadPoolExecutor(min(len(hosts), _AT_ONCE)) as pool:
        return list(pool.map(lambda host: _ask(host, words), hosts))


def attach(host: str, words: Sequence[str]) -> None:
    """Run `headcount *words*` on *host* in this terminal; this does not return.

    Raises HeadcountError if ssh cannot be run.
    """
    command = _command(host, words, ["-t"])
    try:
        os.execvp(command[0], command)  # noqa: S606  # no shell
    except OSError as error:
        raise _no_ssh(error) from None


def _command(host: str, words: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return the command for ssh; `--` before the host, which is never an option."""
    remote = shell.command("sh", "-c", _REMOTE, *words)
    if remote is None:
        raise HeadcountError("SESSION has characters that are not safe to send")
    return ["ssh", *options, *_options(host), "--", host, remote]


def _options(host: str) -> list[str]:
    settings = {
        "BatchMode": "yes",  # no question: not for a password, nor for a new host key
        "ConnectTimeout": str(_CONNECT_SECONDS),
        "ConnectionAttempts": "1",
        "ServerAliveInterval": "5",  # a shared connection that is dead goes away
        "ServerAliveCountMax": "2",
        "ClearAllForwardings": "yes",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "PermitLocalCommand": "no",
        "RemoteCommand": "none",
        "LogLevel": "ERROR",
        **_sharing(host),
    }
    return [word for key, text in settings.items() for word in ("-o", f"{key}={text}")]


def _sharing(host: str) -> dict[str, str]:
    """Return the settings by which commands for *host* share one connection.

    They share none where the socket cannot be in a folder of this user alone, or its
    path is too long.
    """
    import hashlib

    name = f"{os.uname().nodename} {host}"
    try:
        with folders.opened("ssh") as folder:
            digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]
            path = os.path.join(folder.path, digest)
    except OSError:
        path = ""
    plain = path.replace("/", "").replace(".", "").replace("-", "").replace("_", "")
    if not plain.isalnum() or len(os.fsencode(path)) > _MAX_SOCKET_PATH:
        return {"ControlMaster": "no", "ControlPath": "none"}
    persist = {"ControlPersist": str(_PERSIST_SECONDS)}
    return {"ControlMaster": "auto", "ControlPath": path, **persist}


def _no_ssh(error: OSError) -> HeadcountError:
    return HeadcountError(f"cannot run ssh: {error.strerror}; install OpenSSH's client")


# ---- One host -------------------------------------------------------------------


def _ask(host: str, words: Sequence[str]) -> Reply:
    deadline = time.monotonic() + MAX_SECONDS
    try:
        process = subprocess.Popen(  # noqa: S603  # a list of arguments, without a shell
            _command(host, words, ["-T"]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Without a terminal, which a ssh that ssh itself starts could ask on.
            start_new_session=True,
            env={**os.environ, "SSH_ASKPASS_REQUIRE": "never"},
        )
    except OSError as error:
        raise _no_ssh(error) from None
    with process:
        try:
            return _reply(host, process, deadline)
        finally:
            _end(process)


def _reply(host: str, process: subprocess.Popen[bytes], deadline: float) -> Reply:
    output, message, problem = _read(process.stdout, process.stderr, deadline)  # type: ignore[arg-type]  # both are pipes
    code = None
    if not problem:
        try:
            code = process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            problem = _TOO_LATE
    return Reply(host, code, output, message, problem)


def _read(
    stdout: IO[bytes], stderr: IO[bytes], deadline: float
) -> tuple[bytes, bytes, str]:
    """Return what came on stdout and on stderr, and why reading ended early, if so.

    Of stderr only the beginning is kept. The connection that stays open may hold it,
    so the end of stdout is the end of the answer.
    """
    output, message = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ, output)
        selector.register(stderr, selectors.EVENT_READ, message)
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, _CHUNK)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            del message[_MAX_MESSAGE:]
            if len(output) > MAX_BYTES:
                return b"", bytes(message), TOO_LONG
            if stdout not in selector.get_map():
                message += _rest(stderr)
                return bytes(output), bytes(message[:_MAX_MESSAGE]), ""
    return b"", bytes(message), _TOO_LATE


def _rest(stream: IO[bytes]) -> bytes:
    """Return what can be read from *stream* without waiting."""
    os.set_blocking(stream.fileno(), False)
    try:
        return os.read(stream.fileno(), _MAX_MESSAGE)
    except BlockingIOError:
        return b""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that has not ended, and what it has started."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
