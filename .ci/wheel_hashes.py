#!/usr/bin/env python3
"""Turn a pylock.toml on stdin into a requirements.txt that locks wheels only.

`uv pip compile --generate-hashes` also writes the hashes of source distributions,
whatever it is told, and installing one runs code that no hash covers. A pylock.toml
lists both apart. Fails if a package has no wheel.
"""

from __future__ import annotations

import sys

import tomllib


def main() -> None:
    """Print one requirement per package, with the hash of each of its wheels."""
    for package in tomllib.load(sys.stdin.buffer)["packages"]:
        marker = f" ; {package['marker']}" if "marker" in package else ""
        hashes = sorted(wheel["hashes"]["sha256"] for wheel in package["wheels"])
        options = [f"    --hash=sha256:{digest}" for digest in hashes]
        requirement = f"{package['name']}=={package['version']}{marker}"
        print(" \\\n".join([requirement, *options]))


if __name__ == "__main__":
    main()
