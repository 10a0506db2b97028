"""Hints for a wrong word: what other tools call it, or the word it most resembles."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_LENGTH = 80
_HEX = frozenset("0123456789abcdef-")
_MIN_ID_LENGTH = 4
_LIKENESS = 0.75  # 0.67 takes `rename` for `resume`, and `--label` for `--table`
# What other tools call what a command does. None: nothing here does it.
_COMMANDS = {
    **dict.fromkeys(("ps", "sessions", "status", "agents"), "list"),
    **dict.fromkeys(("search", "find", "grep", "filter"), "list PATTERN"),
    **dict.fromkeys(("info", "inspect", "describe", "details"), "show"),
    **dict.fromkeys(("log", "logs", "events", "history"), "tail"),
    **dict.fromkeys(("open", "attach", "switch", "focus", "jump", "cd"), "go"),
    **dict.fromkeys(("top", "dashboard", "monitor", "ui"), "watch"),
    **dict.fromkeys(("delete", "del", "remove", "purge"), "rm"),
    **dict.fromkeys(("rename", "name", "tag"), "label"),
    **dict.fromkeys(("archive", "prune", "gc"), "cleanup"),
    **dict.fromkeys(("unarchive", "undelete"), "restore"),
    **dict.fromkeys(("stats", "usage", "cost", "hours"), "report"),
    **dict.fromkeys(("note", "add"), "append"),
    **dict.fromkeys(("check", "diagnose", "verify"), "doctor"),
    **dict.fromkeys(("version",), "--version"),
    **dict.fromkeys(("kill", "stop", "start", "run", "new", "exit", "quit")),
}
_OPTIONS = {
    **dict.fromkeys(("--label", "--name", "--filter", "--grep"), "list PATTERN"),
    **dict.fromkeys(("--watch", "-w"), "watch"),
    **dict.fromkeys(("--version", "-V"), "--version"),
    **dict.fromkeys(("--verbose", "-v", "--debug", "--color", "--colour")),
}


def did_you_mean(word: str, choices: Sequence[str]) -> str:
    """Return a hint at the one of *choices* that is most like *word*, else ``""``."""
    word = word[:_MAX_LENGTH].lower()
    matches = [choice for choice in choices if choice.startswith(word)]
    if len(matches) != 1:
        from difflib import get_close_matches

        matches = get_close_matches(word, choices, n=1, cutoff=_LIKENESS)
    return f" (did you mean {matches[0]}?)" if matches else ""


def command(word: str, names: Sequence[str]) -> str:
    """Return a hint at the command that somebody means with *word*, else ``""``."""
    if word.lower() in _COMMANDS:
        return _instead(_COMMANDS[word.lower()])
    return did_you_mean(word, names) or _if_session(word)


def option(word: str, names: Sequence[str]) -> str:
    """Return a hint at the option of a command that somebody means, else ``""``."""
    hint = did_you_mean(word, names) if word.startswith("--") else ""
    return hint or _instead(_OPTIONS.get(word))


def _instead(words: str | None) -> str:
    return f" (did you mean `headcount {words}`?)" if words else ""


def _if_session(word: str) -> str:
    """Return a hint at `show` if *word* looks like a session id, else ``""``."""
    length_fits = _MIN_ID_LENGTH <= len(word) <= _MAX_LENGTH
    if length_fits and _HEX.issuperset(word) and any(map(str.isdigit, word)):
        return f" (did you mean `headcount show {word}`?)"
    return ""
