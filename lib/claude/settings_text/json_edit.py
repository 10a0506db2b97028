"""Edit JSON as text: find the position of each value, and change only the one meant.

A settings file belongs to its user, so it is edited the way a careful person would:
everything else stays the same to the byte (spacing, order, escapes, number formats),
and what is added looks like its neighbours.

Promises
    * `parse` takes what Claude Code takes: strict JSON, after a byte order mark or
      not. No comments, trailing commas, NaN, numbers beyond the range or empty text.
    * Of a duplicate key the last counts, as everywhere; the others stay as they are.
    * `append`, `replace` and `remove` are pure: text and its root in, text out.
    * `remove` undoes `append` to the byte, if the container was not empty. A container
      that becomes empty is left as `{}` or `[]`.
"""

from __future__ import annotations

import json
import math
import re
from typing import NamedTuple, NoReturn

BYTE_ORDER_MARK = "\ufeff"
_WHITESPACE = " \t\r\n"
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(
    r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"'
)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None}
_WORD = re.compile(r"[A-Za-z]+")
_COLON = re.compile(r'"([ \t]*:[ \t]*)$')
_MAX_DEPTH = 200  # the recursion limit of Python allows a few hundred

Path = tuple["str | int", ...]


class JsonTextError(ValueError):
    """The text is not strict JSON. The message names the reason, line and column."""

    def __init__(self, reason: str, text: str, position: int) -> None:
        super().__init__(f"{reason} ({place(text, position)})")


class Node(NamedTuple):
    """A value and its position in the text, from `start` to `end`.

    `begin` is the position of its key if it is a member of an object, else `start`.
    `children` are its elements in the order of the text, by key or by index. A member
    whose key comes again has its position in place of its key, and is not in `value`.
    """

    begin: int
    start: int
    end: int
    value: object
    children: dict[str | int, Node]


def parse(text: str) -> Node:
    """Return the root of *text*; raise JsonTextError unless it is strict JSON."""
    return _Scanner(text).document()


def place(text: str, position: int) -> str:
    """Return *position* in *text* as people count: `line 3, column 5`."""
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def at(node: Node, path: Path) -> Node:
    """Return the node at *path* below *node*; KeyError if there is none."""
    for step in path:
        node = node.children[step]
    return node


def append(text: str, root: Node, path: Path, key: str | None, value: object) -> str:
    """Return *text* with *value* as the last element of the container at *path*.

    *key* is its key in an object, None in an array.
    """
    node = at(root, path)
    style = _Style(text, root)
    if not node.children:
        return _splice(text, node, style.fill(node, key, value))
    last = list(node.children.values())[-1]
    lead = style.lead(last)
    if len(node.children) == 1:
        lead = lead or style.gap
    new = "," + lead + style.render(key, value, lead)
    return text[: last.end] + new + text[last.end :]


def replace(text: str, root: Node, path: Path, value: object) -> str:
    """Return *text* with *value* in place of the one at *path*."""
    node = at(root, path)
    style = _Style(text, root)
    lead = "\n" + style.indent(node) if "\n" in text[node.start : node.end] else ""
    return _splice(text, node, style.render(None, value, lead))


def remove(text: str, root: Node, path: Path) -> str:
    """Return *text* without the element at *path* and its comma."""
    parent = at(root, path[:-1])
    siblings = list(parent.children)
    child, index = parent.children[path[-1]], siblings.index(path[-1])
    if index > 0:
        return text[: parent.children[siblings[index - 1]].end] + text[child.end :]
    if len(siblings) > 1:
        return text[: child.begin] + text[parent.children[siblings[1]].begin :]
    return text[: parent.start + 1] + text[parent.end - 1 :]


def _splice(text: str, node: Node, raw: str) -> str:
    return text[: node.start] + raw + text[node.end :]


