"""Web pages: the text of the main content."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence

from resiliparse.extract.html2text import extract_plain_text

from zaoju.contracts import Document, Problem
from zaoju.corpus import SourceFile, TextLines, describe
from zaoju_builtin.readers.file_reader import FileReader
from zaoju_builtin.readers.options import HtmlOptions
from zaoju_builtin.readers.page_bounds import page_bounds

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED = re.compile(rb"<(?:meta|\?xml)\b[^>]{0,500}?(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]+)", re.I)
_DECLARED_WITHIN = 4096
_MOST_ATTRIBUTES = 10_000
"""The parser compares each attribute of an element with all others."""

_DEEP_TEXT = 200_000_000
"""Characters times depth: resiliparse looks through the text of an element for each one around it."""


class HtmlReader(FileReader[HtmlOptions]):
    """One document a page; resiliparse finds the main content (https://github.com/chatnoir-eu/chatnoir-resiliparse)."""

    def suffixes(self) -> Sequence[str]:
        """Which names to read in folders."""
        return self.options.suffixes

    def documents(self, file: SourceFile, lines: TextLines) -> Iterator[Document | Problem]:
        """The text of the page, or why it is not read."""
        del lines  # the page says itself how it is to be read
        try:
            with file.open() as source:
                data = source.read(self.options.maximum_bytes + 1)
        except OSError as error:
            yield Problem(file.shown, describe(error), file.size)
            return
        page = self._page(data)
        if isinstance(page, Problem):
            yield Problem(file.shown, page.reason, max(file.size, len(data)))
            return
        text = extract_plain_text(
            page, main_content=self.options.main_content, alt_texts=False, list_bullets=False, preserve_formatting=True
        )
        if text.strip():
            yield Document(text.replace("\xa0", " "), file.label)

    def _page(self, data: bytes) -> str | Problem:
        """The page as text, unless its parsing would take too much memory or time."""
        options = self.options
        if len(data) > options.maximum_bytes:
            return Problem("", f"larger than {options.maximum_bytes:,} bytes: raise `maximum_bytes:` in the reader")
        text = self._decoded(data)
        if isinstance(text, Problem):
            return text
        text = text.replace("\0", "")
        too_much = self._too_much(text)
        return Problem("", too_much) if too_much else text

    def _too_much(self, page: str) -> str:
        """Why the page is not parsed; empty where it may be."""
        options = self.options
        bounds = page_bounds(page, options.maximum_depth)
        if bounds is None:
            return ""
        if bounds.depth > options.maximum_depth:
            return (
                f"its elements may be nested {bounds.depth:,} deep or more, above `maximum_depth: "
                f"{options.maximum_depth}` in the reader: the time that this takes grows with the square"
            )
        if bounds.elements > options.maximum_elements:
            return (
                f"it may hold {bounds.elements:,} elements, above `maximum_elements: {options.maximum_elements}` in "
                "the reader: what is left open of formatting is opened again and again"
            )
        if bounds.attributes > _MOST_ATTRIBUTES:
            return f"an element has {bounds.attributes:,} attributes, and more than {_MOST_ATTRIBUTES:,} are not read"
        if options.main_content and bounds.depth * len(page) > _DEEP_TEXT:
            return (
                f"its {len(page):,} characters may be nested {bounds.depth:,} deep, and finding the main content would "
                "take minutes: set `main_content: false`"
            )
        return ""

    def _decoded(self, data: bytes) -> str | Problem:
        """The page in the encoding of its byte order mark, in UTF-8, or in the one that it declares.

        UTF-8 before the declaration, since pages that were converted often keep an old one, and text in another
        encoding is never valid UTF-8 by chance. gb2312 and gbk stand for gb18030, as in browsers.
        """
        for mark, encoding in _MARKS:
            if data.startswith(mark):
                return data[len(mark) :].decode(encoding, errors="replace")
        declared = _DECLARED.search(data[:_DECLARED_WITHIN])
        name = declared.group(1).decode("ascii").lower() if declared else ""
        name = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs"}.get(name, name)
        tried = ["utf-8", *([name] if name and _is_known(name) else []), "gb18030"]
        for encoding in tried:
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
        return Problem("", f"is in none of the encodings {', '.join(dict.fromkeys(tried))}")


def _is_known(name: str) -> bool:
    try:
        return bool("".encode(name)) or True
    except LookupError:
        return False
