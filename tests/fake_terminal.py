"""Stands in for a terminal program where a test needs its name and its terminal only.

Calls itself by the name that is its first argument, runs the command after it on a
terminal of its own, copies what that writes, and ends as it does.
"""

from __future__ import annotations

import os
import pathlib
import pty
import sys

name, *command = sys.argv[1:]
pid, terminal = pty.fork()
if not pid:
    os.execvp(command[0], command)
pathlib.Path("/proc/self/comm").write_text(name)
try:
    while block := os.read(terminal, 65_536):
        os.write(1, block)
except OSError:  # Linux: the command has ended
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
