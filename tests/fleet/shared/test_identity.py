"""The id of a store: made once, and no other store has it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support import ROOT, kill_at

from lib import sessions
from lib.errors import HeadcountError
from lib.fleet.shared import identity
from lib.store import delete

PRINT = "from lib.fleet.shared import identity; print(identity.store_id())"


def test_store_id_is_made_once_and_is_private(store):
    assert identity.read() is None
    first = identity.store_id()
    assert len(first) == 32
    assert identity.store_id() == identity.read() == first
    assert (store / "store-id").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in store.iterdir()] == ["store-id"]


def test_store_id_is_the_same_for_all_who_make_it_at_once(store):
    command = [sys.executable, "-c", PRINT]
    makers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True)
        for _ in range(8)
    ]
    ids = {maker.communicate()[0].strip() for maker in makers}
    assert ids == {identity.read()}
    assert [path.name for path in store.iterdir()] == ["store-id"]


def test_store_id_is_not_half_written_by_a_crash(store):
    kill_at("fsync", PRINT)
    assert identity.read() is None
    assert len(identity.store_id()) == 32


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("0" * 31 + "\n", id="short"),
        pytest.param("0" * 33 + "\n", id="long"),
        pytest.param("X" * 32 + "\n", id="not-hexadecimal"),
    ],
)
def test_store_id_that_is_not_valid_is_an_error_that_names_the_file(store, content):
    identity.store_id()
    (store / "store-id").write_text(content)
    with pytest.raises(HeadcountError, match="store-id"):
        identity.store_id()


def test_store_id_goes_with_the_records_when_they_are_purged(store):
    sessions.create_session(session_id="a")
    identity.store_id()
    delete.purge()
    assert not store.exists()
