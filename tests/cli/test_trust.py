"""Clients that ask whether to trust their folder, and have no session yet."""

from __future__ import annotations

import json
import os
import re

import pytest
from command_line import create
from support import ROOT

OTHER = "0aa1f931-8a2e-4bc2-841e-e420ad80648c"


@pytest.fixture
def asks_for_trust(client_folder, client):
    """Let the client ask about the folder it is in."""
    folder = os.readlink(f"/proc/{client.pid}/cwd")
    projects = {folder: {"hasTrustDialogAccepted": False}}
    (client_folder.parent / ".claude.json").write_text(
        json.dumps({"projects": projects})
    )
    key = client_folder / f"sessions/{client.pid}.d41d8cd9.key"
    key.touch()
    return key


def test_client_that_asks_whether_to_trust_its_folder_is_in_the_table(
    asks_for_trust, headcount
):
    create(OTHER, state="busy")
    _, row, _ = headcount("list", "--table")[1].splitlines()
    assert row.split()[:2] == ["waiting", "trust"]
    assert row.split()[4:6] == ["-", "-"]
    assert str(ROOT) in row
    assert not re.search(r" \+1\b", row)


def test_client_that_asks_for_trust_is_no_session_for_scripts(
    asks_for_trust, headcount
):
    create(OTHER, state="busy")
    assert headcount("list", "-q")[1] == f"{OTHER}\n"
    assert len(json.loads(headcount("list", "--json")[1])["sessions"]) == 1
    assert headcount("watch", "--until", "waiting", "--timeout", "0s")[0] == 1
    assert headcount("statusline")[1] == "1 session\n"


def test_client_that_was_trusted_is_no_longer_in_the_table(
    asks_for_trust, client_folder, headcount, client_says
):
    assert " trust " in headcount("list", "--table")[1]
    client_says()
    assert headcount("list", "--table")[1] == ""


def test_key_of_a_client_that_has_ended_is_not_in_the_table(
    asks_for_trust, client, headcount
):
    client.kill()
    assert headcount("list", "--table")[1] == ""
