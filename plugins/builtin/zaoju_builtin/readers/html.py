"""Web pages: the text of the main content."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from resiliparse.extract.html2text import extract_plain_text

from zaoju.contracts import Document, Problem
from zaoju.corpus import SourceFile, TextLines, describe
from zaoju_builtin.readers.file_reader import FileReader
from zaoju_builtin.readers.options import HtmlOptions

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)\b")
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED = re.compile(rb"<(?:meta|\?xml)\b[^>]{0,500}?(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]+)", re.I)
_DECLARED_WITHIN = 4096
_NEVER_CLOSED = frozenset(
    (
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
        "p",
        "li",
        "dt",
        "dd",
        "option",
        "optgroup",
        "tr",
        "td",
        "th",
        "thead",
        "tbody",
        "tfoot",
        "colgroup",
        "html",
        "head",
        "body",
        "rp",
        "rt",
    )
)
"""Elements without an end, and those whose end may be left out."""


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
        depth = _depth(text)
        if depth > options.maximum_depth:
            reason = f"its elements are nested {depth:,} deep, more than `maximum_depth: {options.maximum_depth}`"
            return Problem("", f"{reason} in the reader: the time that this takes grows with the square")
        return text.replace("\0", "")

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


def _depth(page: str) -> int:
    """About how deep elements are nested, without a parser: for each name, starts less ends, at the worst place."""
    opened: Counter[str] = Counter()
    total = deepest = 0
    for end, name in _TAG.findall(page):
        lower = name.lower()
        if lower in _NEVER_CLOSED:
            continue
        if not end:
            opened[lower] += 1
            total += 1
            deepest = max(deepest, total)
        elif opened[lower]:
            opened[lower] -= 1
            total -= 1
    return deepest
