"""Stop, StopFailure: the turn is over, the session is not."""

from __future__ import annotations

import sys

sys.path.insert(0, __file__.removesuffix("/hooks/stop.py"))

from lib import hook

hook.run(hook.stop)
