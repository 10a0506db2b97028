#!/usr/bin/env python3
"""Fill in a Homebrew formula for a release: its archive, and the packages it needs.

Reads a pylock.toml of these packages on stdin. Of a package of pure Python it takes the
wheel, whose hash is also in requirements.txt, and of the others the source.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import tomllib


def main() -> None:
    """Write the URL, the file with the archive, and all resources into the formula."""
    name, url, archive = sys.argv[1:]
    formula = Path(name)
    text = formula.read_text(encoding="utf-8")
    digest = hashlib.sha256(Path(archive).read_bytes()).hexdigest()
    packages = tomllib.load(sys.stdin.buffer)["packages"]
    resources = "\n".join(map(resource, packages))
    for old, new in (
        (r'  url ".*\n  sha256 ".*\n', f'  url "{url}"\n  sha256 "{digest}"\n'),
        (r"  resource (?s:.*)\n  end\n(?=\n  def install\n)", resources),
    ):
        text, count = re.subn(f"(?m:^){old}", lambda _, new=new: new, text)
        if count != 1:
            sys.exit(f"{name}: there must be one place for: {old}")
    formula.write_text(text, encoding="utf-8")


def resource(package: dict) -> str:
    """Return the lines that name the file of *package*."""
    wheels = package.get("wheels", [])
    pure = [wheel for wheel in wheels if wheel["url"].endswith("py3-none-any.whl")]
    file = pure[0] if pure else package["sdist"]
    return (
        f'  resource "{package["name"]}" do\n    url "{file["url"]}"\n'
        f'    sha256 "{file["hashes"]["sha256"]}"\n  end\n'
    )


if __name__ == "__main__":
    main()
