"""What happens within a session, from a prompt to a permission request: it is alive."""

from __future__ import annotations

import gc
import sys

gc.disable()  # this process is too short for it to pay
sys.path.insert(0, __file__.removesuffix("/hooks/heartbeat.py"))

from lib import hook

hook.run(hook.heartbeat)
