"""The published schemas, and a check of whatever Headcount writes in any test.

A pytest plugin: `tests/conftest.py` names it. After each test, the lines of its store
are validated. To readers the schemas are open, they must ignore what they do not know;
here they are closed, so that nothing undocumented is written.
"""

from __future__ import annotations

import functools
import json
import re

import jsonschema
import pytest
from support import ROOT

# How every line that Headcount writes begins. Those by hand mostly do not.
START = re.compile(rb'{"type":"[^"]*","v":')
LIFECYCLE = {
    *("session_metadata", "session_resume", "heartbeat", "turn_close"),
    "session_close",
}
_seen = set()


@functools.cache
def session_schema(*, closed=False):
    """The schema of an entry; *closed*, it admits no further keys in our own."""
    schema = json.loads((ROOT / "docs/session.schema.json").read_text())
    if closed:
        for kind in (*LIFECYCLE, "session_update"):
            schema["$defs"][kind]["unevaluatedProperties"] = False
    return schema


@functools.cache
def _validator():
    schema = session_schema(closed=True)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def violations(entry):
    """What is wrong with an entry, in words."""
    return [
        f"{error.json_path}: {error.message}"
        for error in _validator().iter_errors(entry)
    ]


@functools.cache
def _output_validator(command):
    schema = json.loads((ROOT / "docs/output.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    definitions = schema["$defs"]
    for definition in definitions.values():
        _close_parts(definition, definitions)
    root = {"$ref": f"#/$defs/{command}", "unevaluatedProperties": False}
    return jsonschema.Draft202012Validator({"$defs": definitions, **root})


def _close_parts(schema, definitions):
    """Let the objects within those that *schema* describes have no further keys."""
    parts = [*schema.get("properties", {}).values()]
    parts += [part["items"] for part in parts if "items" in part]
    for part in parts:
        target = definitions[part["$ref"].split("/")[-1]] if "$ref" in part else part
        if "properties" in target:
            part["unevaluatedProperties"] = False
            _close_parts(part, definitions)


def check_output(words, text):
    """Fail if what `headcount *words* --json` printed is not in the schema."""
    command = next((word for word in words if not word.startswith("-")), "list")
    command = {"ls": "list"}.get(command, command)
    outputs = text.splitlines() if command == "watch" else [text]
    for output in outputs if command != "tail" else []:
        errors = _output_validator(command).iter_errors(json.loads(output))
        wrong = [f"{each.json_path}: {each.message}" for each in errors]
        assert wrong == [], output[:300]


def shape_of(value):
    """What the schema can tell apart: the same for entries that differ in numbers."""
    if isinstance(value, dict):
        return tuple((key, shape_of(value[key])) for key in sorted(value))
    if isinstance(value, list):
        return ("list", *sorted({repr(shape_of(item)) for item in value}))
    if isinstance(value, str):
        return re.sub(r"[0-9a-f]", "0", value) if len(value) < 40 else "text"
    return type(value).__name__


def check_store(folder):
    """Fail if a line in *folder* that Headcount wrote is not in the schema."""
    for path in [*folder.glob("*.jsonl"), *folder.glob("archive/*/*.jsonl")]:
        if path.is_symlink() or not path.is_file():
            continue
        for line in path.read_bytes().split(b"\n")[:-1]:
            check_line(path, line)


def check_line(path, line):
    if not START.match(line):
        return
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return
    shape = shape_of(entry)
    if shape not in _seen:
        assert violations(entry) == [], f"{path}: {line!r}"
        _seen.add(shape)


@pytest.fixture(autouse=True)
def _written_lines_are_in_the_schema(request):
    """Look at the store of every test that has one, and at the one in its home."""
    fixtures = [name for name in ("store", "home") if name in request.fixturenames]
    folders = [request.getfixturevalue(name) for name in fixtures]
    yield
    if "by_hand" not in request.keywords:
        for folder in folders:
            check_store(folder)
            check_store(folder / ".local/state/headcount")
