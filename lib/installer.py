"""Install the hooks, uninstall or print them, purge.

`install.sh` and `headcount install` are front ends of this. It uses only the standard
library, so that uninstalling works even if the environment is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import os
import re
import shutil
import sys
import time
from typing import TYPE_CHECKING, TextIO

from . import plugin
from .checkout import (
    COMMAND,
    ENVIRONMENT,
    IS_PACKAGE,
    PROGRAM,
    ROOT,
    exposures,
    install_words,
)
from .claude import settings, smoke_test, versions
from .claude.config_file import BACKUP_SUFFIX, Change
from .errors import HeadcountError
from .installation import command_files
from .store import delete, paths
from .system.shell import command_or_reason
from .text import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from .claude.settings_text.hook_merge import Hooks

# `splitlines` would also split at characters that are valid in a JSON string.
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_MAX_NAMED = 3


def main() -> int:
    """Run the action in `sys.argv` for `install.sh`; return the exit code."""
    return run(_parser().parse_args())


def run(options: argparse.Namespace) -> int:
    """Run one action; return 0, or 1 after an error message.

    *options* has `action`, `scope`, `project`, `dry_run`, `purge` and `statusline`. The
    actions are install, uninstall and print, and for the settings that Claude Code
    changes when it installs or uninstalls the plugin keep-settings, restore-settings.
    """
    _use_utf8()
    os.umask(os.umask(0o022) | 0o022)  # nobody else may write to what hooks run
    actions: dict[str, Callable[[argparse.Namespace], int | None]] = {
        "install": _install,
        "uninstall": _uninstall,
        "print": _print,
        "keep-settings": lambda _: plugin.keep_settings(),
        "restore-settings": lambda _: plugin.restore_settings(),
    }
    try:
        if options.action in ("install", "uninstall"):
            _refuse_home_of_another(options)
        if options.action == "install":
            _refuse_passing_environment()
        return actions[options.action](options) or 0
    except (HeadcountError, OSError) as error:
        _say(f"{PROGRAM}: {error}", file=sys.stderr)
        if options.action == "install" and isinstance(error, settings.SettingsError):
            how = "headcount install" if IS_PACKAGE else "./install.sh"
            hint = f"    to add the hooks by hand, print them: {how} --print"
            _say(hint, file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="install.sh", allow_abbrev=False)
    actions = ("install", "uninstall", "print", "keep-settings", "restore-settings")
    parser.add_argument("action", choices=actions)
    parser.add_argument("--scope", choices=("user", "project", "local"))
    parser.add_argument("--project")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--purge", action="store_true")
    parser.add_argument("--statusline", action="store_true")
    return parser


def _refuse_home_of_another(options: argparse.Namespace) -> None:
    """Refuse to create files for a user who could then not change them."""
    home, user = os.path.expanduser("~"), os.environ.get("SUDO_USER")
    owner = os.stat(home).st_uid
    if owner == os.geteuid() or (owner == 0 and not user):  # as in a container
        return
    actions = ["--uninstall"] * (options.action == "uninstall")
    actions += ["--purge"] * options.purge + ["--statusline"] * options.statusline
    how = f"without sudo, as {user}" if user else f"as user {owner}"
    raise HeadcountError(
        f"{'sudo runs this' if user else 'this runs'} as another user, in {home}; "
        f"nothing was changed. Run it {how}: {_command_line(options, *actions)}"
    )


def _refuse_passing_environment() -> None:
    """Refuse hooks of a package in an environment that will not stay, or has no Python.

    `uvx` and `pipx run` make one in a cache.
    """
    if not IS_PACKAGE:
        return
    advice = "install it with `uv tool install` or `pipx install`"
    if not os.access(os.path.join(ENVIRONMENT, "bin", "python"), os.X_OK):
        raise HeadcountError(
            f"{ENVIRONMENT} has no bin/python, which the hooks need; {advice}"
        )
    home = os.path.expanduser("~")
    caches = [os.path.join(home, ".cache"), os.path.join(home, "Library", "Caches")]
    caches += [os.environ.get(name, "") for name in ("XDG_CACHE_HOME", "UV_CACHE_DIR")]
    for cache in map(os.path.realpath, filter(None, caches)):
        if os.path.realpath(ENVIRONMENT).startswith(os.path.join(cache, "")):
            raise HeadcountError(
                f"{ENVIRONMENT} is in a cache, which may be emptied; {advice}"
            )


def _install(options: argparse.Namespace) -> int:
    path = _settings_file(options)
    # This also refuses unreadable settings before the self-test, which takes seconds.
    line = _status_line(path, requested=options.statusline)
    clients = versions.in_use(time.time())
    hooks = _hooks(clients, sys.stdout)
    lenient = versions.skip_malformed_hooks(clients)
    _announce_takeover(path)
    if options.dry_run:
        _show(settings.install_hooks(path, hooks, line, dry_run=True, lenient=lenient))
        _warn_if_ignored(options, clients)
        _warn_if_exposed()
        return 0
    command_files.make()
    if not _self_test(hooks):
        return 1
    change = settings.install_hooks(path, hooks, line, lenient=lenient)
    what = f"{len(hooks)} hooks{' and the status line' * bool(line)}"
    _report(change, f"{what} installed")
    for text in command_files.link():
        _say(text)
    _say(f"records:  {paths.SESSIONS_DIR}")
    _say(f"undo:     {_command_line(options, '--uninstall')}")
    _say("next:     run `headcount list` while a session is open. Those open now are")
    _say("    recorded from their next prompt")
    _warn_if_ignored(options, clients)
    _warn_if_exposed()
    return 0


def _warn_if_exposed() -> None:
    """Name what others can change, of all that the hooks run."""
    found = exposures(ROOT)
    for exposure in found[:_MAX_NAMED]:
        _say(f"warning:  {exposure}.\n    To change that: {exposure.remedy}")
    if len(found) > _MAX_NAMED:
        _say(f"    There are {len(found) - _MAX_NAMED} more; see `headcount doctor`")


def _warn_if_ignored(
    options: argparse.Namespace, clients: list[versions.ClientInUse]
) -> None:
    """Say so if the settings that count here keep hooks from running, or may do so."""
    path = _settings_file(options)
    in_all_events = not versions.skip_unknown_types(clients)
    for what in settings.unknown_words(path, in_all_events=in_all_events):
        _say(f"note:     in {path}, {what}.")
        _say("    `headcount doctor --live` shows whether yours knows it")
    here = settings.settings_files(options.project or os.curdir).values()
    for file, switch in settings.switches(here).items():
        _say(f"note:     `{switch}` is true in {file}: no hook of Headcount's will run")
    for file in settings.broken_managed_files():
        _say(f"note:     {file} is not a JSON object: Claude Code does not start")


def _uninstall(options: argparse.Namespace) -> int:
    path = _settings_file(options)
    change = settings.uninstall_hooks(path, dry_run=options.dry_run)
    if options.dry_run:
        return _show(change)
    _report(change, "our hooks removed")
    files = ", ".join(_remaining(options))
    if files:
        what = "records" if IS_PACKAGE else "command, .venv and records"
        _say(f"kept:     {what}; our hooks are still in {files}")
        return int(options.purge)
    for text in command_files.unlink():
        _say(text)
    if options.purge:
        _purge()
    return 0


def _print(options: argparse.Namespace) -> int:
    hooks = _hooks(versions.in_use(time.time()), sys.stderr)
    groups = {event: [group] for event, group in hooks.items()}
    desired: dict[str, object] = {"hooks": groups}
    if options.statusline:
        desired["statusLine"] = settings.desired_status_line(ROOT)
    text = json.dumps(desired, indent=2, ensure_ascii=False)
    is_safe = all(map(str.isprintable, text.split("\n")))
    _say(text if is_safe else json.dumps(desired, indent=2))
    return 0


def _hooks(clients: list[versions.ClientInUse], output: TextIO) -> Hooks:
    """Return the hooks that all *clients* know; name the others on *output*."""
    left_out = versions.left_out(clients)
    if left_out:
        _say(f"left out: {left_out}; run this again when that changes", file=output)
    return settings.desired_hooks(ROOT, versions.events_known_to(clients))


def _announce_takeover(path: str) -> None:
    """Name each other place that works and has hooks in the settings at *path*."""
    checkouts = {
        os.path.dirname(os.path.dirname(hook.script))
        for hook in settings.installed_hooks(path)
        if settings.can_run(hook)
    }
    for checkout in sorted(checkouts):
        if os.path.realpath(checkout) != os.path.realpath(ROOT):
            _say(f"note:     {path} has hooks of {checkout}, which work. Those of")
            _say(f"    {ROOT} replace them. To go back, install from there again")


def _status_line(path: str, *, requested: bool) -> dict[str, object] | None:
    """Return the status line to set, if *requested* or to update ours, else None.

    If the user has another one, that stays, and ours is printed for pasting.
    """
    owner = settings.status_line_owner(path)
    line = settings.desired_status_line(ROOT)
    if owner == "theirs" and requested:
        _say(
            f"note:     `statusLine` in {path} is not ours and was not changed. To use "
            f'ours, replace it with:\n    "statusLine": '
            f"{json.dumps(line, ensure_ascii=False)}"
        )
    return line if owner == "ours" or (requested and owner == "none") else None


def _remaining(options: argparse.Namespace) -> list[str]:
    """Return the settings files with something of ours; an invalid one may have it."""
    files = []
    for path in settings.settings_files(options.project or os.curdir).values():
        try:
            if settings.installed_hooks(path) or settings.installed_status_line(path):
                files.append(path)
        except settings.SettingsError:
            files.append(path)
    return files


def _purge() -> None:
    """Remove the records, Headcount's other files there, and a checkout's .venv."""
    store, records = paths.SESSIONS_DIR, 0
    also = "" if IS_PACKAGE else f", and {ENVIRONMENT}"
    _say(f"purging:  the records in {store}{also}")
    with contextlib.suppress(FileNotFoundError):
        records = delete.purge()
    kept = "; files that are not ours were kept" if os.path.isdir(store) else ""
    _say(f"removed:  {count(records, 'record')} in {store}{kept}")
    if IS_PACKAGE:
        return
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    verb = "kept:    " if os.path.exists(ENVIRONMENT) else "removed: "
    _say(f"{verb} {ENVIRONMENT}")  # it is kept if it is another user's


def _self_test(hooks: Hooks) -> bool:
    _say("self-test, with a temporary store:")
    failed = 0
    commands = {event: group["hooks"][0] for event, group in hooks.items()}
    for run in smoke_test.run(commands):
        _say(f"    {run.event:<17}{run.milliseconds:5.0f} ms  {run.problem}".rstrip())
        failed += bool(run.problem)
    if failed:
        _say(
            f"{PROGRAM}: {failed} of {len(hooks)} hooks do not record; the settings "
            f"were not changed. To find the cause, run "
            f"`{command_or_reason(COMMAND, 'doctor')}`",
            file=sys.stderr,
        )
    return not failed


def _settings_file(options: argparse.Namespace) -> str:
    scope = options.scope or ("project" if options.project else "user")
    project = options.project or os.curdir
    if scope != "user" and not os.path.isdir(project):
        raise settings.SettingsError(
            f"{project} is not a folder; --project takes the folder of the project"
        )
    return settings.settings_files(project)[scope]


def _command_line(options: argparse.Namespace, *actions: str) -> str:
    """Return how to start this again for *actions* in the scope of *options*."""
    words = install_words(*actions)
    scope = options.scope if options.scope != "user" else None
    if scope:
        words += ["--scope", scope]
    if options.project or scope:
        words += ["--project", os.path.abspath(options.project or os.curdir)]
    return command_or_reason(*words)


def _report(change: Change, done: str) -> None:
    if not change.changed:
        _say(f"settings: {change.path} is up to date; not changed")
        return
    _say(f"settings: {change.path}: {done}")
    if change.after is None:
        _say("    it had nothing else, so the file was removed")
    if change.backup is not None:
        _say(f"    backup, without ours: {change.path}{BACKUP_SUFFIX}")


def _show(change: Change) -> int:
    """Print what would change, as a unified diff."""
    diff = difflib.unified_diff(
        _LINE.findall(change.before or ""),
        _LINE.findall(change.after or ""),
        "/dev/null" if change.before is None else change.path,
        "/dev/null" if change.after is None else change.path,
    )
    for line in diff:
        end = "" if line.endswith("\n") else "\n\\ No newline at end of file\n"
        _say(line, end=end)
    if not change.changed:
        _say(f"{change.path}: nothing to change")
    return 0


def _say(text: str, file: TextIO | None = None, end: str = "\n") -> None:
    """Print *text*; what a terminal may obey, as in a path, is replaced by a mark."""
    safe = (c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
    print("".join(safe), file=file, end=end)


def _use_utf8() -> None:
    # A path that the locale cannot encode must not stop an installation half-way.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


if __name__ == "__main__":
    raise SystemExit(main())