class _Style:
    """The style of a file: its newline, indentation and spaces."""

    def __init__(self, text: str, root: Node) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        first = next(iter(root.children.values()), None)
        self.unit = self._unit(root, first)
        self.colon = ": " if first is None else self._colon(first)
        self.gap = " " if self.colon.endswith(" ") else ""

    def _unit(self, root: Node, first: Node | None) -> str | None:
        """Return one level of indentation; None if the file is on one line."""
        if first is None:
            return "  "
        lead = self.lead(first)
        if "\n" not in lead:
            return None
        return lead.rpartition("\n")[2].removeprefix(self.indent(root))

    def _colon(self, first: Node) -> str:
        match = _COLON.search(self.text[first.begin : first.start])
        return match[1] if match else ": "

    def lead(self, node: Node) -> str:
        """Return the white space before *node*."""
        before = self.text[: node.begin]
        return before[len(before.rstrip(_WHITESPACE)) :]

    def indent(self, node: Node) -> str:
        """Return the indentation of the line in which *node* begins."""
        line = self.text[self.text.rfind("\n", 0, node.begin) + 1 : node.begin + 1]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def fill(self, node: Node, key: str | None, value: object) -> str:
        """Return the empty container *node* with *value* in it."""
        opening, closing = self.text[node.start], self.text[node.end - 1]
        if self.unit is None:
            return opening + self.render(key, value, "") + closing
        outer = self.newline + self.indent(node)
        lead = outer + self.unit
        return opening + lead + self.render(key, value, lead) + outer + closing

    def render(self, key: str | None, value: object, lead: str) -> str:
        """Return *value* as text that follows the white space *lead*."""
        name = "" if key is None else json.dumps(key) + self.colon
        if "\n" not in lead:
            separators = ("," + self.gap, self.colon)
            return name + json.dumps(value, ensure_ascii=False, separators=separators)
        unit = "  " if self.unit is None else self.unit
        pretty = json.dumps(
            value, ensure_ascii=False, indent=unit, separators=(",", self.colon)
        )
        # A newline is never part of a string here, because JSON escapes it.
        return name + pretty.replace("\n", self.newline + lead.rpartition("\n")[2])


class _Scanner:
    """Parses strict JSON; `position` is that of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0

    def document(self) -> Node:
        self._take(BYTE_ORDER_MARK)
        if not self.text[self.position :].strip(_WHITESPACE):
            self._fail("it is empty; `{}` would be valid")
        self._skip()
        root = self._value(None)
        self._skip()
        if self.position < len(self.text):
            self._fail_here("there is more text after the end")
        return root

    def _value(self, begin: int | None) -> Node:
        start = self.position
        begin = start if begin is None else begin
        character = self.text[start : start + 1]
        if character and character in "{[":
            children = self._container(character)
            value: object = (
                {k: child.value for k, child in children.items() if isinstance(k, str)}
                if character == "{"
                else [child.value for child in children.values()]
            )
            return Node(begin, start, self.position, value, children)
        value = self._string() if character == '"' else self._number_or_word()
        return Node(begin, start, self.position, value, {})

    def _container(self, opening: str) -> dict[str | int, Node]:
        closing = "}" if opening == "{" else "]"
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self._fail(f"it is nested more than {_MAX_DEPTH} levels deep")
        children: dict[str | int, Node] = {}
        self.position += 1
        self._skip()
        while not self._take(closing):
            if children:
                self._comma(closing)
            if opening == "{":
                self._member(children)
            else:
                children[len(children)] = self._value(None)
            self._skip()
        self.depth -= 1
        return children

    def _comma(self, closing: str) -> None:
        comma = self.position
        if not self._take(","):
            self._fail_here(f"`,` or `{closing}` is missing")
        self._skip()
        if self.text.startswith(closing, self.position):
            self._fail(f"there is a comma before `{closing}`", comma)

    def _member(self, children: dict[str | int, Node]) -> None:
        begin = self.position
        if not self.text.startswith('"', begin):
            self._fail_here("a key in double quotes is missing")
        key = self._string()
        if key in children:
            members = list(children.items())
            children.clear()
            children.update((n.begin if k == key else k, n) for k, n in members)
        self._skip()
        if not self._take(":"):
            self._fail_here("`:` is missing")
        self._skip()
        children[key] = self._value(begin)

    def _string(self) -> str:
        match = _STRING.match(self.text, self.position)
        if not match:
            self._fail("the string has no end, a bad escape or an unescaped newline")
        self.position = match.end()
        return str(json.loads(match[0]))

    def _number_or_word(self) -> object:
        match = _NUMBER.match(self.text, self.position)
        if match:
            if not math.isfinite(float(match[0])):
                self._fail("the number is too large")
            self.position = match.end()
            value: object = json.loads(match[0])
            return value
        word = _WORD.match(self.text, self.position)
        if not word or word[0] not in _WORDS:
            self._fail_here("a value is missing")
        self.position = word.end()
        return _WORDS[word[0]]

    def _take(self, character: str) -> bool:
        found = self.text.startswith(character, self.position)
        self.position += found
        return found

    def _skip(self) -> None:
        match = _SPACE.match(self.text, self.position)
        self.position = match.end() if match else self.position

    def _fail_here(self, reason: str) -> NoReturn:
        if self.text.startswith(("//", "/*", "#"), self.position):
            reason = "there is a comment, which JSON does not allow"
        elif self.text.startswith(("NaN", "Infinity", "-I"), self.position):
            reason = "NaN and Infinity are not JSON"
        elif self.position >= len(self.text):
            reason = "it ends too early"
        self._fail(reason)

    def _fail(self, reason: str, position: int | None = None) -> NoReturn:
        where = self.position if position is None else position
        raise JsonTextError(reason, self.text, where)
