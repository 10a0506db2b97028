"""The names of keys, and the lease."""

from __future__ import annotations

import json

import pytest

from lib.fleet import validate
from lib.fleet.shared import keys, lease

STORE = "0123456789abcdef" * 2
LEASE = lease.Lease("s", "web1", "m", "ada", 4211, "linux:1", "0.1.0", 1_790_000_000.5)


def test_keys_of_a_store_have_one_hash_tag():
    assert keys.of(STORE) == tuple(
        f"hc1:{{{STORE}}}:{name}" for name in ("lease", "now", "log", "cursor")
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param(keys.of(STORE).now, STORE, id="store"),
        pytest.param(keys.of(STORE).log, None, id="other-key"),
        pytest.param(f"{STORE}:now", None, id="no-prefix"),
        pytest.param(STORE, None, id="store-alone"),
        pytest.param(keys.of("../" + STORE[3:]).now, None, id="path"),
        pytest.param(keys.of(STORE.upper()).now, None, id="capitals"),
        pytest.param("hc1:{\xff}:now", None, id="bytes"),
    ],
)
def test_store_of_a_key_is_one_that_the_key_is_made_of(key, expected):
    assert keys.store_of(key.encode("latin-1")) == expected


def test_lease_is_as_it_was_encoded():
    assert lease.decode(lease.encode(LEASE)) == LEASE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("v", 2, id="version"),
        pytest.param("host", None, id="host"),
        pytest.param("user", "x" * 5000, id="long-user"),
        pytest.param("pid", True, id="pid"),
        pytest.param("since", "now", id="since"),
    ],
)
def test_lease_of_another_shape_is_an_error(field, value):
    content = json.loads(lease.encode(LEASE)) | {field: value}
    with pytest.raises(validate.InvalidOutputError):
        lease.decode(json.dumps(content).encode())
