"""What `install.sh` starts: wire the hooks, take them out, show them, purge.

Only the standard library is needed, and nothing that was installed: taking out works
when the environment is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import os
import re
import shlex
import shutil
import sys
from typing import TYPE_CHECKING

from .claude import config_file, hook_merge, settings, smoke_test
from .claude.config_file import BACKUP_SUFFIX, Change
from .errors import HeadcountError
from .store import paths, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

# `splitlines` would also split at characters that JSON allows in a string.
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_ENVIRONMENT = os.path.join(_CHECKOUT, ".venv")
_COMMAND = os.path.join(_ENVIRONMENT, "bin", "headcount")
# Both find the checkout from where they lie themselves, and so survive its moving.
_PTH = "../../../..\n"
_WRAPPER = """\
#!/bin/sh
self=$0
while [ -h "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=${self%/*}/$target ;;
  esac
done
exec "${self%/*}/python" -I -m lib "$@"
"""


def main(arguments: list[str] | None = None) -> int:
    """Do one action; return 0, or 1 after one line that says what is wrong."""
    _speak_utf8()
    options = _parser().parse_args(arguments)
    try:
        return int(options.action(options))
    except (HeadcountError, OSError) as error:
        print(f"install.sh: {error}", file=sys.stderr)
        if options.action is _install and isinstance(error, settings.SettingsError):
            print(
                "    to paste the hooks yourself: ./install.sh --print", file=sys.stderr
            )
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="install.sh", allow_abbrev=False)
    actions = parser.add_subparsers(required=True)
    for action in (_install, _uninstall, _print):
        sub = actions.add_parser(action.__name__.removeprefix("_"))
        sub.set_defaults(action=action)
        sub.add_argument("--scope", choices=("user", "project", "local"))
        sub.add_argument("--project")
        sub.add_argument("--dry-run", action="store_true")
        sub.add_argument("--purge", action="store_true")
        sub.add_argument("--statusline", action="store_true")
    return parser


def _install(options: argparse.Namespace) -> int:
    ours = settings.desired_hooks(_CHECKOUT)
    path = _settings_file(options)
    # Also refuses what cannot be read, before a test takes seconds.
    line = _status_line(path, asked=options.statusline)
    if options.dry_run:
        return _show(settings.install_hooks(path, ours, line, dry_run=True))
    _make_command()
    if not _self_test(ours):
        return 1
    change = settings.install_hooks(path, ours, line)
    _report(change, f"{len(ours)} hooks{' and the status line' * bool(line)} installed")
    _link_command()
    print(f"records:  {paths.SESSIONS_DIR}")
    print(f"undo:     {_undo(options)}")
    if settings.disabled(path):
        print(f"note:     `disableAllHooks` is true in {path}: no hook will run")
    return 0


def _uninstall(options: argparse.Namespace) -> int:
    path = _settings_file(options)
    change = settings.uninstall_hooks(path, dry_run=options.dry_run)
    if options.dry_run:
        return _show(change)
    _report(change, "our hooks are out")
    installed = _remaining(options)
    if installed:
        files = ", ".join(installed)
        print(f"kept:     command, .venv and records; our hooks are still in {files}")
        return int(options.purge)
    _unlink_command()
    if options.purge:
        _purge()
    return 0


def _print(options: argparse.Namespace) -> int:
    groups = {
        event: [group] for event, group in settings.desired_hooks(_CHECKOUT).items()
    }
    wanted: dict[str, object] = {"hooks": groups}
    if options.statusline:
        wanted["statusLine"] = settings.desired_status_line(_CHECKOUT)
    print(json.dumps(wanted, indent=2, ensure_ascii=False))
    return 0


def _status_line(path: str, *, asked: bool) -> dict[str, object] | None:
    """Return the status line to be set: if *asked* for, or to keep ours up to date.

    Where theirs is, it stays, and the lines to paste in its place are printed.
    """
    whose, wanted = (
        settings.status_line_owner(path),
        settings.desired_status_line(_CHECKOUT),
    )
    if whose == "theirs" and asked:
        print(
            f"note:     `statusLine` in {path} is not ours, and stays. To have ours "
            f'instead, put this there:\n    "statusLine": '
            f"{json.dumps(wanted, ensure_ascii=False)}"
        )
    return wanted if whose == "ours" or (asked and whose == "none") else None


def _remaining(options: argparse.Namespace) -> list[str]:
    """Return the settings files that have our hooks; one that is broken may have."""
    installed = []
    for path in settings.settings_files(options.project or os.curdir).values():
        try:
            if (
                settings.installed_hooks(path)
                or settings.status_line_owner(path) == "ours"
            ):
                installed.append(path)
        except settings.SettingsError:
            installed.append(path)
    return installed


def _purge() -> None:
    """Remove the environment, the records and what else is ours in the store."""
    folder, records = paths.SESSIONS_DIR, 0
    print(f"purging:  the records in {folder}, and {_ENVIRONMENT}")
    for day in [*paths.archive_folders(), folder]:
        for path in list(_records(day)):
            os.unlink(path)
            records += 1
        _remove_if_empty(day)
    _remove_if_empty(paths.ARCHIVE_DIR)
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if _is_by_product(folder, name):
            os.unlink(os.path.join(folder, name))
    _remove_if_empty(folder)
    left = "; what is not ours was left there" if os.path.isdir(folder) else ""
    print(f"removed:  {records} records in {folder}{left}")
    shutil.rmtree(_ENVIRONMENT, ignore_errors=True)
    print(f"removed:  {_ENVIRONMENT}")


def _self_test(ours: hook_merge.Hooks) -> bool:
    print("self-test, into a temporary store:")
    hooks = {event: group["hooks"][0] for event, group in ours.items()}
    failed = 0
    for run in smoke_test.run(hooks):
        print(f"    {run.event:<17}{run.milliseconds:5.0f} ms  {run.problem}".rstrip())
        failed += bool(run.problem)
    if failed:
        print(
            f"install.sh: {failed} of {len(hooks)} hooks do not record; the settings "
            f"were not changed. `{shlex.quote(_COMMAND)} doctor` (headcount doctor) "
            "looks for the cause",
            file=sys.stderr,
        )
    return not failed


def _settings_file(options: argparse.Namespace) -> str:
    scope = options.scope or ("project" if options.project else "user")
    project = options.project or os.curdir
    if scope != "user" and not os.path.isdir(project):
        raise settings.SettingsError(
            f"there is no folder {project}; --project takes the project's"
        )
    return settings.settings_files(project)[scope]


def _undo(options: argparse.Namespace) -> str:
    words = [os.path.join(_CHECKOUT, "install.sh"), "--uninstall"]
    if options.scope and options.scope != "user":
        words += ["--scope", options.scope]
    if options.project or len(words) > 2:  # noqa: PLR2004
        words += ["--project", os.path.abspath(options.project or os.curdir)]
    return shlex.join(words)


def _report(change: Change, done: str) -> None:
    if not change.changed:
        print(f"settings: {change.path} was so already; not touched")
        return
    print(f"settings: {change.path}: {done}")
    if change.after is None:
        print("    nothing else was in it; the file is gone, as before installing")
    if change.backup is not None:
        print(f"    as it was without: {change.path}{BACKUP_SUFFIX}")


def _make_command() -> None:
    """Make `.venv/bin/headcount`, and the checkout importable for it."""
    libraries = os.path.join(_ENVIRONMENT, "lib")
    for name in os.listdir(libraries):
        packages = os.path.join(libraries, name, "site-packages")
        if os.path.isdir(packages):
            _write(os.path.join(packages, "headcount.pth"), _PTH)
    _write(_COMMAND, _WRAPPER)
    os.chmod(_COMMAND, 0o755)  # noqa: S103  # a command is for everybody


def _write(path: str, text: str) -> None:
    if config_file.read(path) != text:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def _link_command() -> None:
    """Link the command into `~/.local/bin`, unless something else has its name."""
    link = _link()
    if os.path.lexists(link) and not _is_our_link(link):
        print(f"command:  {_COMMAND}; {link} is not ours, and was left alone")
        return
    try:
        os.makedirs(os.path.dirname(link), exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(link)
        os.symlink(_COMMAND, link)
    except OSError as error:
        print(f"command:  {_COMMAND}; not linked: {error}")
        return
    print(f"command:  {link}")
    if os.path.dirname(link) not in os.environ.get("PATH", "").split(os.pathsep):
        print(f"    {os.path.dirname(link)} is not on your PATH; add it there")


def _unlink_command() -> None:
    if _is_our_link(_link()):
        os.unlink(_link())
        print(f"removed:  {_link()}")


def _link() -> str:
    return os.path.expanduser("~/.local/bin/headcount")


def _is_our_link(link: str) -> bool:
    return os.path.islink(link) and os.readlink(link).endswith("/.venv/bin/headcount")


def _show(change: Change) -> int:
    """Print what would change, as a unified diff."""
    for line in _diff(change):
        end = "" if line.endswith("\n") else "\n\\ No newline at end of file\n"
        print(line, end=end)
    if not change.changed:
        print(f"{change.path}: nothing to change")
    return 0


def _diff(change: Change) -> Iterator[str]:
    return difflib.unified_diff(
        _LINE.findall(change.before or ""),
        _LINE.findall(change.after or ""),
        "/dev/null" if change.before is None else change.path,
        "/dev/null" if change.after is None else change.path,
    )


def _records(folder: str) -> Iterator[str]:
    """Yield the files of *folder* that are proven to be records of ours."""
    for entry in paths.session_files(folder):
        with contextlib.suppress(OSError):
            if snapshot.classify(entry.path) == snapshot.OURS:
                yield entry.path


def _is_by_product(folder: str, name: str) -> bool:
    if name == ".gitignore":
        return config_file.read(os.path.join(folder, name)) == "*\n"
    log = (paths.ERROR_LOG, f"{paths.ERROR_LOG}.1")
    return name in (settings.LOCK_NAME, *log) or paths.is_temporary(name)


def _remove_if_empty(folder: str) -> None:
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def _speak_utf8() -> None:
    # A path that the locale cannot spell must not end an installation half-way.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


if __name__ == "__main__":
    raise SystemExit(main())
