"""A JSON object becomes a document: a text, or a conversation."""

from __future__ import annotations

from zaoju.contracts import Document
from zaoju.corpus import text_of, turns_of
from zaoju_builtin.readers.options import ObjectOptions


def document_of_object(
    value: dict[str, object], options: ObjectOptions, source: str, replaced_bytes: int = 0
) -> Document:
    """The document that an object is by the options. Raises `ValueError` with the reason where it is none."""
    if options.conversations:
        turns = turns_of(value, prompt=options.prompt, answer=options.answer, turns=options.turns)
        return Document.of_turns(turns, source, replaced_bytes)
    return Document(text_of(value, options.fields), source, replaced_bytes)
