"""The elements of a JSON list one by one, in memory that is bounded by the longest element."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_SPACE = re.compile(r"[ \t\n\r]*")
_AFTER = tuple(",]} \t\n\r")
_SCALAR_END = re.compile(r"[,\]}\s]")
_PIECE = re.compile(r'["{}\[\]]|[^"{}\[\]]+')
_STRING_REST = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL)


class JsonStreamError(ValueError):
    """The text is no such JSON; the message says why."""


class JsonStream:
    """Reads JSON from blocks of text. An element longer than `maximum` characters is an error."""

    def __init__(self, blocks: Iterator[str], maximum: int) -> None:
        self._blocks = blocks
        self._maximum = maximum
        self._text = ""
        self._at = 0
        self._gone = 0
        self._decoder = json.JSONDecoder()

    @property
    def place(self) -> int:
        """The character that is looked at, from 1."""
        return self._gone + self._at + 1

    def elements(self, path: list[str]) -> Iterator[object]:
        """The elements of the list at `path`, or the one value there that is no list."""
        for key in path:
            self._enter(key)
        if self._next() != "[":
            yield self._value()
            return
        self._at += 1
        if self._next() == "]":
            return
        while True:
            yield self._value()
            found = self._next()
            self._at += 1
            if found == "]":
                return
            if found != ",":
                raise JsonStreamError(f"is not JSON: a comma is missing at character {self.place - 1:,}")

    def _enter(self, key: str) -> None:
        """Go to the value of `key` in the object that begins here."""
        if self._next() != "{":
            raise JsonStreamError(f"has no object around {key!r}: set `path:` in the reader")
        self._at += 1
        seen: list[str] = []
        while self._next() != "}":
            name = self._value()
            if self._next() != ":" or not isinstance(name, str):
                raise JsonStreamError(f"is not JSON: a name and a colon are missing at character {self.place:,}")
            self._at += 1
            if name == key:
                return
            seen.append(name)
            self._pass_over()
            if self._next() == ",":
                self._at += 1
        raise JsonStreamError(f"has no {key!r}; it has {seen[:20]}: set `path:` in the reader")

    def _next(self) -> str:
        """The next character that is no white space."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # it always matches
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                raise JsonStreamError(f"breaks off at character {self.place:,}")

    def _more(self) -> bool:
        """Get another block, and forget what is done; False at the end."""
        block = next(self._blocks, None)
        if block is None:
            return False
        self._gone += self._at
        self._text, self._at = self._text[self._at :] + block, 0
        return True

    def _value(self) -> object:
        """The value that begins here. While it is not whole, twice as much is read each time, so it is cheap."""
        self._next()
        while True:
            error: ValueError | RecursionError
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                # What follows may belong to a number: after `1` may come `.5`.
                if isinstance(value, dict | list | str) or self._text[end : end + 1] in _AFTER or not self._more():
                    self._at = end
                    return value
                continue
            except RecursionError:
                raise JsonStreamError(f"is nested too deeply at character {self.place:,}") from None
            except json.JSONDecodeError as caught:
                error = caught
            have = len(self._text) - self._at
            if have > self._maximum:
                raise JsonStreamError(
                    f"has an element at character {self.place:,} that is no JSON, or is longer than {self._maximum:,}"
                    " characters: see `maximum_characters:`"
                )
            if not self._more():
                raise JsonStreamError(f"is not JSON: {error.msg} at character {self._gone + error.pos + 1:,}")
            while len(self._text) < 2 * have and self._more():
                pass

    def _pass_over(self) -> None:
        """Pass over a value of any size without keeping it."""
        depth = 0
        if self._next() not in '"{[':
            while not (end := _SCALAR_END.search(self._text, self._at)):
                self._at = len(self._text)
                self._next()
            self._at = end.start()
            return
        while True:
            found = self._next()
            if found == '"':
                self._at += 1
                self._pass_string()
            else:
                piece = _PIECE.match(self._text, self._at)
                assert piece is not None  # any character makes one
                depth += (found in "{[") - (found in "}]")
                self._at = piece.end()
            if depth == 0:
                return

    def _pass_string(self) -> None:
        while not (end := _STRING_REST.match(self._text, self._at)):
            # Nothing is forgotten that may be half of an escape.
            self._at = max(self._at, len(self._text) - 1 - self._backslashes())
            if not self._more():
                raise JsonStreamError(f"breaks off inside a string at character {self.place:,}")
        self._at = end.end()

    def _backslashes(self) -> int:
        return len(self._text) - len(self._text.rstrip("\\"))
