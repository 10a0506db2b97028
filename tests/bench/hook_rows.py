"""What a hook costs: alone, in a crowd, at SessionStart; and what a list costs."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import place
from contest import ID, Bench
from measure import Cell, Command, compete, run, run_together
from table import Goal, Row, at_most, both, limit, worst

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCRIPTS = ("ours", "bare", "naive", "node", "jq")
WRITERS = (*SCRIPTS, "flock", "append")
# What to call it, the event, the state before it, and the entries that it writes.
WRITING_HOOKS = (
    ("heartbeat that writes", "UserPromptSubmit", "idle", 1),
    ("Stop", "Stop", "busy", 1),
    ("SessionEnd", "SessionEnd", "idle", 1),
)
KEEPERS = ("ours", "naive", "node", "jq")
SESSIONS_FEW, SESSIONS_MANY = 20, 10_000
CROWD, ENDING, CORES = 128, 8, 2
MOST_STARTS = 500
START_SECONDS, LIST_SECONDS, ENDING_SECONDS = 0.2, 0.45, 0.5
# Of a store with few sessions; {} is the id of one.
COMMANDS = ("list", "show {}", "tail {}", "recover", "report", "cleanup --dry-run")


class OneHook:
    """A hook on a session that is put back as it was before each try."""

    def __init__(
        self, bench: Bench, name: str, event: str, state: str, written: int
    ) -> None:
        self.store = bench.place.store(f"hook-{name}")
        self.who = bench.place.client
        self.command = bench.hook(name, self.store, event)
        self.state = state
        self.written = 0 if name == "bare" else written
        self.lost = 0

    def __call__(self) -> float:
        content = place.session(ID, self.who, state=self.state)
        path = place.write(self.store, ID, content)
        seconds = run(self.command)
        self.lost += abs(_lines_after(path, len(content)) - self.written)
        return seconds


class Crowd:
    """*count* hooks at once, each on the session of its number; all are to be kept."""

    def __init__(self, bench: Bench, name: str, event: str, ids: list[str]) -> None:
        self.store = bench.place.store(f"crowd-{name}")
        self.who = bench.place.client
        self.ids = ids
        self.commands = [bench.hook(name, self.store, event, one) for one in ids]
        self.writes = name != "bare"
        self.lost = 0

    def __call__(self) -> float:
        before = {}
        for one in set(self.ids):
            content = place.session(one, self.who)
            before[place.write(self.store, one, content)] = len(content)
        seconds = run_together(self.commands)
        kept = sum(_lines_after(path, size) for path, size in before.items())
        self.lost += len(self.ids) - kept if self.writes else 0
        return seconds


class Start:
    """A new session among *others*; forgotten again after each try."""

    def __init__(self, bench: Bench, name: str, store: str) -> None:
        self.bench, self.name, self.store = bench, name, store
        self.lost = 0

    def __call__(self) -> float:
        one = str(uuid.uuid4())
        path = os.path.join(self.store, f"{one}.jsonl")
        source = {"source": "startup"}
        seconds = run(
            self.bench.hook(self.name, self.store, "SessionStart", one, **source)
        )
        if self.name != "bare":
            self.lost += _lines_after(path, 0) != 1
            for left in (path, f"{path}.lock"):
                if os.path.exists(left):
                    os.unlink(left)
        return seconds


class Listing:
    """A list of what is in a store."""

    lost = 0

    def __init__(self, command: Command) -> None:
        self.command = command
        self.store = command.environ["HEADCOUNT_DIR"]

    def __call__(self) -> float:
        return run(self.command)


def single(bench: Bench) -> Iterator[Row]:
    """Yield the events that come in the middle and at the end of a session."""
    for what, event, state, written in (
        ("heartbeat, throttled", "PostToolUse", "busy", 0),
        *WRITING_HOOKS,
    ):
        names = bench.present(*(WRITERS if written else SCRIPTS))
        tries = {name: OneHook(bench, name, event, state, written) for name in names}
        yield Row(what, "s", cells(tries, bench.rounds), at_most(1.3))


def without_proc(bench: Bench) -> Iterator[Row]:
    """Yield our hooks on a machine without /proc, where psutil sees processes."""
    bench = bench.without_proc()
    names = ("ours", "bare")
    for what, event, state, written in WRITING_HOOKS:
        tries = {name: OneHook(bench, name, event, state, written) for name in names}
        yield Row(what, "s", cells(tries, bench.rounds), at_most(1.6))
    tries = {name: OneHook(bench, name, "Stop", "busy", 1) for name in names}
    for one in tries.values():
        del one.command.environ["CLAUDE_PID"]
    what = "Stop, client before 2.1.214"
    yield Row(what, "s", cells(tries, bench.rounds), at_most(1.6))
    starts = start_tries(bench, SESSIONS_FEW, bench.place.other, names)
    what = f"SessionStart, {SESSIONS_FEW} live"
    yield Row(what, "s", cells(starts, bench.rounds), at_most(4))


def crowd(bench: Bench) -> Iterator[Row]:
    """Yield all hooks of a session at once, and the end of all sessions at once."""
    tries = {
        name: Crowd(bench, name, "Stop", [ID] * CROWD)
        for name in bench.present(*WRITERS)
    }
    found = cells(tries, bench.few_rounds, 1)
    yield Row(f"{CROWD} hooks at once", "s", found, at_most(0.25, "naive"))
    ids = [str(uuid.uuid4()) for _ in range(ENDING)]
    tries = {
        name: Crowd(bench, name, "SessionEnd", ids) for name in bench.present(*SCRIPTS)
    }
    what = f"{ENDING} SessionEnd at once"
    with _two_cores():
        found = cells(tries, bench.rounds)
    yield Row(what, "s", found, worst(ENDING_SECONDS, "s"))


def start(bench: Bench) -> Iterator[Row]:
    """Yield SessionStart among few, among many that are alive, and among many dead."""
    few = at_most(4)
    yield _start_row(bench, SESSIONS_FEW, few)
    many = at_most(4, plus=START_SECONDS)
    yield _start_row(bench, bench.size(SESSIONS_MANY), many)
    yield _dead_row(bench, bench.size(SESSIONS_MANY), many)


def listing(bench: Bench) -> Iterator[Row]:
    """Yield the list of few and of many live sessions, and other commands."""
    many = both(limit(LIST_SECONDS, "s"), at_most(1, "node"))
    by_pid = bench.place.other._replace(process=None)
    for what, count, who, goal in (
        ("live", SESSIONS_FEW, bench.place.other, at_most(4.5)),
        ("live", bench.size(SESSIONS_MANY), bench.place.other, many),
        ("by pid alone", bench.size(SESSIONS_MANY), by_pid, many),
    ):
        tries = {}
        for name in bench.present(*SCRIPTS):
            store = bench.place.store(f"list-{name}")
            if name != "bare":
                place.fill(store, count, who)
            tries[name] = Listing(bench.listing(name, store))
        found = cells(tries, bench.rounds_for(count))
        yield Row(f"list --json, {count:,} {what}", "s", found, goal)
    yield from _commands(bench)


def _commands(bench: Bench) -> Iterator[Row]:
    store = bench.place.store("commands")
    place.fill(store, SESSIONS_FEW, bench.place.other)
    session_id = min(os.listdir(store)).removesuffix(".jsonl")
    for words in COMMANDS:
        tries = {
            name: Listing(bench.command(name, store, words.format(session_id)))
            for name in bench.present("ours", "bare")
        }
        what = f"{words.format('ID')}, {SESSIONS_FEW} live"
        yield Row(what, "s", cells(tries, bench.rounds), at_most(4.5))


def start_tries(
    bench: Bench, count: int, who: place.Who, names: tuple[str, ...] = SCRIPTS
) -> dict[str, Start]:
    """Return the contenders, each with *count* sessions of *who* on record."""
    tries = {}
    for name in bench.present(*names):
        store = bench.place.store(f"start-{name}")
        if name != "bare":
            place.fill(store, count, who)
        tries[name] = Start(bench, name, store)
    return tries


def cells(
    tries: dict[str, OneHook]
    | dict[str, Crowd]
    | dict[str, Start]
    | dict[str, Listing],
    rounds: int,
    warm_ups: int = 2,
) -> dict[str, Cell]:
    """Let them compete; return what each reached."""
    calls: dict[str, Callable[[], float]] = dict(tries)
    samples = compete(calls, rounds, warm_ups)
    return {
        name: Cell(samples[name], one.lost, _errors(one)) for name, one in tries.items()
    }


def _start_row(bench: Bench, count: int, goal: Goal) -> Row:
    tries = start_tries(bench, count, bench.place.other)
    what = f"SessionStart, {count:,} live"
    return Row(what, "s", cells(tries, bench.rounds_for(count)), goal)


def _dead_row(bench: Bench, count: int, goal: Goal) -> Row:
    """Starts until all dead are archived. Others than ours do it all in the first."""
    tries = start_tries(bench, count, bench.place.dead)
    found = cells({k: v for k, v in tries.items() if k in KEEPERS[1:]}, 1, 0)
    ours: list[float] = []
    bare: list[float] = []
    left = count
    while left and len(ours) < MOST_STARTS:
        ours.append(tries["ours"]())
        bare.append(tries["bare"]())
        left = sum(name.endswith(".jsonl") for name in os.listdir(tries["ours"].store))
    note = f"{len(ours)} starts, {left} of {count:,} not archived"
    found["ours"] = Cell(ours, tries["ours"].lost, note)
    found["bare"] = Cell(bare)
    all_of_them = Goal("all archived", lambda _: left == 0)
    return Row(f"SessionStart, {count:,} dead", "s", found, both(goal, all_of_them))


class _two_cores:  # noqa: N801  # a context manager, used like a function
    """Keep what is started to two cores, where the system can."""

    def __enter__(self) -> None:
        self.able = hasattr(os, "sched_getaffinity")
        if self.able:
            self.before = os.sched_getaffinity(0)
            os.sched_setaffinity(0, sorted(self.before)[:CORES])

    def __exit__(self, *_: object) -> None:
        if self.able:
            os.sched_setaffinity(0, self.before)


def _errors(one: OneHook | Crowd | Start | Listing) -> str:
    """Return what the hooks themselves noted last, if they did."""
    try:
        with open(os.path.join(one.store, "errors.log")) as log:
            lines = log.read().splitlines()
    except FileNotFoundError:
        return ""
    return f"{len(lines)} lines in errors.log, the last: {lines[-1][:160]}"


def _lines_after(path: str, size: int) -> int:
    try:
        with open(path, "rb") as file:
            file.seek(size)
            return file.read().count(b"\n")
    except FileNotFoundError:
        return 0
