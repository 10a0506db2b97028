#!/usr/bin/env python3
"""A waybar module: how many sessions wait for you, and which.

In waybar's configuration:

    "custom/headcount": {
        "exec": "/path/to/waybar.py",
        "return-type": "json"
    }

It needs the package headcount; with watchfiles it is up to date at once.
"""

from __future__ import annotations

import html
import json

import headcount


def line(waiting: list[headcount.Session], open_sessions: int) -> str:
    """Return what waybar shows, as a line of JSON."""
    names = [s["label"] or s["name"] or s["cwd"] or s["session_id"] for s in waiting]
    return json.dumps(
        {
            "text": f"{len(waiting)}/{open_sessions}",
            "tooltip": "\n".join(map(html.escape, names)),
            "class": "waiting" if waiting else "quiet",
        }
    )


def main() -> None:
    """Print a line now, and whenever it is another."""
    previous = line(headcount.waiting(), len(headcount.live()))
    print(previous, flush=True)
    for _ in headcount.watch():
        current = line(headcount.waiting(), len(headcount.live()))
        if current != previous:
            print(current, flush=True)
            previous = current


if __name__ == "__main__":
    main()
