"""Makes the pictures of the documents: `list`, `watch` and the page of `report`.

    tests/.venv/bin/python tests/pictures.py

Stand-ins for Claude Code run the real hooks, in a home folder of their own. The records
are then dated back, so that nobody has to wait for hours. `list` is run on a terminal,
and `watch` draws the same sessions; both are exported by rich, light and dark. The page
of `report` shows three days that were made up, as Chromium draws it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
HOME = Path("/tmp/ada")  # short, since the pictures show it
STORE = HOME / ".local/state/headcount"
os.environ.update(HOME=str(HOME), HEADCOUNT_DIR=str(STORE))
os.environ.pop("NO_COLOR", None)
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import BROWSER, BROWSER_FLAGS  # noqa: E402
from multiplexers import Terminal  # noqa: E402
from rich._export_format import CONSOLE_SVG_FORMAT  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.terminal_theme import TerminalTheme  # noqa: E402
from rich.text import Text  # noqa: E402
from support import DEAD_PID, Client  # noqa: E402

from lib import sessions  # noqa: E402
from lib.cli.commands import watch  # noqa: E402
from lib.cli.watch.app import Watch  # noqa: E402
from lib.cli.watch.source import Source  # noqa: E402
from lib.record import timestamps  # noqa: E402
from lib.views.changes import Poller  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator


class Life(NamedTuple):
    """A session: the hooks that run for it, and how long ago, in minutes."""

    session_id: str
    label: str
    place: str
    event: str
    fields: dict[str, str]
    age: int
    since: int


PERMISSION = {"tool_name": "Bash"}
QUESTION = {"tool_name": "AskUserQuestion"}
LIVES = (
    Life("b7449dda-0263-4aca-96f1-e90404071317", "publish 2.1", "shop:main",
         "PermissionRequest", PERMISSION, 95, 12),
    Life("e0b41c55-2f6b-4c0e-9a11-7d1f0c9be2d4", "login form", "api:fix/login",
         "PermissionRequest", QUESTION, 40, 3),
    Life("d390a398-1f5e-4c3d-8f0b-6c1d2e3f4a5b", "flaky checkout test", "shop:main",
         "UserPromptSubmit", {}, 52, 7),
    Life("47c2c0de-5d83-4d4f-a5b1-0f1e2d3c4b5a", "dependency updates", "tools:updates",
         "UserPromptSubmit", {}, 21, 1),
    Life("c319993c-7d0e-4a51-8f0c-3c2b5d6a9e10", "style guide", "blog:drafts",
         "Stop", {}, 180, 26),
    Life("f1d2d2f9-24e9-4ac8-86f7-dd4c0ea4d3b1", "", "infra:main", "Stop", {}, 300, 64),
    Life("ce9fe6c3-41a7-4f4e-9f5c-8e7d6c5b4a39", "load test", "bench:main",
         "UserPromptSubmit", {}, 410, 200),
)  # fmt: skip
KILLED = LIVES[-1]


class Day(NamedTuple):
    """A session of the report: how many days ago, from when to when, and its end."""

    session_id: str
    label: str
    place: str
    days: int
    hours: tuple[float, float]
    end: str


DAYS = (
    Day("5b1f6a0e", "migrate to postgres 17", "api:fix/login", 2, (0.2, 2.4), "logout"),
    Day("7c09d2ab", "openapi 3.1", "api:fix/login", 2, (8.3, 13.0), "clear"),
    Day("22f89909", "", "api:fix/login", 2, (12.2, 15.9), "prompt_input_exit"),
    Day("3e8a41c7", "dark mode", "blog:drafts", 2, (13.4, 17.3), "prompt_input_exit"),
    Day("90ab7f13", "openapi 3.1", "api:fix/login", 1, (11.5, 16.0), "dead"),
    Day("b7449dda", "search facets", "shop:main", 0, (8.9, 16.9), "alive"),
    Day("e0b41c55", "publish 2.1", "shop:main", 0, (13.1, 16.9), "alive"),
    Day("d390a398", "translate the docs", "blog:drafts", 0, (15.2, 16.9), "alive"),
)
NOW = 17  # o'clock, when the report of DAYS is made
TIMELINE_ALONE = """
  body > :not(h2, h3, .legend, .timeline, svg) { display: none }
  h2:not(:has(+ .legend)) { display: none }
  h2 { margin-top: 0 }
