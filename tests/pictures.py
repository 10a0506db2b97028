"""Makes the pictures of the README: `list` and `watch` as they look, light and dark.

    tests/.venv/bin/python tests/pictures.py

Stand-ins for Claude Code run the real hooks, in a home folder of their own. The records
are then dated back, so that nobody has to wait for hours. `list` is run on a terminal,
and `watch` draws the same sessions; both are exported by rich.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import re
import shutil
import sys
from argparse import Namespace
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
HOME = Path("/tmp/ada")  # short, since the pictures show it
STORE = HOME / ".local/state/headcount"
os.environ.update(HOME=str(HOME), HEADCOUNT_DIR=str(STORE))
os.environ.pop("NO_COLOR", None)
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from multiplexers import Terminal  # noqa: E402
from rich._export_format import CONSOLE_SVG_FORMAT  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.terminal_theme import TerminalTheme  # noqa: E402
from rich.text import Text  # noqa: E402
from support import Client  # noqa: E402

from lib import sessions  # noqa: E402
from lib.cli.commands import watch  # noqa: E402
from lib.cli.watch.app import Watch  # noqa: E402
from lib.cli.watch.source import Source  # noqa: E402
from lib.record import timestamps  # noqa: E402
from lib.views.changes import Poller  # noqa: E402


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
