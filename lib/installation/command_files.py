"""The `headcount` command and its manual page, where a shell and `man` look for them.

In a checkout both are links. A package comes with a command of its own, in a folder
that whoever installed it has put on PATH.
"""

from __future__ import annotations

import os
import shutil

from ..checkout import COMMAND, ENVIRONMENT, IS_PACKAGE, ROOT
from ..claude import config_file
from ..errors import HeadcountError
from ..system import atomic, folder
from ..system.shell import command_or_reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_READABLE, _EXECUTABLE = 0o644, 0o755  # any user may run a command
_LINK = os.path.expanduser("~/.local/bin/headcount")
_PAGE = "headcount.1" if IS_PACKAGE else os.path.join("lib", "cli", "headcount.1")
_MANUAL = os.path.join(ROOT, _PAGE)
# `man` looks beside each folder of PATH: of ~/.local/bin, in ~/.local/share/man.
_MANUAL_LINK = os.path.expanduser("~/.local/share/man/man1/headcount.1")
_TARGETS = {
    "headcount": ("/.venv/bin/headcount",),
    "headcount.1": ("/lib/cli/headcount.1", "/share/headcount/headcount.1"),
}
# Both find the checkout relative to themselves, so that it can be moved.
_PTH = "../../../..\n"
_WRAPPER = """\
#!/bin/sh
self=$0
while [ -h "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=${self%/*}/$target ;;
  esac
done
folder=${self%/*}
[ -x "$folder/python" ] || {
  repair="sh '${folder%/.venv/bin}/install.sh'"
  case $folder in *[\\'\\\\[:cntrl:]]*) repair='run install.sh there again' ;; esac
  printf 'headcount: %s\\n' "$folder/python cannot be run." \\
    'The Python that it links to was probably upgraded, moved or removed.' \\
    'Until that is repaired, hooks look for another Python each time they run.' \\
    "To repair it: $repair" | LC_ALL=C tr '\\001-\\011\\013-\\037\\177' '[?*]' |
    LC_ALL=C sed "s/$(printf '\\302')[$(printf '\\200-\\237')]/?/g" >&2
  exit 1
}
exec "$folder/python" -I -m lib "$@"
"""


def make() -> None:
    """Create `.venv/bin/headcount`, and make the checkout importable for it.

    A package has both. Raises HeadcountError if a file cannot be written.
    """
    if IS_PACKAGE:
        return
    libraries = os.path.join(ENVIRONMENT, "lib")
    for name in os.listdir(libraries):
        packages = os.path.join(libraries, name, "site-packages")
        if os.path.isdir(packages):
            _write(os.path.join(packages, "headcount.pth"), _PTH, _READABLE)
    _write(COMMAND, _WRAPPER, _EXECUTABLE)


def link() -> Iterator[str]:
    """Link command and manual page to where they are looked for; say where they are.

    Another file of that name is left alone. Yields lines, most with `command:` or
    `manual:` first.
    """
    yield from _found_command() if IS_PACKAGE else _link_command()
    yield from _link_manual()


def unlink() -> Iterator[str]:
    """Remove the links that are ours, and yield a line for each."""
    for link in [_MANUAL_LINK] if IS_PACKAGE else [_LINK, _MANUAL_LINK]:
        if _is_link_ours(link):
            where, name = os.path.split(link)
            with folder.open_trusted(where) as opened:
                opened.unlink(name)
            yield f"removed:  {link}"


def _write(path: str, text: str, mode: int) -> None:
    """Write *text* to the file at *path*, unless it is there with at least *mode*."""
    if config_file.read(path) == text and os.stat(path).st_mode & mode == mode:
        return
    try:
        atomic.write(path, text.encode(), mode=mode)
    except OSError as error:
        raise HeadcountError(
            f"cannot write to {path}: {error.strerror or error}; if {ROOT} is not "
            "yours, its owner must run install.sh first"
        ) from error


def _found_command() -> Iterator[str]:
    found = shutil.which("headcount")
    yield f"command:  {found or COMMAND}"
    if not found:
        yield "    it is not on your PATH: `uv tool update-shell` or `pipx ensurepath`"
        yield "    adds the commands of that tool"
    elif os.path.realpath(found) != os.path.realpath(COMMAND):
        yield f"    that is another one than {COMMAND}, whose hooks these are"


def _link_command() -> Iterator[str]:
    """Link the command into `~/.local/bin`, unless another file has that name."""
    where, name = os.path.split(_LINK)
    if os.path.lexists(_LINK) and not _is_link_ours(_LINK):
        yield f"command:  {COMMAND}; {_LINK} is not ours and was not changed"
        return
    try:
        with folder.open_trusted(where, create=True) as opened:
            folder.check_owner(where, opened.own_status(), or_root=True)
            opened.symlink(COMMAND, name)
    except OSError as error:
        yield f"command:  {COMMAND}; not linked: {error}"
        return
    yield f"command:  {_LINK}"
    if not os.access(COMMAND, os.X_OK):
        yield f"    it cannot run, since {ROOT} is mounted noexec; the hooks can."
        yield f"    Instead of it, use: {command_or_reason('sh', COMMAND)}"
    if where not in os.environ.get("PATH", "").split(os.pathsep):
        yield f"    {where} is not on your PATH; add it"


def _link_manual() -> Iterator[str]:
    """Link the manual page to where `man` looks, unless another file has that name."""
    if os.path.lexists(_MANUAL_LINK) and not _is_link_ours(_MANUAL_LINK):
        return
    where, name = os.path.split(_MANUAL_LINK)
    try:
        with folder.open_trusted(where, create=True) as opened:
            opened.symlink(_MANUAL, name)
    except OSError as error:
        yield f"manual:   {_MANUAL}; not linked: {error}"
        return
    yield f"manual:   {_MANUAL_LINK}"


def _is_link_ours(link: str) -> bool:
    """Whether it leads to Headcount, in whichever place that is or was."""
    targets = _TARGETS[os.path.basename(link)]
    return os.path.islink(link) and os.readlink(link).endswith(targets)
