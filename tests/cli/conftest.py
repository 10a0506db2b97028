"""A shell in a real tmux, for what a person sees of a command."""

from __future__ import annotations

import shutil
import sys
import time

import pytest
from multiplexers import Tmux
from support import ROOT

DEADLINE = 60.0


class Shell:
    """A shell in tmux, 80 columns wide at first, and what is on its screen."""

    def __init__(self, server):
        self.tmux = server
        self.tmux("new-session", "-d", "-x", "80", "-y", "24", "-c", ROOT, "sh -i")

    def start(self, *words):
        """Start a watch from the shell."""
        self.type(f"{sys.executable} -m lib watch {' '.join(words)}\n")

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, columns, rows=24):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def lines(self):
        return self.tmux("capture-pane", "-p").splitlines()

    @property
    def history(self):
        """All that was written in the window; what wrapped is one line again."""
        return self.tmux("capture-pane", "-p", "-J", "-S", "-")

    def until(self, text, *, gone=False):
        """Wait until *text* is on the screen; return its lines."""
        until = time.monotonic() + DEADLINE
        while (text in "\n".join(self.lines)) == gone:
            assert time.monotonic() < until, "\n".join(self.lines)
            time.sleep(0.02)
        return self.lines


@pytest.fixture
def shell(store, tmp_path):
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux")
    plain = {"PS1": "prompt> ", "SHELL": "/bin/sh", "ENV": "", "LC_ALL": "C.UTF-8"}
    server = Tmux(tmp_path / "tmux", store, **plain)
    started = Shell(server)
    started.until("prompt>")
    yield started
    server.close()
