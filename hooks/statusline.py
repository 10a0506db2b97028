"""statusLine: the live sessions, in one line."""

from __future__ import annotations

import sys

sys.path.insert(0, __file__.removesuffix("/hooks/statusline.py"))

from lib import statusline

statusline.run()
