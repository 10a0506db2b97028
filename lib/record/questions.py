"""Questions that tools ask, and their answers: entries `question` and `answer`.

An answer belongs to a question before it in the same file. The first valid one counts;
later ones are kept, and have no effect. When a session closes, as by /clear or by a
fork, which continues under another id, its open questions end.
"""

from __future__ import annotations

from ..errors import InvalidEntryError
from . import timestamps
from .schema import ANSWER, CLOSE, QUESTION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model import SessionEntry

_MAX_ID_LENGTH = 128


class Question:
    """A question as asked (`entry`), its `answer` if it has one, and whether it ended.

    `answer` is the entry that counts, or None. `ended`: the session has closed since.
    """

    __slots__ = ("answer", "ended", "entry")

    def __init__(self, entry: SessionEntry) -> None:
        self.entry = entry
        self.answer: SessionEntry | None = None
        self.ended = False

    def is_open(self, now: float) -> bool:
        """Whether it can still be answered at *now*, in epoch seconds."""
        return self.answer is None and not self.ended and now < _expiry(self.entry)


def questions(entries: Iterable[SessionEntry]) -> dict[str, Question]:
    """Return the questions in the *entries* of one session, by `question_id`.

    Of two with the same id, the first counts. Entries that break the rules of their
    type are ignored.
    """
    asked: dict[str, Question] = {}
    for entry in entries:
        kind = entry.get("type")
        if kind == QUESTION and _is_valid(entry):
            asked.setdefault(entry["question_id"], Question(entry))
        elif kind == ANSWER and _is_valid(entry):
            question = asked.get(entry["question_id"])
            if question and _answers(entry, question):
                question.answer = entry
        elif kind == CLOSE:
            for question in asked.values():
                question.ended = True
    return asked


def check(entry: Mapping[str, object]) -> None:
    """Raise InvalidEntryError if a question or an answer breaks the rules of its type.

    An entry of another type is valid.
    """
    kind = entry.get("type")
    if kind not in (QUESTION, ANSWER):
        return
    key = entry.get("question_id")
    if not (isinstance(key, str) and 0 < len(key) <= _MAX_ID_LENGTH):
        raise InvalidEntryError(
            f"question_id must be a text of 1 to {_MAX_ID_LENGTH} characters"
        )
    (_check_question if kind == QUESTION else _check_answer)(entry)


def _check_question(entry: Mapping[str, object]) -> None:
    if not isinstance(entry.get("text"), str):
        raise InvalidEntryError("a question needs a text: `text`")
    options = entry.get("options", ["any"])
    if not (_are_texts(options) and options):
        raise InvalidEntryError("the options of a question must be a list of texts")
    if not isinstance(entry.get("multi", False), bool):
        raise InvalidEntryError("`multi` of a question must be true or false")
    if "expires" in entry and timestamps.parse(entry["expires"]) is None:
        raise InvalidEntryError("`expires` of a question must be a time: RFC 3339, UTC")


def _check_answer(entry: Mapping[str, object]) -> None:
    if not isinstance(entry.get("by"), str):
        raise InvalidEntryError("an answer needs a text that says who gives it: `by`")
    value = entry.get("value")
    if not (isinstance(value, str) or _are_texts(value)):
        raise InvalidEntryError(
            "the value of an answer must be a text or a list of texts"
        )


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_valid(entry: SessionEntry) -> bool:
    try:
        check(entry)
    except InvalidEntryError:
        return False
    return True


def _answers(answer: SessionEntry, question: Question) -> bool:
    """Whether *answer* is the one that counts for *question*."""
    given = timestamps.parse(answer.get("timestamp"))
    if given is None or not question.is_open(given):
        return False
    value, options = answer["value"], question.entry.get("options")
    chosen = value if isinstance(value, list) else [value]
    if isinstance(value, list) and not question.entry.get("multi"):
        return False
    return options is None or set(chosen) <= set(options)


def _expiry(question: SessionEntry) -> float:
    expiry = timestamps.parse(question.get("expires"))
    return float("inf") if expiry is None else expiry
