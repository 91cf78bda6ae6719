"""Documents on disk: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from zaoju.contracts import Document, Turn
from zaoju.errors import CorpusError


def document_line(document: Document) -> str:
    """The document as one line of JSON, its end included."""
    value: dict[str, object] = {"text": document.text, "source": document.source}
    if document.turns:
        value["turns"] = [[turn.role, turn.text] for turn in document.turns]
    return json.dumps(value, ensure_ascii=False) + "\n"


def read_documents(path: Path) -> Iterator[Document]:
    """The documents of a file that `prepare` wrote, one at a time.

    Raises `CorpusError` where the file is missing or is not such a file.
    """
    try:
        file = path.open(encoding="utf-8", newline="\n")
    except FileNotFoundError:
        raise CorpusError(f"{path}: there is no prepared corpus here; run `zaoju prepare` first") from None
    with file:
        for number, line in enumerate(file, start=1):
            try:
                value = json.loads(line)
                text, source = value["text"], value["source"]
                yield Document(text, source, turns=tuple(Turn(*turn) for turn in value.get("turns", ())))
            except (ValueError, TypeError, KeyError) as error:
                raise CorpusError(
                    f"{path} line {number}: not a document ({error}); the file is damaged or was not written by"
                    " `zaoju prepare`: run it again"
                ) from None
