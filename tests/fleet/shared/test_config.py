"""Which server, and how to log in: from the environment, or from a file."""

from __future__ import annotations

import pytest

from lib.errors import UsageError
from lib.fleet.shared import config

SECRET = "s3cret-word"


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("URL", "USER", "PASSWORD", "CA"):
        monkeypatch.delenv(f"HEADCOUNT_REDIS_{name}", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(home, content, mode=0o600):
    path = home / ".config/headcount/redis.env"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)
    return path


def refusal(url=None):
    with pytest.raises(UsageError) as caught:
        config.load(url)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_find_is_none_where_nothing_names_a_server(home):
    assert config.find() is None
    assert "HEADCOUNT_REDIS_URL" in refusal()
    assert str(home / ".config/headcount/redis.env") in refusal()


def test_file_is_read_as_systemd_and_docker_read_it(home):
    path = write(
        home,
        "# of the team\n\nHEADCOUNT_REDIS_URL=rediss://redis.example:6380/2\n"
        "HEADCOUNT_REDIS_USER=web1\nHEADCOUNT_REDIS_PASSWORD=a=b#c d\n"
        "HEADCOUNT_REDIS_CA=/etc/ca.pem\nOTHER='x'\n",
    )
    found = config.load()
    assert found == config.Config(
        *("redis.example", 6380, "", 2, True),
        *("web1", "a=b#c d", "/etc/ca.pem", str(path)),
    )
    assert found.server == "rediss://redis.example:6380/2"


def test_environment_wins_over_the_file_as_a_whole(home, monkeypatch):
    """Else a URL that the settings of a repository set would get the password."""
    write(home, f"HEADCOUNT_REDIS_URL=redis://a\nHEADCOUNT_REDIS_PASSWORD={SECRET}\n")
    monkeypatch.setenv("HEADCOUNT_REDIS_URL", "redis://b")
    found = config.load()
    assert (found.host, found.password) == ("b", None)


def test_argument_names_the_server_for_the_password_in_the_file(home):
    write(home, f"HEADCOUNT_REDIS_URL=redis://a\nHEADCOUNT_REDIS_PASSWORD={SECRET}\n")
    found = config.load("redis://b")
    assert (found.host, found.password) == ("b", SECRET)


def test_argument_with_a_password_is_refused(home):
    said = refusal(f"redis://ada:{SECRET}@b")
    assert "HEADCOUNT_REDIS_PASSWORD" in said


def test_url_in_the_environment_may_have_the_password(home, monkeypatch):
    monkeypatch.setenv("HEADCOUNT_REDIS_URL", "redis://web1:p%40ss@b:1")
    found = config.load()
    assert (found.user, found.password) == ("web1", "p@ss")
    assert found.server == "redis://b:1"


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        pytest.param(f"PASSWORD={SECRET}", 0o640, "others can read", id="group-reads"),
        pytest.param(f"PASSWORD={SECRET}", 0o604, "others can read", id="others-read"),
        pytest.param(f"URL=redis://:{SECRET}@a", 0o644, "others can read", id="in-url"),
        pytest.param("URL=redis://a", 0o620, "others can change", id="group-writes"),
    ],
)
def test_file_that_others_can_use_is_refused(home, content, mode, said):
    path = write(home, f"HEADCOUNT_REDIS_{content}\n", mode)
    assert said in refusal("redis://a")
    assert f"chmod 600 {path}" in refusal("redis://a")


def test_file_without_a_password_may_be_read_by_others(home):
    write(home, "HEADCOUNT_REDIS_URL=redis://a\n", 0o644)
    assert config.load().host == "a"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(f'HEADCOUNT_REDIS_PASSWORD="{SECRET}"', id="quotes"),
        pytest.param(f"HEADCOUNT_REDIS_PASSWORD={SECRET}\\n", id="backslash"),
        pytest.param(f"HEADCOUNT_REDIS_PASS={SECRET}", id="unknown-name"),
        pytest.param("HEADCOUNT_REDIS_URL", id="no-value"),
    ],
)
def test_line_that_others_read_differently_is_refused(home, line):
    write(home, f"HEADCOUNT_REDIS_URL=redis://a\n{line}\n")
    assert "redis.env, line 2" in refusal()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("localhost:6379", id="no-scheme"),
        pytest.param("http://a", id="other-scheme"),
        pytest.param("redis://", id="no-host"),
        pytest.param("redis://a..b", id="not-a-host"),
        pytest.param("redis://a:99999", id="no-such-port"),
        pytest.param("redis://a/x", id="database-not-a-number"),
        pytest.param("rediss://a?ssl_cert_reqs=none", id="options-of-the-client"),
        pytest.param("unix://", id="no-path"),
        pytest.param("unix:///s?x=1", id="other-option"),
        pytest.param("redis://[::1", id="half-an-address"),
    ],
)
def test_url_that_names_no_server_is_refused(home, url):
    assert "not a valid URL" in refusal(url)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        pytest.param("redis://a", "redis://a:6379", id="defaults"),
        pytest.param("redis://[::1]:1/0", "redis://[::1]:1", id="address"),
        pytest.param("unix:///run/r%20s?db=3", "unix:///run/r s?db=3", id="socket"),
    ],
)
def test_server_is_the_url_without_what_is_secret(home, url, server):
    assert config.load(url).server == server


def test_ca_without_tls_is_refused(home, monkeypatch):
    monkeypatch.setenv("HEADCOUNT_REDIS_CA", "/etc/ca.pem")
    assert "rediss://" in refusal("redis://a")


@pytest.mark.parametrize(
    ("url", "exposed"),
    [
        pytest.param("redis://10.0.0.1", True, id="network"),
        pytest.param("rediss://10.0.0.1", False, id="tls"),
        pytest.param("redis://localhost", False, id="local"),
        pytest.param("unix:///run/redis", False, id="socket"),
    ],
)
def test_is_exposed_tells_whether_the_network_can_read_it(home, url, exposed):
    assert config.load(url).is_exposed is exposed
