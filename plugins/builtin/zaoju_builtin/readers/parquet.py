"""Parquet files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from zaoju.contracts import Document, Problem
from zaoju.corpus import SourceFile, TextLines, describe
from zaoju_builtin.readers.file_reader import FileReader
from zaoju_builtin.readers.options import ParquetOptions
from zaoju_builtin.readers.rows import document_of, no_such_columns

_ROWS = 256


class ParquetReader(FileReader[ParquetOptions]):
    """One document a row; the text is in one column or several. Only these columns are read, batch by batch."""

    def suffixes(self) -> Sequence[str]:
        """Which names to read in folders."""
        return self.options.suffixes

    def documents(self, file: SourceFile, lines: TextLines) -> Iterator[Document | Problem]:
        """One document a row; a file that is no Parquet file, or has no such column, is a problem."""
        del lines  # it is no text
        try:
            with file.open() as source, tempfile.TemporaryFile() as aside:
                yield from self._rows(file, _seekable(source, aside))
        except pa.ArrowException as error:
            yield Problem(file.shown, f"is no whole Parquet file: {str(error).splitlines()[0]}", file.size)
        except OSError as error:
            yield Problem(file.shown, describe(error).splitlines()[0], file.size)

    def _rows(self, file: SourceFile, source: BinaryIO) -> Iterator[Document | Problem]:
        table = pq.ParquetFile(source, memory_map=False, pre_buffer=False)
        names = table.schema_arrow.names
        columns = [name for name in self.options.columns if name in names]
        if not columns:
            yield Problem(file.shown, no_such_columns(self.options.columns, names), file.size)
            return
        number = 0
        for batch in table.iter_batches(batch_size=_ROWS, columns=columns, use_threads=False):
            for row in batch.to_pylist():
                number += 1
                yield document_of(
                    row,
                    columns,
                    self.options.maximum_characters,
                    label=file.label,
                    shown=file.shown,
                    number=number,
                )


def _seekable(source: BinaryIO, aside: BinaryIO) -> BinaryIO:
    """A Parquet file is read from its end; one that comes out of a compressed file is laid aside first."""
    if hasattr(source, "raw") and type(source.raw).__module__ == "_io":
        return source
    shutil.copyfileobj(source, aside, 1 << 16)
    aside.seek(0)
    return aside
