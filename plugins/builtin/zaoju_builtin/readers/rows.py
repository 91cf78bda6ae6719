"""A row of a table with typed columns, as Parquet and Arrow have them, becomes a document."""

from __future__ import annotations

from collections.abc import Sequence

from zaoju.contracts import Document, Problem
from zaoju.corpus import text_of


def document_of(
    row: dict[str, object], columns: Sequence[str], maximum_characters: int, *, label: str, shown: str, number: int
) -> Document | Problem:
    """The document in `columns` of a row, or why there is none. `shown` is what a person knows the table by."""
    there = [row[name] for name in columns if name in row]
    if there and all(value is None for value in there):
        return Problem(f"{shown} row {number}", "has nothing in these columns", stops=False)
    try:
        text = text_of(row, columns)
    except ValueError as error:
        return Problem(f"{shown} row {number}", str(error).replace("`fields:`", "`columns:`"))
    if len(text) > maximum_characters:
        reason = f"longer than {maximum_characters:,} characters: see `maximum_characters:`"
        return Problem(f"{shown} row {number}", reason, len(text.encode("utf-8", "replace")))
    return Document(text, f"{label}:{number}")


def no_such_columns(columns: Sequence[str], there: Sequence[str]) -> str:
    """Why a table with other columns is not read."""
    return f"has none of the columns {list(columns)}; it has {list(there)[:20]}: set `columns:` in the reader"
