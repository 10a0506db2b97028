"""What `install.sh` runs: install the hooks, uninstall or print them, purge.

It uses only the standard library, so that uninstalling works even if the environment is
missing.
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
from typing import TextIO

from .checkout import exposures
from .claude import config_file, hook_merge, settings, smoke_test, versions
from .claude.config_file import BACKUP_SUFFIX, Change
from .errors import HeadcountError
from .store import delete, paths
from .system import atomic, folder
from .system.shell import command_or_reason

# `splitlines` would also split at characters that are valid in a JSON string.
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_ENVIRONMENT = os.path.join(_CHECKOUT, ".venv")
_COMMAND = os.path.join(_ENVIRONMENT, "bin", "headcount")
_MAX_NAMED = 3
_READABLE, _EXECUTABLE = 0o644, 0o755  # any user may run a command
_LINK = os.path.expanduser("~/.local/bin/headcount")
_MANUAL = os.path.join(_CHECKOUT, "lib", "cli", "headcount.1")
# `man` looks beside each folder of PATH: of ~/.local/bin, in ~/.local/share/man.
_MANUAL_LINK = os.path.expanduser("~/.local/share/man/man1/headcount.1")
# Both find the checkout relative to themselves, so that it can be moved.
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
folder=${self%/*}
[ -x "$folder/python" ] || {
  repair="sh '${folder%/.venv/bin}/install.sh'"
  case $folder in *[\\'\\\\[:cntrl:]]*) repair='run install.sh there again' ;; esac
  printf 'headcount: %s\\n' "$folder/python cannot be run, so hooks record nothing." \\
    'The Python that it links to was probably upgraded, moved or removed.' \\
    "To repair it: $repair" | LC_ALL=C tr '\\001-\\011\\013-\\037\\177' '[?*]' |
    LC_ALL=C sed "s/$(printf '\\302')[$(printf '\\200-\\237')]/?/g" >&2
  exit 1
}
exec "$folder/python" -I -m lib "$@"
"""


def main() -> int:
    """Run one action; return 0, or 1 after an error message."""
    _use_utf8()
    options = _parser().parse_args()
    actions = {"install": _install, "uninstall": _uninstall, "print": _print}
    try:
        if options.action != "print":
            _refuse_home_of_another(options)
        return actions[options.action](options)
    except (HeadcountError, OSError) as error:
        _say(f"install.sh: {error}", file=sys.stderr)
        if options.action == "install" and isinstance(error, settings.SettingsError):
            hint = "    to add the hooks by hand, print them: ./install.sh --print"
            _say(hint, file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="install.sh", allow_abbrev=False)
    parser.add_argument("action", choices=("install", "uninstall", "print"))
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
    _make_command()
    if not _self_test(hooks):
        return 1
    change = settings.install_hooks(path, hooks, line, lenient=lenient)
    what = f"{len(hooks)} hooks{' and the status line' * bool(line)}"
    _report(change, f"{what} installed")
    _link_command()
    _link_manual()
    _say(f"records:  {paths.SESSIONS_DIR}")
    _say(f"undo:     {_command_line(options, '--uninstall')}")
    _say("next:     run `headcount list` while a session is open. Those open now are")
    _say("    recorded from their next prompt")
    _warn_if_ignored(options, clients)
    _warn_if_exposed()
    return 0


def _warn_if_exposed() -> None:
    """Name what others can change, of all that the hooks run."""
    found = exposures(_CHECKOUT)
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
        _say(f"note:     `{switch}` is true in {file}: no hook of ours will run")
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
        _say(f"kept:     command, .venv and records; our hooks are still in {files}")
        return int(options.purge)
    _unlink(_LINK)
    _unlink(_MANUAL_LINK)
    if options.purge:
        _purge()
    return 0


def _print(options: argparse.Namespace) -> int:
    hooks = _hooks(versions.in_use(time.time()), sys.stderr)
    groups = {event: [group] for event, group in hooks.items()}
    desired: dict[str, object] = {"hooks": groups}
    if options.statusline:
        desired["statusLine"] = settings.desired_status_line(_CHECKOUT)
    text = json.dumps(desired, indent=2, ensure_ascii=False)
    is_safe = all(map(str.isprintable, text.split("\n")))
    _say(text if is_safe else json.dumps(desired, indent=2))
    return 0


def _hooks(clients: list[versions.ClientInUse], output: TextIO) -> hook_merge.Hooks:
    """Return the hooks that all *clients* know; name the others on *output*."""
    left_out = versions.left_out(clients)
    if left_out:
        _say(f"left out: {left_out}; run this again when that changes", file=output)
    return settings.desired_hooks(_CHECKOUT, versions.events_known_to(clients))


def _announce_takeover(path: str) -> None:
    """Name each other checkout that works and has hooks in the settings at *path*."""
    checkouts = {
        os.path.dirname(os.path.dirname(hook.script))
        for hook in settings.installed_hooks(path)
        if os.path.isfile(hook.script) and os.access(hook.python, os.X_OK)
    }
    for checkout in sorted(checkouts):
        if os.path.realpath(checkout) != os.path.realpath(_CHECKOUT):
            _say(f"note:     {path} has hooks of {checkout}, which work. Those of this")
            _say("    checkout replace them. To go back, run install.sh there")


