"""The cursor: a text that keeps every position, and refuses what it is not."""

from __future__ import annotations

import base64
import random
import zlib

import pytest

from lib.errors import UsageError
from lib.export import cursor
from lib.export.cursor import Position


@pytest.mark.parametrize(
    "positions",
    [
        pytest.param({}, id="none"),
        pytest.param({0: Position(1, 0)}, id="one"),
        pytest.param({2**64 - 1: Position(2**40, 2**32 - 1)}, id="largest"),
    ],
)
def test_cursor_keeps_positions(positions):
    assert cursor.decode(cursor.encode(positions)) == positions


def test_cursor_of_10000_sessions_has_21_characters_for_each():
    chance = random.Random(1)
    positions = {
        chance.getrandbits(64): Position(
            chance.randrange(500, 1_000_000), chance.getrandbits(32)
        )
        for _ in range(10_000)
    }
    assert len(cursor.encode(positions)) < 210_000


BOMB = "1." + base64.b64encode(zlib.compress(bytes(20 * 4_000_000), 1)).decode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("2.eJwDAAAAAAE=", id="another-version"),
        pytest.param("1.eJwDAAAAAAE", id="cut"),
        pytest.param("1.????", id="not-base64"),
        pytest.param("1." + "A" * 400, id="not-zlib"),
        pytest.param(
            cursor.encode({5: Position(9, 9), 6: Position(8, 8)})[:-8], id="shorter"
        ),
        pytest.param("1.é", id="not-ascii"),
        pytest.param(BOMB, id="much-larger-than-it-looks"),
    ],
)
def test_cursor_that_is_not_valid_is_a_usage_error(text):
    with pytest.raises(UsageError, match="not a valid cursor"):
        cursor.decode(text)
