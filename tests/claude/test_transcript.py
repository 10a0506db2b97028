"""The end of a transcript shows whether the turn was interrupted."""

from __future__ import annotations

import json
import os

import pytest

from lib.claude import transcript

TIME = "2026-11-23T10:00:00.250Z"
SECONDS = 1795428000.25
INTERRUPTED = "[Request interrupted by user]"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "transcript.jsonl"


@pytest.fixture
def interrupted_at(path):
    """Write the *lines* of a transcript, and return when it says it was interrupted."""

    def run(*lines):
        texts = [x if isinstance(x, str) else json.dumps(x) for x in lines]
        path.write_text("".join(f"{text}\n" for text in texts))
        return transcript.interrupted_at(str(path))

    return run


def user(*texts, **fields):
    content = [{"type": "text", "text": text} for text in texts]
    return {
        "type": "user",
        "timestamp": TIME,
        "message": {"role": "user", "content": content},
        **fields,
    }


PROMPT = user("hello", timestamp="2026-11-23T09:59:00.000Z")
ANSWER = {"type": "assistant", "timestamp": TIME, "message": {"content": []}}
# What 2.1.332 writes after the marker.
AFTERMATH = [
    {"type": kind}
    for kind in ("attachment", "last-prompt", "mode", "permission-mode", "cost-state")
]


@pytest.mark.parametrize(
    "marker",
    [
        pytest.param(user(INTERRUPTED), id="while-it-answered"),
        pytest.param(
            user("[Request interrupted by user for tool use]"), id="in-a-tool"
        ),
        pytest.param(
            user(message={"role": "user", "content": INTERRUPTED}), id="plain-text"
        ),
        pytest.param(user("a result", INTERRUPTED), id="beside-another-block"),
    ],
)
def test_interrupted_at_finds_the_marker(interrupted_at, marker):
    assert interrupted_at(PROMPT, marker) == SECONDS
    assert interrupted_at(PROMPT, marker, *AFTERMATH) == SECONDS


def test_interrupted_at_looks_past_what_is_not_the_conversation(interrupted_at):
    aside = {**ANSWER, "isSidechain": True}
    torn = '{"type": "user", "mess'
    assert interrupted_at(PROMPT, user(INTERRUPTED), aside, "", "[]", torn) == SECONDS


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(user("go on"), id="next-prompt"),
        pytest.param(ANSWER, id="answer"),
        pytest.param(user(f"why {INTERRUPTED}?"), id="mention"),
        pytest.param(
            {**ANSWER, "message": {"content": [{"type": "text", "text": INTERRUPTED}]}},
            id="said-by-the-model",
        ),
        pytest.param(user(INTERRUPTED, timestamp=None), id="no-time"),
        pytest.param(user(message="x"), id="no-message"),
        pytest.param(user(message={"content": [INTERRUPTED, 7]}), id="no-blocks"),
    ],
)
def test_interrupted_at_is_none_after(interrupted_at, later):
    assert interrupted_at(PROMPT, user(INTERRUPTED), later) is None


def test_interrupted_at_reads_a_bounded_part_of_the_end(interrupted_at):
    filler = {"type": "attachment", "text": "x" * 1000}
    assert interrupted_at(user(INTERRUPTED), *[filler] * 60) == SECONDS
    assert interrupted_at(user(INTERRUPTED), *[filler] * 70) is None
    assert interrupted_at("x" * 200_000, user(INTERRUPTED)) == SECONDS


def test_interrupted_at_ignores_what_is_not_a_regular_file(path, tmp_path):
    assert transcript.interrupted_at(str(path)) is None  # nothing there
    assert transcript.interrupted_at(str(tmp_path)) is None
    os.mkfifo(path)
    assert transcript.interrupted_at(str(path)) is None
    path.unlink()
    path.symlink_to(path.name)
    assert transcript.interrupted_at(str(path)) is None
    assert transcript.interrupted_at("a\0b") is None


def test_interrupted_at_survives_any_bytes(path):
    for content in (b"", b"\n\n", b"\xff" * 100, b"[" * 70_000, b"{}"):
        path.write_bytes(content)
        assert transcript.interrupted_at(str(path)) is None
