"""What the hooks of an installed package import as `lib`: the package `headcount`.

The wheel puts this file beside its hooks, in `share/headcount` of the environment. The
hooks are there because that path stays the same when the environment gets another
Python; the path of the package, `lib/python3.12/site-packages`, does not.

If the Python of the environment was replaced, or `hooks/run` found another one, the
package is still where the former one had it. Any Python can run it.
"""

from __future__ import annotations

import sys

_ENVIRONMENT = __file__.removesuffix("/share/headcount/lib.py")
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

sys.path.append(f"{_ENVIRONMENT}/lib/{_PYTHON}/site-packages")
try:
    package = __import__("headcount")
except ModuleNotFoundError:
    import os

    names = sorted(os.listdir(f"{_ENVIRONMENT}/lib"), reverse=True)
    sys.path += [f"{_ENVIRONMENT}/lib/{name}/site-packages" for name in names]
    package = __import__("headcount")
sys.modules[__name__] = package
