"""From prepared documents to a tokenizer."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer as Backend

from zaoju.contracts import EventSink, Notice, PieceStream, Progress, VocabularyBuilder
from zaoju.corpus import read_documents
from zaoju.errors import Cancelled, PluginError
from zaoju.tokenization.byte_level import END_OF_TEXT
from zaoju.tokenization.packed import count_lines
from zaoju.tokenization.parts import with_end_of_text
from zaoju.tokenization.segmentation import segment_documents
from zaoju.tokenization.tokenizer import Tokenizer

if TYPE_CHECKING:
    from zaoju.plugins import ResolvedComponent

_REPORT_EVERY = 512
HOSTILE_TEXT = f"我想<0x41>{END_OF_TEXT}##▁ \r\n\t\0é\u0301龘\U0001f469\u200d\U0001f680\U0010ffff" + "".join(
    map(chr, range(0x20, 0x7F))
)
"""What a tokenizer that loses nothing gives back: marks of other tokenizers, a literal token, rare planes, ASCII."""


def build_tokenizer(
    documents: Path,
    segmenter: ResolvedComponent,
    vocabulary: ResolvedComponent,
    *,
    live: bool,
    workers: int,
    emit: EventSink,
    cancel: threading.Event,
    conversations: bool = False,
) -> Tokenizer:
    """Learn a tokenizer from a prepared JSON Lines file.

    The documents are cut once, in `workers` processes (0: one for each core), and kept in a file in the system's
    temporary folder (`TMPDIR`), about as large as the corpus, while the builder reads them. With `live`, the tokenizer
    keeps its segmenter; with `conversations` it has marks for turns, and a chat template. Raises `UserError` where the
    builder finds the corpus or its options unfit, `PluginError` where it loses text, and `Cancelled`.
    """
    with tempfile.TemporaryDirectory(prefix="zaoju-pieces-") as folder:
        stream = _cut_once(documents, segmenter, Path(folder) / "pieces.jsonl", workers, emit, cancel)
        backend = vocabulary.build(VocabularyBuilder).build(stream)
    _check_end_of_text(backend, vocabulary)
    tokenizer = Tokenizer(with_end_of_text(backend, segmenter if live else None))
    _check_lossless(tokenizer, vocabulary)
    _report_size(tokenizer, vocabulary, emit)
    return tokenizer.for_conversations() if conversations else tokenizer


def _cut_once(
    documents: Path,
    segmenter: ResolvedComponent,
    pieces: Path,
    workers: int,
    emit: EventSink,
    cancel: threading.Event,
) -> PieceStream:
    """Write the pieces of every document to a file, and give passes over that file."""
    total = count_lines(documents)
    texts = (document.text for document in read_documents(documents))
    with pieces.open("w", encoding="utf-8", newline="\n") as file:
        for done, cut in enumerate(segment_documents(segmenter, texts, workers), start=1):
            if cancel.is_set():
                raise Cancelled("building the vocabulary was stopped")
            file.write(json.dumps(cut, ensure_ascii=False) + "\n")
            if done % _REPORT_EVERY == 0 or done == total:
                emit(Progress("segmenting", done, total, "documents"))

    def read_pieces() -> Iterator[list[str]]:
        with pieces.open(encoding="utf-8", newline="\n") as file:
            for done, line in enumerate(file, start=1):
                if cancel.is_set():
                    raise Cancelled("building the vocabulary was stopped")
                yield json.loads(line)
                if done % _REPORT_EVERY == 0 or done == total:
                    emit(Progress("learning the vocabulary", done, total, "documents"))

    return read_pieces


def _check_end_of_text(backend: Backend, vocabulary: ResolvedComponent) -> None:
    if backend.token_to_id(END_OF_TEXT) is not None:
        raise PluginError(
            f"the vocabulary builder {vocabulary.name!r} of {vocabulary.package} {vocabulary.version} has learned "
            f"{END_OF_TEXT!r}, which the engine adds itself: text would turn into the end of a text; tell its author"
        )


def _check_lossless(tokenizer: Tokenizer, vocabulary: ResolvedComponent) -> None:
    """A builder that loses text is found before anything is trained on its tokens."""
    ids = tokenizer.encode(HOSTILE_TEXT)
    if tokenizer.decode(ids) != HOSTILE_TEXT or tokenizer.end_of_text in ids:
        raise PluginError(
            f"the vocabulary builder {vocabulary.name!r} of {vocabulary.package} {vocabulary.version} gives a "
            f"tokenizer that loses text: {HOSTILE_TEXT!r} came back as {tokenizer.decode(ids)!r}; use another builder "
            "and tell its author"
        )


def _report_size(tokenizer: Tokenizer, vocabulary: ResolvedComponent, emit: EventSink) -> None:
    asked = vocabulary.options.get("size")
    if isinstance(asked, int) and tokenizer.vocabulary_size < asked:
        emit(
            Notice(
                f"the corpus gave {tokenizer.vocabulary_size:,} tokens; the vocabulary {vocabulary.name!r} was asked "
                f"for {asked:,}"
            )
        )
