"""People who use several clients at once, and what is listed of them all the while.

The truth is looked at ten times a second; twice a second a sample is taken of what
`headcount list` says, and of what is on record.

Calling sequence
    soak = Soak(stage, people=6, seconds=600, chance=random.Random(seed))
    soak.run()
    count, mistakes = soak.compare(listed_wrongly, settled=1.0)
"""

from __future__ import annotations

import bisect
import os
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from lib.record import timestamps
from lib.store import snapshot

from .random_person import RandomPerson
from .records import Records
from .truth import GONE, WAITING, Truth, with_screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from .situations import Stage

Json = dict[str, Any]

POLL_SECONDS, SAMPLE_SECONDS = 0.1, 0.5
CONTEXT_SECONDS = 10.0  # of history that is printed beside a mistake
_LISTED = ("verdict", "state", "waiting_for", "stopped")


class Sample(NamedTuple):
    """What was listed, recorded and on the screens, from *begin* to *end*.

    Rows and records by session id, screens by the number of the person.
    """

    begin: float
    end: float
    rows: dict[str, Json]
    records: dict[str, Json]
    screens: dict[int, str]


class Mistake(NamedTuple):
    """What was wrong in *count* samples of one moment, and what led to the first."""

    text: str
    context: str
    count: int


class Soak:
    """Several people at once, and the samples taken of them."""

    def __init__(
        self, stage: Stage, people: int, seconds: float, chance: random.Random
    ) -> None:
        self.stage = stage
        self.records = Records(stage.box)
        self.samples: list[Sample] = []
        self.polls: list[float] = []  # when each round of looks at the truth ended
        self.deadline = time.monotonic() + seconds
        servers = ("--mcp-config", stage.mcp_config())
        dice = [random.Random(chance.random()) for _ in range(people)]
        self.people = [RandomPerson(stage, d, self.deadline, *servers) for d in dice]

    def run(self) -> None:
        """Let the people do what they like until the time is over."""
        with ThreadPoolExecutor(len(self.people) + 1) as pool:
            lives = [pool.submit(person.live) for person in self.people]
            polled = pool.submit(self._poll, lives)
            while time.monotonic() < self.deadline:
                begin = time.monotonic()
                self.samples.append(self._sample(begin))
                time.sleep(max(0.0, begin + SAMPLE_SECONDS - time.monotonic()))
        for future in [*lives, polled]:
            future.result()

    def compare(
        self, look: Callable[[Sample, Truth], str], settled: float
    ) -> tuple[int, list[Mistake]]:
        """Return how many times *look* compared, and the mistakes that it saw.

        Only where the truth has been the same for *settled* seconds.
        """
        count, mistakes = 0, {}
        for number, sample, truth in self._settled(settled):
            count += 1
            if text := look(sample, truth):
                since = self.people[number].history.since(sample.end)
                key = (number, text, since)
                first = Mistake(text, self._context(number, sample, truth), 0)
                mistake = mistakes.get(key, first)
                mistakes[key] = mistake._replace(count=mistake.count + 1)
        return count, list(mistakes.values())

    def ids_begun(self) -> set[str]:
        """Return the ids of all sessions that a client said it had, or wrote down."""
        histories = [person.history.changes for person in self.people]
        said = {truth.session_id for h in histories for _, truth in h if truth}
        return said | {path.stem for path in self.stage.transcripts()}

    def _settled(self, settled: float) -> Iterator[tuple[int, Sample, Truth]]:
        for sample in self.samples:
            # The second round that ended after the sample began after it, too.
            rounds = self.polls[bisect.bisect(self.polls, sample.end) :][1:2]
            for number, person in enumerate(self.people if rounds else []):
                begin, end = sample.begin - settled, rounds[0]
                if truth := person.history.constant(begin, end):
                    screen = sample.screens.get(number, "")
                    yield number, sample, with_screen(truth, screen)

    # ---- Samples ----

    def _poll(self, lives: list[Future[None]]) -> None:
        while not all(life.done() for life in lives):
            for person in self.people:
                person.history.add(time.monotonic(), person.truth())
            self.polls.append(time.monotonic())
            time.sleep(POLL_SECONDS)

    def _sample(self, begin: float) -> Sample:
        clients = {n: each.person for n, each in enumerate(self.people) if each.person}
        screens = dict(zip(clients, self.stage.views([*clients.values()]), strict=True))
        ids = {person.history.session_id() for person in self.people} - {""}
        records = {session_id: self._recorded(session_id) for session_id in ids}
        rows = {row["session_id"]: row for row in self.records.rows()}
        return Sample(begin, time.monotonic(), rows, records, screens)

    def _recorded(self, session_id: str) -> Json:
        """Return the metadata on record, without a look at the client's file."""
        for path in self.records.folder.rglob(f"{session_id}.jsonl"):
            session = snapshot.read(os.fspath(path), time.time())
            return dict(session.metadata) if session else {}
        return {}

    # ---- Mistakes ----

    def _context(self, number: int, sample: Sample, truth: Truth) -> str:
        person, session_id = self.people[number], truth.session_id
        screen = sample.screens.get(number, "no screen")
        lines = [
            *_about(person.history.changes, sample.begin),
            *_about(person.steps, sample.begin),
            *_about(self._entries(session_id), sample.begin),
            f"  listed: {_brief(sample.rows.get(session_id, {}))}",
            f"  record: {_brief(sample.records.get(session_id, {}))}",
            re.sub(r"\s*\n\s*\n", "\n", screen)[-1500:],
        ]
        return "\n".join(lines)

    def _entries(self, session_id: str) -> list[tuple[float, str]]:
        """Return the entries of the session in short, and when they were written."""
        booted = time.time() - time.monotonic()
        return [
            (seconds - booted, f"entry {_brief(entry)}")
            for entry in self.records.entries(session_id)
            if (seconds := timestamps.parse(entry.get("timestamp"))) is not None
        ]


