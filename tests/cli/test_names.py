"""What a session is called: by its label, else by what it is called in the client."""

from __future__ import annotations

import pytest
from live_sessions import DERIVED, GIVEN, ago
from support import ID


@pytest.mark.parametrize(
    ("recorded", "says", "expected"),
    [
        pytest.param({}, DERIVED, ("shop-39", "client"), id="derived"),
        pytest.param({}, GIVEN, ("payments", "user"), id="given"),
        pytest.param({"name": "old"}, GIVEN, ("payments", "user"), id="renamed"),
        pytest.param({"name": "old"}, DERIVED, ("shop-39", "client"), id="taken-back"),
        pytest.param({"name": "old"}, {}, ("old", "user"), id="no-name-in-the-file"),
        pytest.param({}, {"name": ""}, (None, None), id="empty"),
    ],
)
def test_name_is_the_one_that_a_person_gave_else_the_clients(
    begin, client_says, shown, headcount, recorded, says, expected
):
    begin(ID, {"state": "busy", "timestamp": ago(60)}, **recorded)
    client_says(status="busy", **says)
    view = shown()
    assert (view["name"], view["name_source"]) == expected
    assert (expected[0] or "-") in headcount("list", "--table")[1].splitlines()[
        1
    ].split()


def test_label_comes_before_every_name(begin, client_says, headcount):
    begin(ID, {"state": "busy", "timestamp": ago(60)}, label="nightly", name="old")
    client_says(status="busy", **GIVEN)
    _, row = headcount("list", "--table")[1].splitlines()
    assert "nightly" in row
    assert "payments" not in row
    _, out, _ = headcount("show", ID)
    assert "label         nightly\nname          payments\n" in out


@pytest.mark.parametrize(
    ("says", "more", "is_dim"),
    [
        pytest.param(DERIVED, {}, True, id="derived"),
        pytest.param(GIVEN, {}, False, id="given"),
        pytest.param(DERIVED, {"NO_COLOR": "1"}, False, id="no-colour"),
    ],
)
def test_derived_name_alone_is_dim_on_a_terminal(
    begin, client_says, terminal, says, more, is_dim
):
    begin(ID, {"state": "busy", "timestamp": ago(60)})
    client_says(status="busy", **says)
    out = terminal("list", **more)
    assert says["name"] in out
    assert (f"\x1b[2m{says['name']}\x1b[0m" in out) == is_dim


def test_name_that_the_client_derived_is_called_that_by_show(
    begin, client_says, headcount
):
    begin(ID, {"state": "busy", "timestamp": ago(60)})
    client_says(status="busy", **DERIVED)
    for query in (ID, "SHOP-39"):
        _, out, _ = headcount("show", query)
        assert "name          shop-39 (derived by the client)" in out