def _status_line(path: str, *, requested: bool) -> dict[str, object] | None:
    """Return the status line to set, if *requested* or to update ours, else None.

    If the user has another one, that stays, and ours is printed for pasting.
    """
    owner = settings.status_line_owner(path)
    line = settings.desired_status_line(_CHECKOUT)
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
    """Remove the environment, the records, and other files of ours in the store."""
    store, records = paths.SESSIONS_DIR, 0
    _say(f"purging:  the records in {store}, and {_ENVIRONMENT}")
    with contextlib.suppress(FileNotFoundError):
        records = delete.purge()
    kept = "; files that are not ours were kept" if os.path.isdir(store) else ""
    _say(f"removed:  {records} records in {store}{kept}")
    shutil.rmtree(_ENVIRONMENT, ignore_errors=True)
    verb = "kept:    " if os.path.exists(_ENVIRONMENT) else "removed: "
    _say(f"{verb} {_ENVIRONMENT}")  # it is kept if it is another user's


def _self_test(hooks: hook_merge.Hooks) -> bool:
    _say("self-test, with a temporary store:")
    failed = 0
    commands = {event: group["hooks"][0] for event, group in hooks.items()}
    for run in smoke_test.run(commands):
        _say(f"    {run.event:<17}{run.milliseconds:5.0f} ms  {run.problem}".rstrip())
        failed += bool(run.problem)
    if failed:
        _say(
            f"install.sh: {failed} of {len(hooks)} hooks do not record; the settings "
            f"were not changed. To find the cause, run "
            f"`{command_or_reason(_COMMAND, 'doctor')}`",
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
    """Return how to start install.sh for *actions* in the scope of *options*."""
    words = [os.path.join(_CHECKOUT, "install.sh"), *actions]
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


def _make_command() -> None:
    """Create `.venv/bin/headcount`, and make the checkout importable for it."""
    libraries = os.path.join(_ENVIRONMENT, "lib")
    for name in os.listdir(libraries):
        packages = os.path.join(libraries, name, "site-packages")
        if os.path.isdir(packages):
            _write(os.path.join(packages, "headcount.pth"), _PTH, _READABLE)
    _write(_COMMAND, _WRAPPER, _EXECUTABLE)


def _write(path: str, text: str, mode: int) -> None:
    """Write *text* to the file at *path*, unless it is there with at least *mode*."""
    if config_file.read(path) == text and os.stat(path).st_mode & mode == mode:
        return
    try:
        atomic.write(path, text.encode(), mode=mode)
    except OSError as error:
        raise HeadcountError(
            f"cannot write to {path}: {error.strerror or error}; if {_CHECKOUT} is not "
            "yours, its owner must run install.sh first"
        ) from error


def _link_command() -> None:
    """Link the command into `~/.local/bin`, unless another file has that name."""
    where, name = os.path.split(_LINK)
    if os.path.lexists(_LINK) and not _is_link_ours(_LINK):
        _say(f"command:  {_COMMAND}; {_LINK} is not ours and was not changed")
        return
    try:
        with folder.open_trusted(where, create=True) as opened:
            folder.check_owner(where, opened.own_status(), or_root=True)
            opened.symlink(_COMMAND, name)
    except OSError as error:
        _say(f"command:  {_COMMAND}; not linked: {error}")
        return
    _say(f"command:  {_LINK}")
    if not os.access(_COMMAND, os.X_OK):
        _say(f"    it cannot run, since {_CHECKOUT} is mounted noexec; the hooks can.")
        _say(f"    Instead of it, use: {command_or_reason('sh', _COMMAND)}")
    if where not in os.environ.get("PATH", "").split(os.pathsep):
        _say(f"    {where} is not on your PATH; add it")


def _link_manual() -> None:
    """Link the manual page to where `man` looks, unless another file has that name."""
    if os.path.lexists(_MANUAL_LINK) and not _is_link_ours(_MANUAL_LINK):
        return
    where, name = os.path.split(_MANUAL_LINK)
    try:
        with folder.open_trusted(where, create=True) as opened:
            opened.symlink(_MANUAL, name)
    except OSError as error:
        _say(f"manual:   {_MANUAL}; not linked: {error}")
        return
    _say(f"manual:   {_MANUAL_LINK}")


def _unlink(link: str) -> None:
    if _is_link_ours(link):
        where, name = os.path.split(link)
        with folder.open_trusted(where) as opened:
            opened.unlink(name)
        _say(f"removed:  {link}")


def _is_link_ours(link: str) -> bool:
    """Whether it leads to a checkout of Headcount, wherever that is or was."""
    targets = {_LINK: "/.venv/bin/headcount", _MANUAL_LINK: "/lib/cli/headcount.1"}
    return os.path.islink(link) and os.readlink(link).endswith(targets[link])


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
