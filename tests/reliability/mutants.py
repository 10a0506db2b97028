"""Take one guarantee out of the code at a time: the quick tests must notice.

    python tests/reliability/mutants.py [--only NAME] [--list]

Each mutant lives in a copy of the tree, in a temporary folder; the tests named for it
are run there. Prints a line a mutant, and exits 1 if one survives. The code as it is
must pass the same tests first, else their failing would mean nothing.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ["docs", "hooks", "lib", "tests", "pyproject.toml", "settings.example.json"]
NOT_COPIED = shutil.ignore_patterns(".venv", ".client", "__pycache__", "e2e")
LONGEST_SECONDS = 300


class Mutant(NamedTuple):
    """A guarantee, and how to take it away."""

    name: str
    file: str
    old: str
    new: str
    tests: str  # what pytest is given; one failure kills


MUTANTS = [
    Mutant(
        "newline repair",
        "lib/store/journal.py",
        'if size > 0 and read_at(descriptor, 1, size - 1) != b"\\n":',
        "if size < 0:",
        "test_images.py",
    ),
    Mutant(
        "exclusive creation",
        "lib/store/links.py",
        "        os.link(hidden, path, follow_symlinks=False)\n",
        "        os.replace(hidden, path)\n",
        "test_writers.py",
    ),
    Mutant(
        "no-clobber rename",
        "lib/system/atomic.py",
        "    if not _rename_atomically(source, name, destination, new):\n",
        "    os.rename(f'{source.path}/{name}', f'{destination.path}/{new}')\n"
        "    if 0:\n",
        "test_cleaners.py",
    ),
    Mutant(
        "rename in one step",
        "lib/system/atomic.py",
        "    if not _rename_atomically(source, name, destination, new):\n",
        "    if True:\n",
        "../store/test_archive.py test_cleaners.py",
    ),
    Mutant(
        "verdict again under the lock",
        "lib/store/archive.py",
        "        if confirm(descriptor):\n",
        "        if confirm:\n",
        "test_cleaners.py",
    ),
    Mutant(
        "fingerprint compare",
        "lib/system/process.py",
        "    if str(status[2]) != start:\n",
        "    if str(status[2]) == None:\n",
        "test_liveness.py",
    ),
    Mutant(
        "id allow-list",
        "lib/store/paths.py",
        '        and value.replace("-", "").replace("_", "").isalnum()\n',
        "",
        "test_payloads.py",
    ),
    Mutant(
        "lock deadline",
        "lib/file_lock.py",
        "        if waited >= timeout:\n",
        "        if waited < 0:\n",
        "test_stopped_lock.py",
    ),
    Mutant(
        "exit-code guard",
        "lib/hook.py",
        "log_error(action.__name__, error)\n    finally:\n        os._exit(0)\n",
        "log_error(action.__name__, error)\n    finally:\n        pass\n",
        "test_payloads.py",
    ),
    Mutant(
        "installed command's guard",
        "settings.example.json",
        "run session_end $PPID $? 2>/dev/null || : # headcount",
        "run session_end $PPID $? # headcount",
        "test_installed_commands.py",
    ),
    Mutant(
        "metadata before the name",
        "lib/store/links.py",
        "    descriptor = private.create(hidden, _APPEND)\n",
        "    descriptor = private.create(path, _APPEND)\n"
        "    private.write_whole(descriptor, line[:9])\n"
        "    private.write_whole(descriptor, line[9:])\n"
        "    return os.close(descriptor)\n",
        "../store/test_journal.py test_writers.py",
    ),
    Mutant(
        "whole writes only",
        "lib/system/private.py",
        "        written = os.write(descriptor, line)\n",
        "        half = os.write(descriptor, line[:99])\n"
        "        written = half + os.write(descriptor, line[99:])\n",
        "../store/test_journal.py test_writers.py test_kills.py",
    ),
    Mutant(
        "hard links refused",
        "lib/store/links.py",
        "    if surplus > 0:\n",
        "    if surplus > 99:\n",
        "test_folders.py",
    ),
    Mutant(
        "no second beginning of an archived session",
        "lib/store/links.py",
        "        if is_taken():\n",
        "        if is_taken is None:\n",
        "../store/test_links.py",
    ),
    Mutant(
        "interrupted move finished",
        "lib/store/links.py",
        "                unlink(other, descriptor)\n",
        "                pass\n",
        "../store/test_links.py",
    ),
    Mutant(
        "symbolic links refused",
        "lib/system/private.py",
        'getattr(os, "O_NOFOLLOW", 0) | ',
        "",
        "test_folders.py",
    ),
    Mutant(
        "proof before archiving",
        "lib/store/archive.py",
        "    if snapshot.classify_open(descriptor, path) != snapshot.OURS:\n",
        "    if path is None:\n",
        "test_folders.py",
    ),
    Mutant(
        "lock while archiving",
        "lib/store/journal.py",
        "            file_lock.acquire(self._descriptor, self._path, self._timeout)\n",
        "",
        "test_stopped_lock.py",
    ),
    Mutant(
        "settings replaced whole",
        "lib/claude/config_file.py",
        "                self._parent.replace(temporary, self._name)\n",
        "                open(self._path, 'w').write(planned.after)\n",
        "test_syscalls.py test_settings_files.py",
    ),
    Mutant(
        "verdict before deletion",
        "lib/store/delete.py",
        "        _check_finished(path, descriptor, now)\n        if os",
        "        if os",
        "../cli/commands/test_rm.py ../cli/commands/test_cleanup.py",
    ),
    Mutant(
        "proof before deletion",
        "lib/store/delete.py",
        "        _check_proven(path, descriptor)\n"
        "        _check_finished(path, descriptor, now)\n        if",
        "        _check_finished(path, descriptor, now)\n        if",
        "../cli/commands/test_cleanup.py",
    ),
    Mutant(
        "no link in place of the archive",
        "lib/system/folder.py",
        '_FLAGS = _FOLLOWING | getattr(os, "O_NOFOLLOW", 0)',
        "_FLAGS = _FOLLOWING",
        "test_hostile_files.py",
    ),
    Mutant(
        "another user's link not followed",
        "lib/system/folder.py",
        "if target is None or status.st_uid == _ROOT or ",
        "if True or ",
        "test_hostile_files.py",
    ),
    Mutant(
        "log of another program left alone",
        "lib/store/error_log.py",
        "    return timestamps.is_timestamp(timestamp) and is_version\n",
        "    return True\n",
        "test_hostile_files.py",
    ),
    Mutant(
        "no deletion of what has grown",
        "lib/store/delete.py",
        "if os.fstat(descriptor).st_size != size:",
        "if size < 0:",
        "../cli/commands/test_rm.py",
    ),
    Mutant(
        "no NaN, also without the interpreter's codec",
        "lib/record/jsonl.py",
        "allow_nan=False, separators",
        "allow_nan=True, separators",
        "../record/test_jsonl.py",
    ),
]


def copy_of_tree(folder):
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=NOT_COPIED)
        else:
            shutil.copy(source, folder)


def apply(mutant, folder):
    path = folder / mutant.file
    text = path.read_text()
    assert text.count(mutant.old) == 1, f"{mutant.name}: not once in {mutant.file}"
    path.write_text(text.replace(mutant.old, mutant.new))


def run(tests, folder, seed):
    """Return whether all of *tests* pass in *folder*, and which failed first."""
    paths = [f"tests/reliability/{name}" for name in tests.split()]
    plugin = [] if "reliability.figures" in _conftest(folder) else ["-p", PLUGIN]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", *plugin]
    try:
        done = subprocess.run(
            [*command, f"--seed={seed}", "-p", "no:cacheprovider", *paths],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder / "tests")},
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:  # as where a lost session is waited for
        return False, f"the limit of {LONGEST_SECONDS} s"
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 0, _first_failure(done.stdout)


PLUGIN = "reliability.figures"


def _conftest(folder):
    return (folder / "tests" / "conftest.py").read_text()


def _first_failure(said):
    failed = [
        line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))
    ]
    return failed[0].split("::", 1)[-1].split(" - ")[0] if failed else ""


def judge(mutant, seed):
    """Return whether the mutant survives."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = pathlib.Path(name)
        copy_of_tree(folder)
        apply(mutant, folder)
        survives, failed = run(mutant.tests, folder, seed)
    verdict = "SURVIVED" if survives else f"killed by {failed}"
    print(f"{mutant.name}: {verdict} ({time.monotonic() - began:.0f} s)", flush=True)
    return survives


def check_unharmed(chosen, seed):
    """Exit unless the tests of all the mutants pass on the code as it is."""
    tests = " ".join(sorted({name for m in chosen for name in m.tests.split()}))
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        copy_of_tree(pathlib.Path(name))
        passed, failed = run(tests, pathlib.Path(name), seed)
    if not passed:
        sys.exit(f"the code as it is fails {failed}; that comes first")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="NAME", help="this mutant alone")
    parser.add_argument("--list", action="store_true", help="name them and end")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if options.only in (None, m.name)]
    if options.list:
        for mutant in chosen:
            print(f"{mutant.name}: {mutant.file}; {mutant.tests}")
        return 0
    check_unharmed(chosen, options.seed)
    survivors = [mutant.name for mutant in chosen if judge(mutant, options.seed)]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants killed")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
