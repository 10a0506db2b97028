"""Desktop notifications, or else those of the terminal.

    notifier = desktop.find_notifier()
    notifier("publish 2.1 is waiting", "~/shop (main)")

Linux has `notify-send` in a graphical session, macOS `osascript`. Over ssh, and where
neither is there, the terminal gets OSC 9, which iTerm2, kitty, WezTerm, Ghostty and
Windows Terminal show as a notification, and a bell. tmux passes only the bell on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from ..errors import HeadcountError
from . import programs

if TYPE_CHECKING:
    from collections.abc import Callable

    Notifier = Callable[[str, str], None]

_MAX_SECONDS = 5.0
_TERMINAL = "/dev/tty"
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS")
_BELL = "\a"
_APPLE_SCRIPT = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)


def find_notifier() -> Notifier:
    """Return what shows a title and a text, both `printable`, to the person.

    It raises HeadcountError if it fails, and so does this if nothing can show them.
    """
    ways = [way for way in (_desktop(), _terminal()) if way is not None]
    if not ways:
        raise HeadcountError(
            "--notify needs a terminal, or notify-send in a graphical session"
        )

    def notify(title: str, text: str) -> None:
        for way in ways[:-1]:
            with contextlib.suppress(HeadcountError):
                way(title, text)
                return
        ways[-1](title, text)

    return notify


def _desktop() -> Notifier | None:
    if shutil.which("osascript"):  # macOS
        script = [word for line in _APPLE_SCRIPT for word in ("-e", line)]
        return lambda title, text: _run(["osascript", *script, title, text])
    program = shutil.which("notify-send")
    if program is None or not any(map(os.environ.get, _DISPLAYS)):
        return None
    options = ["--app-name=headcount", "--"]
    return lambda title, text: _run([program, *options, title, _escaped(text)])


def _escaped(text: str) -> str:
    """Return *text* without markup, which servers may read in the text of a message."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _run(command: list[str]) -> None:
    if reason := programs.failure(command, _MAX_SECONDS):
        raise HeadcountError(f"{os.path.basename(command[0])} failed: {reason}")


def _terminal() -> Notifier | None:
    try:
        os.close(os.open(_TERMINAL, os.O_WRONLY))
    except OSError:
        return None
    if os.environ.get("TMUX") or os.environ.get("STY"):
        return lambda title, text: _write(_BELL)  # noqa: ARG005
    return lambda title, text: _write(f"\x1b]9;{title}, {text}{_BELL}{_BELL}")


def _write(sequence: str) -> None:
    try:
        terminal = os.open(_TERMINAL, os.O_WRONLY)
        try:
            os.write(terminal, sequence.encode(errors="replace"))
        finally:
            os.close(terminal)
    except OSError as error:
        raise HeadcountError(f"cannot write to {_TERMINAL}: {error.strerror}") from None
