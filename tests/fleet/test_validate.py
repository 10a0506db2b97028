"""What is admitted from other machines is what the published schema describes."""

from __future__ import annotations

import json

import jsonschema
import pytest
from support import ROOT

from lib.errors import HeadcountError
from lib.fleet import merge, validate

SCHEMA = json.loads((ROOT / "docs/output.schema.json").read_text())
PROPERTIES = SCHEMA["$defs"]["session"]["properties"]
# One of each type, and the words of each enumeration.
VALUES = [None, True, 0, -1, 1.5, "", "a", "alive", "busy", "trust", "user", [], {}]
VALUES += [["a"], [1], [None]]
# Where more is asked for than the schema says: a record has such ids and processes, and
# a number of a process is whole.
STRICTER = {"session_id": [""], "tasks": [], "others": [[{}]]}


def test_keys_that_are_admitted_are_those_of_the_schema():
    assert {*validate.SESSION} == {*PROPERTIES} - {"on"}


@pytest.mark.parametrize("key", [*validate.SESSION])
def test_values_that_are_admitted_are_those_of_the_schema(key):
    schema = jsonschema.Draft202012Validator(PROPERTIES[key])
    for value in VALUES:
        admitted = validate.SESSION[key](value)
        if value not in STRICTER.get(key, []):
            assert admitted == schema.is_valid(value), value


def test_statuses_of_hosts_are_those_of_the_schema():
    statuses = SCHEMA["$defs"]["host"]["properties"]["status"]["enum"]
    assert statuses == [
        *(merge.OK, merge.UNREACHABLE, merge.NO_HEADCOUNT),
        *(merge.OTHER_VERSION, merge.INVALID, merge.FAILED),
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b'{"v": 1, "a": NaN}', id="nan"),
        pytest.param(b'{"v": 1}x', id="more"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"v": ' + b"9" * 10_000 + b"}", id="long-number"),
        pytest.param(b'"\xff"', id="bytes"),
    ],
)
def test_output_that_is_not_that_of_headcount_is_an_error(text):
    with pytest.raises(HeadcountError):
        validate.output(text)
