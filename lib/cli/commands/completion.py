"""`headcount completion`: print a shell's completion script, or what it asks for."""

from __future__ import annotations

from ...errors import UsageError
from .. import completion, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def run(args: Namespace) -> int:
    """Print the script of the shell, or with `--complete` the candidates."""
    if "complete" in args:
        candidates = completion.candidates(args.complete or [""])
        output.write([f"{value}\t{description}" for value, description in candidates])
    elif args.shell:
        output.write_text(completion.script(args.shell))
    else:
        raise UsageError("name a shell: bash, zsh or fish")
    return 0
