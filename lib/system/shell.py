"""Commands to paste into a shell, written so that every shell reads them alike.

Within single quotes fish has two escapes, a backslash before a quote or before another
backslash, and the other shells have none. So these two characters are never put there.
Tried with bash, zsh and dash, which also expand `=` and `!` in places, and with fish.
"""

from __future__ import annotations

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-")
_NO_COMMAND = (
    "(no command: a name in it has characters that are not safe to print; `ls -b` "
    "shows them)"
)
_ESCAPES = {"'": '"\'"', "\\": '"\\\\"'}


def command(*words: str) -> str | None:
    """Return *words* as one command for bash, zsh, dash and fish.

    None if one of them has a character that does not print. A terminal may obey such a
    character, also when it is pasted, and no quoting of it means the same in all four.
    """
    if all(map(str.isprintable, words)):
        return " ".join(map(_quoted, words))
    return None


def command_or_reason(*words: str) -> str:
    """Return what `command` does, or, in brackets, why there is no command."""
    return command(*words) or _NO_COMMAND


def _quoted(word: str) -> str:
    if word and _PLAIN.issuperset(word):
        return word
    quoted, plain = "", ""
    for character in word:
        if character in _ESCAPES:
            quoted += f"'{plain}'" * bool(plain) + _ESCAPES[character]
            plain = ""
        else:
            plain += character
    return quoted + f"'{plain}'" if plain or not word else quoted
