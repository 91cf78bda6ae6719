"""Prepared documents as tokens, one after another, each followed by the end-of-text token."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from zaoju.contracts import Document
from zaoju.corpus import read_documents
from zaoju.tokenization.segmentation import segment_documents

if TYPE_CHECKING:
    from zaoju.tokenization.tokenizer import Tokenizer

_BATCH_DOCUMENTS = 512
_BATCH_CHARACTERS = 1 << 20

EncodedDocument: TypeAlias = tuple[list[int], list[bool] | None]
"""The tokens of a document, and which of them a model is to learn; None for a plain text, of which it learns all."""


def encode_documents(documents: Path, tokenizer: Tokenizer, workers: int) -> Iterator[EncodedDocument]:
    """Every document of a prepared JSON Lines file, in order.

    `workers` processes run the segmenter of a live tokenizer (0: one for each core); a portable one uses threads.
    """
    read: deque[Document] = deque()

    def texts() -> Iterator[str]:
        for document in read_documents(documents):
            read.append(document)
            if document.turns:
                yield from (turn.text for turn in document.turns)
            else:
                yield document.text

    encoded = _encode(texts(), tokenizer, workers)
    for ids in encoded:
        document = read.popleft()
        if not document.turns:
            yield [*ids, tokenizer.end_of_text], None
            continue
        tokens = tokenizer.conversations.join(document.turns, [ids, *islice(encoded, len(document.turns) - 1)])
        if tokens.ids[-1] == tokenizer.end_of_text:
            yield tokens.ids, tokens.counts
        else:
            # It only parts this conversation from the next one.
            yield [*tokens.ids, tokenizer.end_of_text], [*tokens.counts, False]


def _encode(texts: Iterable[str], tokenizer: Tokenizer, workers: int) -> Iterator[list[int]]:
    if tokenizer.segmenter is not None:
        for pieces in segment_documents(tokenizer.segmenter, texts, workers):
            yield tokenizer.encode_pieces(pieces)
    else:
        for batch in _batches(texts):
            yield from tokenizer.encode_batch(batch)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in lists that are large enough for all cores and small enough for memory."""
    batch: list[str] = []
    characters = 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if len(batch) == _BATCH_DOCUMENTS or characters >= _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
