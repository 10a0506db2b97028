"""Runs a program that does something to a terminal or on the desktop."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def failure(
    command: list[str], seconds: float, variables: Mapping[str, str] | None = None
) -> str | None:
    """Run *command* for at most *seconds*; return why it failed, None if it did not.

    *variables* are its environment, by default ours.
    """
    try:
        done = subprocess.run(  # noqa: S603  # a list of arguments, without a shell
            command,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it took longer than {seconds:g} s"
    except OSError as error:
        return error.strerror or str(error)
    if not done.returncode:
        return None
    said = done.stderr.decode(errors="replace").strip()
    return said or f"exit code {done.returncode}"
