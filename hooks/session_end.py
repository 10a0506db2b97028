"""SessionEnd: the session is closed."""

from __future__ import annotations

import gc
import sys

gc.disable()  # this process is too short for it to pay
sys.path.insert(0, __file__.removesuffix("/hooks/session_end.py"))

from lib import hook

hook.run(hook.session_end)
