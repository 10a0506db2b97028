"""Where Headcount is, and who else can change what its hooks run.

It is in a checkout, with `install.sh` and an environment `.venv`, or installed as a
package. The wheel puts the hooks in `share/headcount` of the environment. So each of
the two has a root, a folder with `hooks` and `settings.example.json` in it.

The hooks run at every prompt with the rights of their user. So nobody but that user and
root should be able to write to the code, or to replace a folder on the way to it.
"""

from __future__ import annotations

import os
import re
import stat
from typing import NamedTuple

from .system.shell import command_or_reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_CODE = (
    *("install.sh", "requirements.txt", "settings.example.json", "hooks", "lib"),
    *(".claude-plugin", "bin", "skills"),
)
_PACKAGE_CODE = ("lib.py",)
_ROOT = 0
_MODULES = os.path.dirname(os.path.abspath(__file__))
# Homebrew has the version in the path of an environment, and a link without it.
_CELLAR = re.compile(r"/Cellar/(headcount)/[^/]+(?=/)")

IS_PACKAGE = os.path.basename(_MODULES) != "lib"
PROGRAM = "headcount" if IS_PACKAGE else "install.sh"


def root_of(modules: str) -> str:
    """Return the root that belongs to the folder *modules*, `lib` or `headcount`."""
    if os.path.basename(modules) == "lib":
        return os.path.dirname(modules)
    packages = os.path.dirname(modules)  # lib/python3.12/site-packages
    prefix = os.path.dirname(os.path.dirname(os.path.dirname(packages)))
    root = os.path.join(prefix, "share", "headcount")
    linked = _CELLAR.sub(r"/opt/\1", root)
    return linked if os.path.isdir(linked) else root


def environment(root: str) -> str:
    """Return the environment whose interpreter runs the hooks in *root*."""
    if os.path.isfile(os.path.join(root, "lib.py")):
        return os.path.dirname(os.path.dirname(root))
    return os.path.join(root, ".venv")


ROOT = root_of(_MODULES)
ENVIRONMENT = environment(ROOT)
COMMAND = os.path.join(ENVIRONMENT, "bin", "headcount")


def install_words(*options: str) -> list[str]:
    """Return the command that installs the hooks, or removes them (`--uninstall`).

    *options* are those of `install.sh`. The first word is an absolute path.
    """
    if not IS_PACKAGE:
        return [os.path.join(ROOT, "install.sh"), *options]
    action = "uninstall" if "--uninstall" in options else "install"
    return [COMMAND, action, *(word for word in options if word != "--uninstall")]


class Exposure(NamedTuple):
    """A file or folder that others can change, and who, to follow its path.

    *is_ours*: it belongs to this user. *is_inside*: it is part of the checkout.
    """

    path: str
    others: str
    to_everyone: bool
    is_ours: bool
    is_inside: bool = False

    def __str__(self) -> str:
        return f"{self.path} {self.others}, so others can change what your hooks run"

    @property
    def remedy(self) -> str:
        """A command that restricts it, or what else to do."""
        if not self.is_ours and IS_PACKAGE:
            return "install the package as yourself, with uv, pipx or pip"
        if not self.is_ours:
            return "move the checkout to a folder of your own, and run its install.sh"
        options = ["-R"] if self.is_inside else []
        return command_or_reason("chmod", *options, "go-w", self.path)


def exposures(checkout: str) -> list[Exposure]:
    """Return what others can change of *checkout*, and of the folders on the way to it.

    It is the root of a checkout or of a package. Of a folder that they can change,
    nothing inside is listed. Empty on Windows.
    """
    if not hasattr(os, "geteuid"):
        return []
    checkout = os.path.realpath(checkout)
    own_environment = os.path.realpath(environment(checkout))
    found = [*_above(checkout), *_above(own_environment)]
    own = _exposure(checkout)
    inside = [own] if own else _inside(checkout, own_environment)
    found += [exposure._replace(is_inside=True) for exposure in inside]
    return list({exposure.path: exposure for exposure in found}.values())


def _above(path: str) -> Iterator[Exposure]:
    """Look at the folders above *path*, outermost first.

    In one with the sticky bit others can only add names.
    """
    parent = os.path.dirname(path)
    if parent != path:
        yield from _above(parent)
        exposure = _exposure(parent, ignore=stat.S_ISVTX)
        if exposure:
            yield exposure


def _inside(checkout: str, own_environment: str) -> Iterator[Exposure]:
    for name in (*_CODE, *_PACKAGE_CODE, own_environment):
        top = os.path.realpath(os.path.join(checkout, name))
        yield from _tree(top) if os.path.lexists(top) else ()


def _tree(path: str) -> Iterator[Exposure]:
    exposure = _exposure(path)
    if exposure:
        yield exposure
    elif os.path.isdir(path) and not os.path.islink(path):
        for name in _names(path):
            yield from _tree(os.path.join(path, name))


def _names(folder: str) -> list[str]:
    try:
        # uv leaves one that everyone can write to, and nothing runs it.
        return sorted(name for name in os.listdir(folder) if name != ".lock")
    except OSError:
        return []  # root's, else it would have been found already


def _exposure(path: str, ignore: int = 0) -> Exposure | None:
    """Return how others can change *path*; None if they cannot.

    A mode with the bit *ignore* does not count, and neither does that of a link.
    """
    try:
        status = os.lstat(path)
    except OSError:
        return None  # it was removed in the meantime
    is_ours = status.st_uid == os.geteuid()
    counts = not (stat.S_ISLNK(status.st_mode) or status.st_mode & ignore)
    mode = status.st_mode if counts else 0
    if not is_ours and status.st_uid != _ROOT:
        others = f"belongs to user {_user(status.st_uid)}"
    elif mode & stat.S_IWOTH:
        others = "can be changed by everyone"
    elif mode & stat.S_IWGRP and not _is_private(status.st_gid):
        others = f"can be changed by the group {_group(status.st_gid)}"
    else:
        return None
    return Exposure(path, others, bool(mode & stat.S_IWOTH), is_ours)


def _is_private(group: int) -> bool:
    """Whether *group* is root's, or that of this user alone, as many systems make one.

    As pam_umask(8) has it, that is the user's own group with the user's name.
    """
    import grp
    import pwd

    try:
        user, members = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return group == _ROOT
    is_own = user.pw_gid == group and members.gr_name == user.pw_name
    return group == _ROOT or (is_own and not {*members.gr_mem} - {user.pw_name})


def _user(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    import grp

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
