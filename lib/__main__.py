"""`python -m lib` in a checkout, `python -m headcount` when installed."""

from __future__ import annotations

import sys

from .cli.main import main

sys.exit(main())