def listed_wrongly(sample: Sample, truth: Truth) -> str:
    """Return what is wrong with the rows of a client; "" if nothing is."""
    rows = [row for row in sample.rows.values() if row["pid"] == truth.pid]
    alive = {row["session_id"] for row in rows if row["verdict"] == "alive"}
    if others := alive - {truth.session_id}:
        return f"in {truth.session_id}, listed alive in {sorted(others)}"
    row = sample.rows.get(truth.session_id, {})
    listed = tuple(row.get(key) for key in _LISTED)
    if truth.state == GONE:
        return "" if row.get("verdict") == "dead" else f"gone, listed {listed}"
    right = ("alive", truth.state, _waits_for(truth, row), truth.is_stopped)
    return "" if listed == right else f"is {right}, listed {listed}"


def recorded_wrongly(sample: Sample, truth: Truth) -> str:
    """Return what is wrong with the record of a session; "" if nothing is.

    It cannot know that a process is gone.
    """
    record = sample.records.get(truth.session_id, {})
    right = (truth.state, _waits_for(truth, record))
    recorded = (record.get("state"), record.get("waiting_for"))
    is_right = truth.state == GONE or recorded == right
    return "" if is_right else f"is {right}, on record {recorded}"


def _waits_for(truth: Truth, row: Json) -> str | None:
    """Return what the client waits for; as in *row* if no dialog is on the screen."""
    if truth.state != WAITING:
        return None
    return truth.waiting_for or row.get("waiting_for")


def _brief(fields: Json) -> str:
    keys = ("type", "event", "pid", *_LISTED, "state_since", "reasons")
    return " ".join(f"{key}={fields[key]}" for key in keys if key in fields)


def _about(events: list[tuple[float, Any]], begin: float) -> list[str]:
    """Return the *events* about the time *begin*, and the last one before."""
    first = begin - CONTEXT_SECONDS
    first = max((when for when, _ in events if when <= first), default=first)
    return [
        f"  {when - begin:+.2f} s: {what}"
        for when, what in events
        if first <= when <= begin + CONTEXT_SECONDS / 2
    ]
