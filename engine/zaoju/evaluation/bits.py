"""Bits per character: the measure that no choice of vocabulary can flatter."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING

from zaoju.contracts import EventSink, Progress, Runner
from zaoju.errors import Cancelled, UserError
from zaoju.evaluation.windows import overlapping_windows

if TYPE_CHECKING:
    from zaoju.tokenization import Tokenizer

_DOCUMENTS_AT_ONCE = 256
_WINDOWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Score:
    """How well a model predicts texts."""

    bits_per_character: float
    characters: int
    documents: int
    tokens: int
    """How many tokens were predicted, the one that ends each document included."""

    lossy_documents: int
    """Documents that do not come back from their tokens. Where this is not 0, the vocabulary hides text, and the score
    flatters the model."""

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)


def bits_per_character(
    runner: Runner,
    tokenizer: Tokenizer,
    texts: Iterable[str],
    *,
    emit: EventSink,
    cancel: threading.Event,
) -> Score:
    """The bits that the model needs for `texts`, per character.

    It is the sum over all tokens of all documents of -log2 of the token's probability, the end-of-text token that ends
    each document included, divided by the number of characters (Unicode code points) of the documents. Each document
    stands alone, after the tokens that begin a text; documents are never joined. A document that is longer than the
    context is scored in windows that overlap by half a context, each token once. Empty documents are left out.

    Raises `UserError` where there is no text, and `Cancelled`.
    """
    nats, characters, documents, tokens, lossy = 0.0, 0, 0, 0, 0
    remaining = iter(texts)
    while batch := list(islice(remaining, _DOCUMENTS_AT_ONCE)):
        batch = [text for text in batch if text]
        encoded = tokenizer.encode_batch(batch)
        lossy += sum(tokenizer.decode(ids) != text for ids, text in zip(encoded, batch, strict=True))
        for part_nats, part_tokens in _scored(runner, [_framed(tokenizer, ids) for ids in encoded], cancel):
            nats += part_nats
            tokens += part_tokens
            emit(Progress("scoring", tokens, None, "tokens"))
        characters += sum(map(len, batch))
        documents += len(batch)
    if not characters:
        raise UserError("there is no text to score: give at least one document that is not empty")
    return Score(nats / math.log(2) / characters, characters, documents, tokens, lossy)


def _framed(tokenizer: Tokenizer, ids: Sequence[int]) -> tuple[list[int], int]:
    """The tokens that the model reads for a document, and how many of them only begin it."""
    beginning = tokenizer.beginning or [tokenizer.end_of_text]
    return [*beginning, *ids, tokenizer.end_of_text], len(beginning)


def _scored(
    runner: Runner, documents: Sequence[tuple[list[int], int]], cancel: threading.Event
) -> Iterator[tuple[float, int]]:
    """The nats and the number of some tokens at a time, so that a book can be stopped too."""
    windows = (window for document in documents for window in _windows(runner.context_length, *document))
    while part := list(islice(windows, _WINDOWS_AT_ONCE)):
        if cancel.is_set():
            raise Cancelled("scoring was stopped")
        scores = runner.score([window for window, _ in part])
        # Every window is summed on its own in float64, so the order of the documents hardly matters.
        nats = (
            -float(score[len(score) - count :].double().sum()) for score, (_, count) in zip(scores, part, strict=True)
        )
        yield math.fsum(nats), sum(count for _, count in part)


def _windows(context_length: int, tokens: Sequence[int], beginning: int) -> Iterator[tuple[Sequence[int], int]]:
    """The windows of one document, in which the tokens that begin a text do not count."""
    unscored = beginning - 1
    for window, count in overlapping_windows(tokens, context_length):
        skipped = min(unscored, count)
        unscored -= skipped
        if count > skipped:
            yield window, count - skipped
