"""The terminals that can be told to show a window, and how.

KINDS is the table. What a process has in its environment is not trusted: an address
holds only what is valid, and "" for the rest; it goes into lists of arguments, never
through a shell. The command lines are those of tmux(1), screen(1), zellij.dev
(`focus-pane-id` since 0.44), sw.kovidgoyal.net/kitty/remote-control, wezterm.org/cli
and iterm2.com/documentation-scripting.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    # What a kind needs to find a place: the values of its own words, "" if not known.
    Address = dict[str, str]
    # Returns a variable of a process, "" if it is not set.
    Variable = Callable[[str], str]

_MAX_PATH = 4096
_NUMBER = "[0-9]{1,9}"
_APPLE_SCRIPT = """
on run argv
  tell application "iTerm2"
    repeat with aWindow in windows
      repeat with aTab in tabs of aWindow
        repeat with aSession in sessions of aTab
          if tty of aSession is item 1 of argv then
            select aWindow
            select aTab
            select aSession
            activate
            return
          end if
        end repeat
      end repeat
    end repeat
    error "no session on " & item 1 of argv
  end tell
end run
"""


class Plan(NamedTuple):
    """How to show a place: commands to run, then one that takes this terminal, if any.

    *variables* are added to the environment of all of them; None removes one.
    """

    commands: list[list[str]]
    attach: list[str] | None = None
    variables: dict[str, str | None] = {}  # noqa: RUF012  # it is never changed


class Kind(NamedTuple):
    """A kind of terminal.

    *programs* are the first letters of what its process is called. *address* reads it
    from the environment and the tty of a process. *plan* takes the address of a place
    and ours, empty if we are not in a terminal of this kind.
    """

    name: str
    programs: tuple[str, ...]
    address: Callable[[Variable, str], Address]
    plan: Callable[[Address, Address], Plan]


def kind_of(program: str) -> Kind | None:
    """Return the kind of the process that is called *program*."""
    return next((kind for kind in KINDS if program.startswith(kind.programs)), None)


# ---- What is valid --------------------------------------------------------------


def _valid(pattern: str, text: str) -> str:
    return text if re.fullmatch(pattern, text) else ""


def _own_socket(path: str) -> str:
    """Return *path* if it is that of a socket of this user, else ""."""
    if not (os.path.isabs(path) and path.isprintable() and len(path) <= _MAX_PATH):
        return ""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ""
    ours = stat.S_ISSOCK(status.st_mode) and status.st_uid == os.geteuid()
    return path if ours else ""


# ---- tmux, screen and zellij ----------------------------------------------------


def _tmux_address(variable: Variable, _: str) -> Address:
    socket = variable("TMUX").partition(",")[0]
    pane = _valid(f"%{_NUMBER}", variable("TMUX_PANE"))
    return {"socket": _own_socket(socket), "pane": pane}


def _tmux_plan(there: Address, ours: Address) -> Plan:
    tmux, target = ["tmux", "-S", there["socket"]], ["-t", there["pane"]]
    select = [*tmux, "select-window", *target, ";", "select-pane", *target]
    if ours and ours["socket"] == there["socket"]:
        return Plan([[*select, ";", "switch-client", *target]])
    # Within another server tmux attaches only if it does not know that it is nested.
    return Plan([select], [*tmux, "attach-session", *target], {"TMUX": None})


def _screen_address(variable: Variable, _: str) -> Address:
    session = _valid(r"[0-9]{1,9}\.[\w.@%+=:-]{1,80}", variable("STY"))
    return {"session": session, "window": _valid(_NUMBER, variable("WINDOW"))}


def _screen_plan(there: Address, ours: Address) -> Plan:
    session, window = there["session"], there["window"]
    if ours and ours["session"] == session:
        return Plan([["screen", "-S", session, "-X", "select", window]])
    return Plan([], ["screen", "-x", session, "-p", window])


def _zellij_address(variable: Variable, _: str) -> Address:
    session = _valid(r"\w[\w .@+=:-]{0,80}", variable("ZELLIJ_SESSION_NAME"))
    return {"session": session, "pane": _valid(_NUMBER, variable("ZELLIJ_PANE_ID"))}


def _zellij_plan(there: Address, ours: Address) -> Plan:
    session, pane = there["session"], f"terminal_{there['pane']}"
    focus = ["zellij", "--session", session, "action", "focus-pane-id", pane]
    if not ours:
        return Plan([focus], ["zellij", "attach", session])
    if ours["session"] == session:
        return Plan([focus])
    switch = ["zellij", "action", "switch-session", session, "--pane-id", pane]
    return Plan([switch])


# ---- kitty, WezTerm and iTerm2 --------------------------------------------------


# kitty listens only with allow_remote_control and listen_on in its configuration.


def _kitty_address(variable: Variable, _: str) -> Address:
    listen_on = variable("KITTY_LISTEN_ON")
    abstract = _valid(r"unix:@[\w.+-]{1,100}", listen_on)
    path = _own_socket(listen_on.removeprefix("unix:"))
    return {
        "window": _valid(_NUMBER, variable("KITTY_WINDOW_ID")),
        "socket": abstract or (path and f"unix:{path}"),
    }


def _kitty_plan(there: Address, _: Address) -> Plan:
    match = ["focus-window", "--match", f"id:{there['window']}"]
    return Plan([["kitty", "@", "--to", there["socket"], *match]])


def _wezterm_address(variable: Variable, _: str) -> Address:
    pane = _valid(_NUMBER, variable("WEZTERM_PANE"))
    return {"pane": pane, "socket": _own_socket(variable("WEZTERM_UNIX_SOCKET"))}


def _wezterm_plan(there: Address, _: Address) -> Plan:
    activate = ["wezterm", "cli", "activate-pane", "--pane-id", there["pane"]]
    return Plan([activate], variables={"WEZTERM_UNIX_SOCKET": there["socket"]})


def _iterm_address(_: Variable, tty: str) -> Address:
    return {"tty": _valid(r"/dev/tty\w{1,20}", tty)}


def _iterm_plan(there: Address, _: Address) -> Plan:
    return Plan([["osascript", "-e", _APPLE_SCRIPT, there["tty"]]])


KINDS = (
    Kind("tmux", ("tmux",), _tmux_address, _tmux_plan),
    Kind("screen", ("screen", "SCREEN"), _screen_address, _screen_plan),
    Kind("zellij", ("zellij",), _zellij_address, _zellij_plan),
    Kind("kitty", ("kitty",), _kitty_address, _kitty_plan),
    Kind("WezTerm", ("wezterm",), _wezterm_address, _wezterm_plan),
    Kind("iTerm2", ("iTerm",), _iterm_address, _iterm_plan),
)
