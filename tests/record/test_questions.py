"""Which answer counts, and when a question has ended."""

from __future__ import annotations

import pytest
from schemas import violations
from support import ID, lines

from lib import sessions
from lib.errors import InvalidEntryError
from lib.record import questions, timestamps

NOON = 1_790_000_000.0


def entry(kind, seconds=0, **fields):
    time = timestamps.from_epoch(NOON + seconds)
    return {"type": kind, "timestamp": time, "question_id": "q1", **fields}


def asked(**fields):
    return entry("question", text="Deploy?", **fields)


def answered(value, seconds=1):
    return entry("answer", seconds, by="ada", value=value)


def answer_of(*entries):
    answer = questions.questions(entries)["q1"].answer
    return answer and answer["value"]


CLOSED = {"type": "session_close"}
TEN_SECONDS = timestamps.from_epoch(NOON + 10)


@pytest.mark.parametrize(
    ("entries", "value"),
    [
        pytest.param([asked()], None, id="none-yet"),
        pytest.param(
            [asked(), answered("yes"), answered("no")], "yes", id="first-wins"
        ),
        pytest.param([answered("yes"), asked()], None, id="before-the-question"),
        pytest.param(
            [asked(options=["a", "b"]), answered("c"), answered("b")],
            "b",
            id="no-option",
        ),
        pytest.param(
            [asked(options=["a"]), answered(["a"]), answered("a")], "a", id="one-only"
        ),
        pytest.param(
            [asked(options=["a", "b"], multi=True), answered(["b", "a"])],
            ["b", "a"],
            id="several",
        ),
        pytest.param([asked(), answered(5), answered("5")], "5", id="not-a-text"),
        pytest.param(
            [asked(expires=TEN_SECONDS), answered("late", 11)], None, id="expired"
        ),
        pytest.param(
            [asked(expires=TEN_SECONDS), answered("ok", 9)], "ok", id="in-time"
        ),
        pytest.param([asked(), CLOSED, answered("yes")], None, id="after-a-close"),
        pytest.param([asked(), answered("yes"), CLOSED], "yes", id="before-a-close"),
        pytest.param([asked(), asked(options=["x"]), answered("y")], "y", id="twice"),
    ],
)
def test_first_valid_answer_counts(entries, value):
    assert answer_of(*entries) == value


def test_question_is_open_until_it_is_answered_expired_or_closed():
    def is_open(*entries, now=NOON + 5):
        return questions.questions(entries)["q1"].is_open(now)

    assert is_open(asked())
    assert is_open(asked(expires=TEN_SECONDS))
    assert not is_open(asked(expires=TEN_SECONDS), now=NOON + 10)
    assert not is_open(asked(), answered("yes"))
    assert not is_open(asked(), CLOSED)


QUESTION = {"type": "question", "question_id": "q1", "text": "Deploy?"}
ANSWER = {"type": "answer", "question_id": "q1", "by": "ada", "value": "yes"}


@pytest.mark.parametrize("whole", [QUESTION, ANSWER], ids=["question", "answer"])
def test_append_takes_what_the_schema_takes(store, whole):
    sessions.create_session(session_id=ID)
    sessions.append_to_session(ID, whole)
    assert violations(lines(store / f"{ID}.jsonl")[-1]) == []


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({**QUESTION, "question_id": ""}, id="empty-id"),
        pytest.param({**QUESTION, "question_id": 7}, id="id-not-a-text"),
        pytest.param({"type": "question", "question_id": "q1"}, id="no-text"),
        pytest.param({**QUESTION, "options": []}, id="no-options"),
        pytest.param({**QUESTION, "options": ["a", 1]}, id="option-not-a-text"),
        pytest.param({**QUESTION, "multi": "yes"}, id="multi-not-a-boolean"),
        pytest.param({**QUESTION, "expires": 5}, id="expires-not-a-time"),
        pytest.param({**ANSWER, "by": None}, id="by-nobody"),
        pytest.param({**ANSWER, "value": {"a": 1}}, id="value-an-object"),
        pytest.param({"type": "answer", "by": "ada", "value": "yes"}, id="no-id"),
    ],
)
def test_append_refuses_what_the_schema_refuses(store, broken):
    sessions.create_session(session_id=ID)
    with pytest.raises(InvalidEntryError):
        sessions.append_to_session(ID, broken)
    valid = lines(store / f"{ID}.jsonl")[0]
    common = {key: valid[key] for key in ("v", "id", "session_id")}
    whole = {**common, "timestamp": valid["start_time"], **broken}
    assert violations(whole) != []
    assert questions.questions([whole]) == {}
