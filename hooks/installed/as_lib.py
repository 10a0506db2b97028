"""What the hooks of an installed package import as `lib`: the package `headcount`.

The wheel puts this file beside its hooks, in `share/headcount` of the environment. The
hooks are there because that path stays the same when the environment gets another
Python; the path of the package, `lib/python3.12/site-packages`, does not.
"""

from __future__ import annotations

import sys

_ENVIRONMENT = __file__.removesuffix("/share/headcount/lib.py")
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

sys.path.append(f"{_ENVIRONMENT}/lib/{_PYTHON}/site-packages")
sys.modules[__name__] = __import__("headcount")
