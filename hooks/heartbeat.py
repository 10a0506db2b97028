"""UserPromptSubmit, PostToolUse, Notification: the session is alive."""

from __future__ import annotations

import sys

sys.path.insert(0, __file__.removesuffix("/hooks/heartbeat.py"))

from lib import hook

hook.run(hook.heartbeat)
