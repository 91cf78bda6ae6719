"""The plain text of Markdown, by markdown-it-py (https://github.com/executablebooks/markdown-it-py, CommonMark)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token

_WIDE = "\u2e80-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_BESIDE_WIDE = re.compile(f"(?<=[{_WIDE}])\n|\n(?=[{_WIDE}])")
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_LISTS = frozenset({"bullet_list_open", "bullet_list_close", "ordered_list_open", "ordered_list_close"})
_SILENT = frozenset({"script", "style"})


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept beside headings, paragraphs and lists."""

    code: bool
    tables: bool
    html: bool
    images: bool
    join_lines: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A block of text that stands by itself: a paragraph, a heading, an item of a list, a row of a table."""

    text: str

    line: int
    """Where it begins; the first line is 0."""

    end: int
    """The line after it."""

    heading: int = 0
    """The level of a heading that is in no quotation and no list; else 0."""

    close: bool = False
    """Whether it belongs directly below the block before, as items and rows do."""


class _Place:
    """Where in the text the parser is."""

    def __init__(self) -> None:
        self.in_table = False
        self._lists = 0
        self._lines = (0, 0)
        self._first = True

    def enter(self, token: Token) -> None:
        """Go on to the next token."""
        if token.map:
            self._lines = (token.map[0], token.map[1])
        if token.type in _LISTS:
            self._first = self._first or self._lists == 0
            self._lists += token.nesting
        elif token.type in ("table_open", "table_close"):
            self._first = self.in_table = token.type == "table_open"

    def block(self, text: str, heading: int = 0) -> Iterator[Block]:
        """The block with this text, if there is any."""
        if text.strip():
            close = (self.in_table or self._lists > 0) and not self._first
            yield Block(text, *self._lines, heading, close)
            self._first = False


class MarkdownText:
    """Turns Markdown into blocks of plain text: CommonMark with tables and struck-out text."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])

    def blocks(self, text: str) -> Iterator[Block]:
        """The blocks of `text` in order; those without text are left out."""
        place = _Place()
        row: list[str] = []
        before = ""
        for token in self._parser.parse(text):
            place.enter(token)
            if token.type == "inline" and place.in_table:
                row.append(self._inline(token.children or []).replace("\n", " "))
            elif token.type == "inline":
                level = int(before[1]) if before in _HEADINGS and token.level == 1 else 0
                yield from place.block(self._inline(token.children or []), heading=level)
            elif token.type == "tr_close":
                if self._kept.tables:
                    yield from place.block("\t".join(row))
                row.clear()
            elif token.type in ("fence", "code_block") and self._kept.code:
                yield from place.block(token.content.rstrip("\n"))
            elif token.type == "html_block" and self._kept.html:
                yield from place.block(_without_tags(token.content))
            before = token.tag

    def _inline(self, tokens: Sequence[Token]) -> str:
        """The text of a paragraph: that of links, without addresses and marks."""
        parts: list[str] = []
        for token in tokens:
            if token.type in ("text", "code_inline", "text_special"):
                parts.append(token.content)
            elif token.type == "hardbreak":
                parts.append("\r")
            elif token.type == "softbreak":
                parts.append("\n")
            elif token.type == "image" and self._kept.images:
                parts.append(self._inline(token.children or []))
        text = "".join(parts)
        if self._kept.join_lines:
            text = _BESIDE_WIDE.sub("", text).replace("\n", " ")
        return "\n".join(line.strip() for line in re.split("[\r\n]", text)).strip("\n")


class _Text(HTMLParser):
    """Gathers the text of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs  # a text has none
        self._silent += tag in _SILENT

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in _SILENT))

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def _without_tags(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    parser.close()
    return "\n".join(line.strip() for line in "".join(parser.parts).split("\n") if line.strip())
