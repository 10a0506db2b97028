"""Opens windows of tmux: in the session that we run in, else in one of our own."""

from __future__ import annotations

import subprocess

from ..errors import HeadcountError
from . import kinds, place

OUR_SESSION = "headcount"
_MAX_SECONDS = 10.0
_WINDOW = "#{session_name}:#{window_index}"
_OF_PANES = f"#{{pane_dead}} {_WINDOW} #{{pane_start_command}}"


class TmuxWindows:
    """The windows of one tmux server.

    *in_tmux* says whether it is the one that we run in. If not, it is the default one,
    and windows open in OUR_SESSION, which is made if need be.
    """

    def __init__(self) -> None:
        (tmux,) = (kind for kind in kinds.KINDS if kind.name == "tmux")
        socket = place.ours(tmux).get("socket")
        self.in_tmux = bool(socket)
        self._tmux = ["tmux", "-S", socket] if socket else ["tmux"]

    def find(self, word: str) -> str | None:
        """Return the window with a running command that has *word* in it, or None."""
        for line in (self._run("list-panes", "-a", "-F", _OF_PANES) or "").splitlines():
            dead, rest = line.split(" ", 1)
            window, _, command = rest.partition(" ")
            if dead != "1" and word in command:
                return window
        return None

    def open(self, name: str, folder: str | None, command: list[str]) -> str:
        """Open a window that runs *command*, of several words; return which it is.

        The person stays where they are. If the command fails, the window stays, too,
        with what it said. Raises HeadcountError if no window was opened.
        """
        options = ["-d", "-P", "-F", f"#{{window_id}} {_WINDOW}", "-n", _literal(name)]
        options += ["-c", _literal(folder)] if folder else []
        created = self._run(*self._start(), *options, "--", *command, check=True) or ""
        window_id, _, window = created.partition(" ")
        # Before tmux 3.3 there is no such value, and the window closes.
        self._run("set-option", "-w", "-t", window_id, "remain-on-exit", "failed")
        if self._run("list-panes", "-t", window_id) is None:
            raise HeadcountError("its window closed at once")
        return window

    def _start(self) -> list[str]:
        """Return the command that makes a window in the right session."""
        if self.in_tmux:
            return ["new-window"]
        if self._run("has-session", "-t", f"={OUR_SESSION}") is not None:
            return ["new-window", "-t", f"={OUR_SESSION}:"]
        return ["new-session", "-s", OUR_SESSION]

    def _run(self, *words: str, check: bool = False) -> str | None:
        """Return what tmux prints; None if it fails, as without a server."""
        try:
            done = subprocess.run(  # noqa: S603  # a list of arguments, without a shell
                [*self._tmux, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_MAX_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise HeadcountError(f"tmux {words[0]} failed: {error}") from None
        if done.returncode and check:
            said = done.stderr.decode(errors="replace").strip()
            raise HeadcountError(f"tmux {words[0]} failed: {said}")
        return None if done.returncode else done.stdout.decode(errors="replace").strip()


def _literal(text: str) -> str:
    """Return *text* so that tmux takes it as it is: `#(...)` would run a command."""
    return text.replace("#", "##")
