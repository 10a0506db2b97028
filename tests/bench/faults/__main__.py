"""What sharing through Redis survives: faults are injected while entries are written.

    tests/.venv/bin/python tests/bench/faults [NAME] [--help]

NAME is `rate`, `kills` or `network`; without it all three are run. `network` needs
root: its machines are network namespaces, which go away with it. What comes through the
stream is compared with the export of the store. Exit status: 0; 1 if a goal was missed.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/bench")]
NAMES = ("rate", "kills", "network")


def main() -> int:
    """Measure, print a line for each figure, and return the exit status."""
    import fleet
    import kills
    import network
    import rate

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", metavar="NAME", nargs="?", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=60, help="of 1,000 entries/s")
    parser.add_argument("--sharers", type=int, default=100, help="to kill")
    parser.add_argument("--servers", type=int, default=20, help="to kill")
    parser.add_argument("--cut", type=int, default=300, help="seconds without network")
    args = parser.parse_args()
    names = [args.name] if args.name else NAMES
    if "network" in names and os.environ.get(fleet.INSIDE) != "1":
        return network.run_inside()
    if "network" in names:
        fleet.run("ip", "link", "set", "lo", "up")
    missed = []
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = pathlib.Path(name)
        if "rate" in names:
            missed += rate.measure(folder, args.seconds)
        if "kills" in names:
            missed += kills.measure(folder, args.sharers, args.servers)
        if "network" in names:
            missed += network.measure(folder, args.cut)
    return 1 if any(missed) else 0


if __name__ == "__main__":
    sys.exit(main())
