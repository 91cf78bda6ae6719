"""Markdown files: their text without the marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from zaoju.contracts import Document, Problem
from zaoju.corpus import SourceFile, TextLines
from zaoju_builtin.readers.file_reader import FileReader
from zaoju_builtin.readers.front_matter import front_matter_lines, title_of
from zaoju_builtin.readers.markdown_text import Block, Kept, MarkdownText
from zaoju_builtin.readers.options import MarkdownOptions


class MarkdownReader(FileReader[MarkdownOptions]):
    """One document a file, or one for each heading of a level and those above it."""

    def suffixes(self) -> Sequence[str]:
        """Which names to read in folders."""
        return self.options.suffixes

    def documents(self, file: SourceFile, lines: TextLines) -> Iterator[Document | Problem]:
        """The documents of one file, which is parsed as a whole: a mark may act on all that follows."""
        written: list[str] = []
        replaced: list[int] = []
        characters = 0
        for line in lines:
            if isinstance(line, Problem):
                yield line
                if line.stops:
                    return
                continue
            characters += line.bytes if line.text is None else len(line.text) + 1
            if line.text is None or characters > self.options.maximum_characters:
                reason = f"longer than {self.options.maximum_characters:,} characters: see `maximum_characters:`"
                yield Problem(file.shown, reason, file.size)
                return
            written.append(line.text)
            replaced.append(line.replaced)
        yield from self._documents(file, written, replaced)

    def _documents(self, file: SourceFile, lines: list[str], replaced: list[int]) -> Iterator[Document | Problem]:
        settings = front_matter_lines(lines)
        title = title_of(lines[:settings]) if settings and self.options.title else None
        text = "\n".join([*[""] * settings, *lines[settings:]])
        documents = list(self._parted(self._text.blocks(text)))
        if title is not None and documents and documents[0][0].text != title:
            documents[0].insert(0, Block(title, 0, settings))
        if not documents and any(map(str.strip, lines)):
            reason = (
                "it has no text beside front matter, code, tables, HTML and images, which options of the reader keep"
            )
            yield Problem(file.shown, reason, file.size, stops=False)
        for blocks in documents:
            first, end = (blocks[0].line, blocks[-1].end) if self.options.heading_level else (0, len(lines))
            where = f":{first + 1}-{end}" if self.options.heading_level else ""
            yield Document(_joined(blocks), f"{file.label}{where}", sum(replaced[first:end]))

    def _parted(self, blocks: Iterator[Block]) -> Iterator[list[Block]]:
        """The blocks of each document."""
        document: list[Block] = []
        for block in blocks:
            if document and 0 < block.heading <= self.options.heading_level:
                yield document
                document = []
            document.append(block)
        if document:
            yield document

    @cached_property
    def _text(self) -> MarkdownText:
        options = self.options
        return MarkdownText(
            Kept(options.code, options.tables, options.html, options.images, options.line_breaks == "join")
        )


def _joined(blocks: Sequence[Block]) -> str:
    """The text, with a blank line before each block that does not belong closely to the one before."""
    between = ("\n" if block.close else "\n\n" for block in blocks[1:])
    return blocks[0].text + "".join(
        separator + block.text for separator, block in zip(between, blocks[1:], strict=True)
    )