"""
COLUMNS, ROWS = 120, 16  # of the watch: the details have room
_BASIC = [(0, 0, 0), (207, 34, 46), (26, 127, 55), (154, 103, 0), (9, 105, 218)]
_BASIC += [(130, 80, 223), (27, 124, 131), (110, 119, 129)]
_BRIGHT = [(110, 118, 129), (255, 123, 114), (63, 185, 80), (210, 153, 34)]
_BRIGHT += [(88, 166, 255), (188, 140, 255), (57, 197, 207), (240, 246, 252)]
THEMES = {
    "light": TerminalTheme((255, 255, 255), (31, 35, 40), _BASIC),
    "dark": TerminalTheme((13, 17, 23), (230, 237, 243), _BRIGHT),
}
# A picture in a README loads no font.
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace"
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
FORMAT = FORMAT.replace("Fira Code, monospace", FONT)
EDGE = ("rgba(255,255,255,0.35)", "rgba(128,128,128,0.5)")  # seen on light, too


def main() -> None:
    """Make the pictures."""
    HOME.mkdir()
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, HOME)
        for life in LIVES:
            client = stack.enter_context(Client())
            live(life, client)
            if life is KILLED:
                client.kill()
        for life in LIVES:
            date_back(life)
        table = Text.from_ansi(listed())
        export("list", table, max(line.cell_len for line in table.split()))
        export("watch", asyncio.run(watched()), COLUMNS)
        shutil.rmtree(STORE)
        picture_of_report()


def live(life: Life, client: Client) -> None:
    """Run the hooks of a session."""
    name, branch = life.place.split(":")
    folder = HOME / name
    (folder / ".git").mkdir(parents=True, exist_ok=True)
    (folder / ".git/HEAD").write_text(f"ref: refs/heads/{branch}\n")
    common = {"cwd": str(folder), "env": {"HOME": str(HOME)}}
    transcript = HOME / f".claude/projects/-{name}/{life.session_id}.jsonl"
    client.fire("SessionStart", life.session_id, source="startup",
                transcript_path=str(transcript), **common)  # fmt: skip
    client.fire(life.event, life.session_id, **life.fields, **common)
    if life.label:
        entry = {"type": "session_update", "label": life.label, "source": "person"}
        sessions.append_to_session(life.session_id, entry)


def date_back(life: Life) -> None:
    """Move the first entry of a session *age* minutes back, the others *since*."""
    path = STORE / f"{life.session_id}.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    for number, entry in enumerate(entries):
        minutes = life.since if number else life.age
        for key in ("timestamp", "start_time", "last_heartbeat"):
            if key in entry:
                moment = timestamps.parse(entry[key]) - 60 * minutes
                entry[key] = timestamps.from_epoch(moment)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def listed() -> str:
    """Return what `headcount list` prints on a terminal."""
    env = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    terminal = Terminal([sys.executable, "-m", "lib", "list"], env)
    _, written = terminal.end()
    terminal.close()
    return written.replace("\r\n", "\n").rstrip()


async def watched() -> object:
    """Return what `headcount watch` shows, the cursor on the second session."""
    source = Source(Poller(), select=lambda sessions: sessions, tell=lambda _: None)
    every = Namespace(here=None, state=None)
    summarize = functools.partial(watch._summary, every)
    app = Watch(source, summarize, interval=60, timeout=None)
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        while not app._list.rows:
            await pilot.pause()
        await pilot.press("down")
        await pilot.pause()
        return app.screen._compositor.render_full_update()


def picture_of_report() -> None:
    """Draw the timeline of the report of DAYS, made where it is now NOW o'clock."""
    os.environ["TZ"] = f"UTC{time.gmtime().tm_hour - NOW:+}"
    time.tzset()
    STORE.mkdir(0o700)
    for day in DAYS:
        lines = "".join(json.dumps(entry) + "\n" for entry in entries_of(day))
        (STORE / f"{day.session_id}.jsonl").write_text(lines)
    page = HOME / "report.html"
    words = ["report", "--since", "2d", "--html", str(page)]
    subprocess.run([sys.executable, "-m", "lib", *words], cwd=ROOT, check=True)
    shown = page.read_text().replace("</style>", f"{TIMELINE_ALONE}</style>")
    page.write_text(shown)
    picture = ROOT / "docs/report.png"
    flags = [
        *BROWSER_FLAGS,
        f"--user-data-dir={HOME}/browser",
        "--window-size=900,740",
        "--hide-scrollbars",
    ]
    subprocess.run(
        [BROWSER, *flags, f"--screenshot={picture}", page.as_uri()], check=True
    )


def entries_of(day: Day) -> Iterator[dict[str, object]]:
    """Yield the entries of a session, which changes its state at random."""
    midnight = time.mktime((*time.localtime()[:3], 0, 0, 0, 0, 0, -1))
    chance = random.Random(day.session_id)
    pid = os.getpid() if day.end == "alive" else DEAD_PID
    known = {"v": 1, "session_id": day.session_id, "pid": pid}
    name, branch = day.place.split(":")

    def entry(kind: str, hour: float, **fields: object) -> dict[str, object]:
        moment = timestamps.from_epoch(midnight + 3600 * (hour - 24 * day.days))
        return {"type": kind, **known, "timestamp": moment, **fields}

    hour, end = day.hours
    metadata = entry("session_metadata", hour, cwd=str(HOME / name), branch=branch)
    start = metadata.pop("timestamp")
    yield {**metadata, "start_time": start, "last_heartbeat": start}
    if day.label:
        yield entry("session_update", hour, label=day.label)
    while hour < end:
        yield entry("turn_close", hour, state="idle")
        hour += chance.uniform(0.1, 0.5)
        for state in chance.sample(["busy", "waiting", "busy"], 3):
            yield entry("heartbeat", min(hour, end), state=state)
            hour += chance.uniform(0.1, 0.5)
    if day.end not in ("alive", "dead"):
        yield entry("session_close", end, reason=day.end)


def export(name: str, content: object, columns: int) -> None:
    """Write the picture of *content* in each theme."""
    for theme, colours in THEMES.items():
        with open(os.devnull, "w") as nowhere:
            console = Console(
                file=nowhere,
                width=columns,
                force_terminal=True,
                color_system="truecolor",
                legacy_windows=False,
                record=True,
            )
            console.print(content, end="")
        picture = console.export_svg(
            title=f"headcount {name}",
            theme=colours,
            code_format=FORMAT,
            unique_id=f"{name}-{theme}",
        )
        lines = [line.rstrip() for line in picture.replace(*EDGE).splitlines()]
        file = ROOT / "docs/pictures" / f"{name}-{theme}.svg"
        file.write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
