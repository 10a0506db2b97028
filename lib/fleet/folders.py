"""The folders of the fleet: a person's configuration, and the cache."""

from __future__ import annotations

import os

from ..system import folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..system.folder import Folder


def config_path(name: str) -> str:
    """Return the path of the file *name* of Headcount's configuration."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(base, "headcount", name)


def opened(name: str) -> Folder:
    """Return the folder *name* of Headcount's cache, which only this user can read.

    It is created if it is missing. Raises OSError: a StoreError if it is another
    user's, or a link.
    """
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.path.join(base, "headcount")
    os.makedirs(path, exist_ok=True)
    folder.make_private(path)
    with folder.open_own(path, follow=False) as parent:
        return parent.folder(name, create=True)
