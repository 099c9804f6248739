"""Protobuf's text format, both ways: what Gazebo's command line prints and takes.

    stamp { sec: 1 nsec: 500 } data: "a\\001"      ->      {"stamp": {"sec": 1, "nsec": 500}, "data": b"a\\x01"}

A field that occurs once is its value, one that occurs again a list: readers that expect several use ``several``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Message = dict[str, Any]
_TOKEN = re.compile(
    r"\s*(?:(?P<open>[\w.]+)\s*:?\s*\{|(?P<close>\})|(?P<name>[\w.]+)\s*:\s*"
    r'(?:(?P<text>(?:"(?:[^"\\]|\\.)*"\s*)+)|(?P<word>[^\s{}"]+)))'
)
_ESCAPES = re.compile(rb"\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)", re.DOTALL)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


class TextFormatError(ValueError):
    """Not a message in text format."""


def parse(text: str) -> Message:
    """One message. Raises TextFormatError naming where it stops being one."""
    root: Message = {}
    stack = [root]
    at, end = 0, len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None:
            raise TextFormatError(f"not a message at character {at}: {text[at : at + 40]!r}")
        at = token.end()
        if token["open"]:
            inner: Message = {}
            _add(stack[-1], token["open"], inner)
            stack.append(inner)
        elif token["close"]:
            stack.pop()
            if not stack:
                raise TextFormatError(f"a closing brace too many at character {at}")
        elif token["text"] is not None:
            _add(stack[-1], token["name"], _unquote(token["text"]))
        else:
            _add(stack[-1], token["name"], _scalar(token["word"]))
    if len(stack) != 1:
        raise TextFormatError(f"{len(stack) - 1} closing braces are missing")
    return root


def messages(lines: Iterator[str]) -> Iterator[Message]:
    """The messages of a stream that parts them by empty lines, each as soon as its empty line has come."""
    block: list[str] = []
    for line in lines:
        if line.strip():
            block.append(line)
        elif block:
            yield parse("".join(block))
            block = []
    if block:
        yield parse("".join(block))


def several(message: Mapping[str, Any], name: str) -> list[Any]:
    """All values of a repeated field: none, one or more."""
    value = message.get(name, [])
    return value if isinstance(value, list) else [value]


def render(message: Mapping[str, Any]) -> str:
    """A message on one line. Texts are quoted."""
    parts = []
    for name, value in message.items():
        for item in value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]:
            parts.append(f"{name} {{ {render(item)} }}" if isinstance(item, Mapping) else f"{name}: {_written(item)}")
    return " ".join(parts)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _add(message: Message, name: str, value: Any) -> None:
    if name not in message:
        message[name] = value
    elif isinstance(message[name], list):
        message[name].append(value)
    else:
        message[name] = [message[name], value]


def _unquote(text: str) -> bytes:
    pieces = re.findall(r'"((?:[^"\\]|\\.)*)"', text, re.DOTALL)
    return _ESCAPES.sub(_unescape, "".join(pieces).encode("utf-8"))


def _unescape(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if code[:1] == b"x" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    if code[:1].isdigit():
        return bytes([int(code, 8) & 0xFF])
    return _NAMED.get(code, code)


def _scalar(word: str) -> Any:
    if word in ("true", "false"):
        return word == "true"
    try:
        return int(word)
    except ValueError:
        pass
    try:
        return float(word)
    except ValueError:
        return word
