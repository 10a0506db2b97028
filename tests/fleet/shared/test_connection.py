"""Errors of a real server, each as one that says what to do."""

from __future__ import annotations

import contextlib
import subprocess
import time

import pytest
from fleet.redis_server import free_port

from lib.errors import HeadcountError, UsageError
from lib.fleet.shared.config import Config
from lib.fleet.shared.connection import Connection, ServerError


def settings(port, **changes):
    here = Config("127.0.0.1", port, "", 0, False, None, None, None, source="here")
    return here._replace(**changes)


def refusal(port, command=("PING",), **changes):
    with (
        Connection(settings(port, **changes), "share through") as connection,
        pytest.raises(ServerError) as caught,
        connection.client() as client,
    ):
        client.execute_command(*command)
    return str(caught.value), caught.value.is_temporary


def test_client_talks_to_the_server(redis_server):
    with (
        Connection(settings(redis_server.port), "share through") as connection,
        connection.client() as client,
    ):
        assert client.ping()


def test_server_that_is_away_is_a_temporary_error_that_names_it():
    port = free_port()
    said, is_temporary = refusal(port)
    assert said.startswith(f"cannot share through redis://127.0.0.1:{port}: ")
    assert "Connection refused" in said
    assert is_temporary


def test_password_that_is_wrong_is_not_printed(own_redis):
    server = own_redis("--requirepass", "right")
    said, is_temporary = refusal(server.port, password="wrong-word")
    assert "does not let in the default user with the password from here" in said
    assert "wrong-word" not in said
    assert not is_temporary
    assert "with no password from here" in refusal(server.port)[0]


def test_acl_that_forbids_a_command_is_named(own_redis):
    server = own_redis("--user", "web1", "on", ">word", "~mine:*", "+get")
    login = {"user": "web1", "password": "word"}
    said, is_temporary = refusal(server.port, ("GET", "other:a"), **login)
    assert "its ACL forbids it" in said
    assert not is_temporary
    assert "its ACL forbids it" in refusal(server.port, ("PING",), **login)[0]


def test_full_server_is_a_temporary_error(own_redis):
    server = own_redis("--maxmemory", "1", "--maxmemory-policy", "noeviction")
    assert refusal(server.port, ("SET", "a", "b"))[1]


def test_socket_that_is_missing_is_named(tmp_path):
    path = str(tmp_path / "socket")
    said, is_temporary = refusal(0, host="", path=path)
    assert f"unix://{path}" in said
    assert is_temporary


def test_node_of_a_cluster_that_has_the_keys_is_named(own_redis):
    buses = [free_port(), free_port()]
    one, other = (
        own_redis("--cluster-enabled", "yes", "--cluster-port", str(bus))
        for bus in buses
    )
    last = 16_383  # of the slots; `a` is in 15495
    with contextlib.closing(one.client()) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, last // 2)
        where = ("127.0.0.1", other.port, buses[1])
        client.execute_command("CLUSTER", "MEET", *where)
    with contextlib.closing(other.client()) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", last // 2 + 1, last)
    is_temporary = True
    while is_temporary:  # until the two know each other
        time.sleep(0.05)
        said, is_temporary = refusal(one.port, ("GET", "a"))
    assert f"these keys are on 127.0.0.1:{other.port}; name that node" in said


def test_connection_lost_in_a_transaction_is_an_error_of_the_server(own_redis):
    """The client says then what it says of a transaction that was refused."""
    server = own_redis()

    def write(connection):
        with connection.watching("a") as transaction:
            transaction.multi()
            transaction.set("a", "b")
            server.kill()
            transaction.execute()

    with Connection(settings(server.port), "share through") as connection:
        with pytest.raises(ServerError) as caught:
            write(connection)
        assert caught.value.is_temporary


# ---- TLS ------------------------------------------------------------------------


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def make_authority(folder, name):
    openssl(
        folder,
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}"),
    )
    return str(folder / f"{name}.pem")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """An authority with a certificate for 127.0.0.1, and another authority."""
    folder = tmp_path_factory.mktemp("tls")
    make_authority(folder, "ours")
    make_authority(folder, "other")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl(
        folder,
        *("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key"),
        *("-out", "server.csr", "-subj", "/CN=redis"),
    )
    openssl(
        folder,
        *("x509", "-req", "-in", "server.csr", "-CA", "ours.pem", "-CAkey"),
        *("ours.key", "-CAcreateserial", "-days", "2", "-extfile", "names"),
        *("-out", "server.pem"),
    )
    return folder


@pytest.fixture
def tls_port(own_redis, certificates):
    port = free_port()
    own_redis(
        *("--tls-port", str(port), "--tls-auth-clients", "no"),
        *("--tls-cert-file", str(certificates / "server.pem")),
        *("--tls-key-file", str(certificates / "server.key")),
        *("--tls-ca-cert-file", str(certificates / "ours.pem")),
    )
    return port


def test_tls_with_a_private_authority_works(tls_port, certificates):
    trusted = settings(tls_port, tls=True, ca=str(certificates / "ours.pem"))
    with Connection(trusted, "share through") as link, link.client() as client:
        assert client.ping()


@pytest.mark.parametrize("ca", ["other.pem", None], ids=["other-ca", "system"])
def test_tls_with_a_certificate_that_is_not_trusted_is_refused(
    tls_port, certificates, ca
):
    path = ca and str(certificates / ca)
    said, is_temporary = refusal(tls_port, tls=True, ca=path)
    assert "its certificate is not trusted" in said
    assert "HEADCOUNT_REDIS_CA" in said
    assert not is_temporary


def test_tls_with_a_certificate_for_another_name_is_refused(tls_port, certificates):
    ca = str(certificates / "ours.pem")
    said, _ = refusal(tls_port, host="localhost", tls=True, ca=ca)
    assert "its certificate is not trusted" in said
    assert "localhost" in said


def test_ca_that_cannot_be_read_is_named(tmp_path):
    missing = str(tmp_path / "ca.pem")
    with pytest.raises(UsageError, match=missing):
        Connection(settings(1, tls=True, ca=missing), "share through")


def test_package_that_is_missing_is_named_with_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(HeadcountError, match="pip install redis"):
        Connection(settings(1), "share through")
