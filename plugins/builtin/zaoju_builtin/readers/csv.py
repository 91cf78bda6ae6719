"""Tables of text: CSV, TSV and the like."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from zaoju.contracts import Document, Problem
from zaoju.corpus import Line, SourceFile, TextLines
from zaoju_builtin.readers.file_reader import FileReader
from zaoju_builtin.readers.options import CsvOptions


class CsvReader(FileReader[CsvOptions]):
    """One document a row; the text is in one column or several. Quoted fields may go over several lines."""

    def suffixes(self) -> Sequence[str]:
        """Which names to read in folders."""
        return self.options.suffixes

    def documents(self, file: SourceFile, lines: TextLines) -> Iterator[Document | Problem]:
        """One document a row. A row that is none is a problem, and the next one is read."""
        table = _Rows(file, self.options, iter(lines))
        columns: list[int] | None = None if self.options.header else self._numbered()
        for row in table.rows():
            if isinstance(row, Problem):
                yield row
            elif columns is None:
                found = self._named(file, row)
                if isinstance(found, Problem):
                    yield found
                    return
                columns = found
            elif any(row):
                yield self._document(file, table.where, row, columns)
        yield from table.end()

    def _numbered(self) -> list[int]:
        return [int(column) - 1 for column in self.options.columns]

    def _named(self, file: SourceFile, header: list[str]) -> list[int] | Problem:
        names = [name.strip() for name in header]
        missing = [name for name in self.options.columns if name not in names]
        if missing:
            reason = (
                f"has no column {missing}; its first line has {names[:20]}: set `columns:`, `delimiter:` or `header:`"
            )
            return Problem(file.shown, f"{reason} in the reader", file.size)
        return [names.index(name) for name in self.options.columns]

    def _document(self, file: SourceFile, where: str, row: list[str], columns: list[int]) -> Document | Problem:
        short = [column + 1 for column in columns if column >= len(row)]
        size = sum(len(cell.encode()) for cell in row)
        if short:
            reason = f"the row has {len(row)} columns, and column {short[0]} is asked for: is a quote missing?"
            return Problem(f"{file.shown} line {where}", reason, size)
        text = "\n".join(row[column] for column in columns if row[column].strip())
        if len(text) > self.options.maximum_characters:
            return Problem(f"{file.shown} line {where}", _too_long(self.options), size)
        return Document(text, f"{file.label}:{where}")


class _Rows:
    """The lines of a file as Python's reader of CSV takes them, and the rows that it makes of them.

    A row that is too long, as one missing quote makes of all that follows, ends where it is found to be; the next row
    begins at the next line.
    """

    def __init__(self, file: SourceFile, options: CsvOptions, lines: Iterator[Line | Problem]) -> None:
        self._file = file
        self._options = options
        self._lines = lines
        self._first = self._last = self._characters = 0
        self._problems: list[Problem] = []
        self._too_long: Line | None = None

    @property
    def where(self) -> str:
        """The lines of the row that was given last."""
        return str(self._first) if self._first == self._last else f"{self._first}-{self._last}"

    def rows(self) -> Iterator[list[str] | Problem]:
        """Each row, or why it is none."""
        csv.field_size_limit(max(csv.field_size_limit(), self._options.maximum_characters + 1))
        while True:
            parser = csv.reader(self._of_one_row(), delimiter=self._options.delimiter, strict=True)
            try:
                while True:
                    self._first = self._characters = 0
                    row = next(parser)
                    if self._too_long is not None:
                        break
                    yield row
            except StopIteration:
                if self._too_long is None:
                    return
            except csv.Error as error:
                if any(problem.stops for problem in self._problems):
                    return
                if self._too_long is None:
                    yield Problem(f"{self._file.shown} line {self.where}", f"is no row: {error}", self._characters)
                    continue
            yield Problem(f"{self._file.shown} line {self.where}", _too_long(self._options), self._too_long.bytes)
            self._too_long = None

    def end(self) -> Iterator[Problem]:
        """What was met in the lines: a guess at their encoding, or why they could not be read to the end."""
        yield from self._problems

    def _of_one_row(self) -> Iterator[str]:
        for line in self._lines:
            if isinstance(line, Problem):
                self._problems.append(line)
                if line.stops:
                    return
                continue
            self._first = self._first or line.number
            self._last = line.number
            self._characters += len(line.text or "") + 1
            if line.text is None or self._characters > self._options.maximum_characters + 1:
                self._too_long = Line(line.number, None, line.bytes or self._characters)
                return
            yield line.text + "\n"


def _too_long(options: CsvOptions) -> str:
    return (
        f"longer than {options.maximum_characters:,} characters: look for a quote that is never closed, or raise"
        " `maximum_characters:` in the reader"
    )
