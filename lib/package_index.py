"""Run pip or uv with nothing of their configuration but how to reach a package index.

    python -I -B lib/package_index.py PYTHON -I -m pip install ...
    python -I -B lib/package_index.py uv pip install --no-config ...

Indexes, proxies, certificates and timeouts are kept, since people behind a mirror need
them. The rest could install other packages, build them, or put them elsewhere. Of pip's
configuration its variables and files count; of uv's its variables and the files of the
user and the system, but none that uv finds in the current folder or above it.

`install.sh` and `tests/run` use it before there are packages, so it imports none.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
from typing import Any

_KEPT_VARIABLES = re.compile(
    "(PIP|UV)_(.*INDEX.*|FIND_LINKS|.*HOST|PROXY|.*CERTS?|NATIVE_TLS"
    "|KEYRING_PROVIDER|.*TIMEOUT)"
)
# https://docs.astral.sh/uv/reference/settings/
_KEPT_UV_SETTINGS = {
    *("index", "index-url", "extra-index-url", "find-links", "no-index"),
    *("index-strategy", "keyring-provider", "allow-insecure-host"),
    *("native-tls", "system-certs", "http-proxy", "https-proxy", "no-proxy"),
}
_PIP_SETTING = re.compile(r"^(global|install)\.([^=]+)=(.*)$", re.MULTILINE)


def main() -> None:
    """Become the command in the arguments."""
    command = sys.argv[1:]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV_"))
        or (value and _KEPT_VARIABLES.fullmatch(name))
    }
    if command[0] == "uv":
        settings = _open_without_name(_uv_settings())
        environment["UV_CONFIG_FILE"] = f"/dev/fd/{settings}"
    else:
        environment = _pip_variables(command[:4], environment)
        environment["PIP_CONFIG_FILE"] = os.devnull  # pip then reads no file at all
    os.execvpe(command[0], command, environment)  # noqa: S606


def _open_without_name(text: str) -> int:
    """Return a descriptor for the command to read *text* from; it leaves no file."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        descriptor = os.dup(file.fileno())
    os.set_inheritable(descriptor, True)
    return descriptor


# ---- pip ------------------------------------------------------------------------


def _pip_variables(pip: list[str], environment: dict[str, str]) -> dict[str, str]:
    """Return *environment* with the settings to keep from the files that *pip* reads.

    Variables are stronger than files.
    """
    reader = {**environment, "PIP_QUIET": "0"}
    if os.environ.get("PIP_CONFIG_FILE"):
        reader["PIP_CONFIG_FILE"] = os.environ["PIP_CONFIG_FILE"]
    listing = subprocess.run(  # noqa: S603
        [*pip, "config", "list"],
        env=reader,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    ).stdout
    variables = dict(environment)
    settings = sorted(_PIP_SETTING.findall(listing), reverse=True)
    for _, key, value in settings:  # [install] comes before [global]
        name = "PIP_" + key.upper().replace("-", "_")
        if _KEPT_VARIABLES.fullmatch(name):
            variables.setdefault(name, ast.literal_eval(value))
    return variables


# ---- uv -------------------------------------------------------------------------


def _uv_settings() -> str:
    """Return the settings to keep from uv's files, as the text of a uv.toml."""
    settings: dict[str, Any] = {}
    for file in _uv_files():
        content = _read_toml(file)
        for table in filter(None, (content, content.get("pip"))):
            for key in _KEPT_UV_SETTINGS & table.keys():
                settings[key] = _merged(table[key], settings.get(key))
    return "".join(f"{key} = {_as_toml(settings[key])}\n" for key in sorted(settings))


def _merged(value: object, weaker: object) -> object:
    """Return *value*, with the items of the *weaker* one after it if both are lists."""
    if isinstance(value, list) and isinstance(weaker, list):
        return [*value, *weaker]
    return value


def _uv_files() -> list[str]:
    """Return the files with the system's and the user's settings, weakest first.

    As in https://docs.astral.sh/uv/concepts/configuration-files/
    """
    if os.environ.get("UV_CONFIG_FILE"):
        return [os.environ["UV_CONFIG_FILE"]]
    folders = (os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    system = [os.path.join(folder, "uv/uv.toml") for folder in [*folders, "/etc"]]
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    files = [path for path in system if os.path.isfile(path)][:1]
    user = os.path.join(home, "uv/uv.toml")
    return [*files, user] if os.path.isfile(user) else files


def _read_toml(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            content: dict[str, Any] = _toml_parser().load(file)
    except (ImportError, OSError, ValueError) as error:
        print(
            f"{path} was not used: {error}. If it names your index, set "
            "UV_DEFAULT_INDEX instead",
            file=sys.stderr,
        )
        return {}
    return content


def _toml_parser() -> Any:  # noqa: ANN401  # a module
    try:
        return importlib.import_module("tomllib")
    except ModuleNotFoundError:  # before Python 3.11
        return importlib.import_module("pip._vendor.tomli")


def _as_toml(value: object) -> str:
    """Return *value* as TOML, in which texts and numbers are written as in JSON."""
    if isinstance(value, list):
        return f"[{', '.join(map(_as_toml, value))}]"
    if isinstance(value, dict):
        pairs = [f"{json.dumps(key)} = {_as_toml(item)}" for key, item in value.items()]
        return f"{{{', '.join(pairs)}}}"
    return json.dumps(value)


if __name__ == "__main__":
    main()
