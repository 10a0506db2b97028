"""A connection to the server, and each of its errors as one that says what to do."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from ...checkout import IS_PACKAGE
from ...errors import HeadcountError, UsageError
from ...text import printable
from . import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from .config import Config

_CONNECT_SECONDS, _REPLY_SECONDS = 3, 5
_MAX_MESSAGE = 200
# What the server calls states that pass, where the library has no class for them. Old
# versions of it have those of a cluster for its own cluster client only.
_PASSING = (
    *("MISCONF", "BUSY", "NOREPLICAS"),
    *("CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "ASK "),
)


class ServerError(HeadcountError):
    """The server cannot be reached, or did not do what was asked of it.

    *is_temporary*: it may do so later, although nobody changes the configuration.
    """

    def __init__(self, message: str, *, is_temporary: bool) -> None:
        super().__init__(message)
        self.is_temporary = is_temporary


class TransactionRefusedError(Exception):
    """The server did nothing, since what was watched has changed."""


class Connection:
    """A connection to a server, made when it is needed; closed by a `with` block.

    *tried* says what it is for, such as "share through", for messages. `number` says
    how often it has been made: if that has changed, the server may have been restarted.
    """

    def __init__(self, settings: Config, tried: str) -> None:
        """Raise HeadcountError if the package `redis` is missing, or the CA's file."""
        self.settings = settings
        self._tried = tried
        if settings.ca and not os.access(settings.ca, os.R_OK):
            raise UsageError(
                f"cannot read {settings.ca}, which {config.CA} in {settings.source} "
                "names; it is to be the certificate of an authority, as PEM"
            )
        self.number = 0
        self._client = _client(settings, self._set_up)

    def __enter__(self) -> Connection:  # noqa: PYI034  # Self is not in 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it; the next use makes another one."""
        self._client.connection_pool.disconnect()

    @contextlib.contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """Give the client, whose replies are bytes. Raises ServerError.

        Nothing is sent a second time by the client: a transaction whose reply was lost
        may have been done.
        """
        from redis.exceptions import RedisError, WatchError

        try:
            yield self._client
        except WatchError as error:
            lost = error.__context__  # it also says so if the connection was lost
            if not isinstance(lost, RedisError):
                raise TransactionRefusedError from None
            raise self._explained(lost) from None
        except RedisError as error:
            self.close()
            raise self._explained(error) from None

    @contextlib.contextmanager
    def watching(self, key: str) -> Iterator[redis.client.Pipeline]:
        """Give a transaction that is refused if *key* has changed since.

        What is asked before its `multi` is answered at once. Raises ServerError, and
        TransactionRefusedError.
        """
        with self.client() as client, client.pipeline() as transaction:
            transaction.watch(key)  # type: ignore[no-untyped-call]
            yield transaction

    def _set_up(self, connection: redis.connection.Connection) -> None:
        self.number += 1
        connection.on_connect()  # type: ignore[no-untyped-call]  # logs in

    def _explained(self, error: redis.RedisError) -> ServerError:
        reason, is_temporary = _reason(error, self.settings)
        message = f"cannot {self._tried} {self.settings.server}: {reason}"
        return ServerError(message, is_temporary=is_temporary)


def _client(settings: Config, set_up: Callable[..., None]) -> redis.Redis:
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as error:
        raise HeadcountError(_missing(error.name)) from None
    return redis.Redis(
        host=settings.host,
        port=settings.port,
        unix_socket_path=settings.path or None,
        db=settings.database,
        username=settings.user,
        password=settings.password,
        ssl=settings.tls,
        ssl_check_hostname=True,
        ssl_ca_certs=settings.ca,
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_timeout=_REPLY_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        redis_connect_func=set_up,
        protocol=2,  # what every server speaks
    )


def _missing(name: str | None) -> str:
    here = sys.executable
    pipx = ", or `pipx inject headcount redis`" * IS_PACKAGE
    return (
        f"this needs the package {name}, which {here} does not have; install it with "
        f"`{here} -m pip install redis` or `uv pip install --python {here} redis`{pipx}"
    )


def _reason(error: redis.RedisError, settings: Config) -> tuple[str, bool]:
    """Return what went wrong and what to do, and whether it may pass on its own."""
    from redis import exceptions as kinds

    # In a transaction, the text before this has the command and what it was to write.
    text = str(error).rpartition("caused error: ")[2]
    said = printable(text, _MAX_MESSAGE)
    lasting = _lasting_reason(error, said, settings)
    if lasting is not None:
        return lasting, False
    if isinstance(error, kinds.TimeoutError):
        return f"no reply within {_REPLY_SECONDS} s", True
    if isinstance(error, kinds.ConnectionError) and " connecting to " in said:
        why = said.partition(". ")[2].rstrip(".") or said
        return f"{why} (is it running, and does a firewall let you through?)", True
    passing = (
        *(kinds.ConnectionError, kinds.OutOfMemoryError, kinds.ReadOnlyError),
        *(kinds.MasterDownError, kinds.ClusterDownError, kinds.TryAgainError),
        *(kinds.ExecAbortError, kinds.AskError),
    )
    return said, isinstance(error, passing) or said.startswith(_PASSING)


def _lasting_reason(error: redis.RedisError, said: str, settings: Config) -> str | None:
    """Return what a person has to change, and how; None if that is not the reason."""
    from redis import exceptions as kinds

    if isinstance(error, kinds.AuthenticationError):
        user = f"user {settings.user}" if settings.user else "the default user"
        given = "the password" if settings.password else "no password"
        return f"it does not let in {user} with {given} from {settings.source} ({said})"
    if isinstance(error, kinds.NoPermissionError):
        return f"its ACL forbids it ({said}); docs/fleet.md has the rules"
    if isinstance(error, kinds.MovedError):
        node = f"{error.host}:{error.port}"
        return f"in its cluster these keys are on {node}; name that node"
    if certificate := _certificate_problem(error):
        reason = f"its certificate is not trusted ({certificate}); {config.CA} names "
        return f"{reason}the file with the certificate of its authority"
    return None


def _certificate_problem(error: BaseException | None) -> str | None:
    """Return why the certificate of the server was refused; None if it was not."""
    import ssl

    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return None
