"""Makes our packages importable in a process that was started without `site`.

Hooks run as `python -I -S`, because `site` takes a quarter of a bare start (15 against
21 ms where this was measured), and most hooks need no package. The few that do call
`add_site_packages` first.
"""

from __future__ import annotations

import sys


def add_site_packages() -> None:
    """Add the environment's packages to `sys.path`, unless `site` has done so."""
    if "site" in sys.modules:
        return
    import os

    home = os.path.dirname(os.path.dirname(sys.executable))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = os.path.join(home, "lib", version, "site-packages")
    if packages not in sys.path:
        sys.path.append(packages)
