"""Bits per character: the measure that no choice of vocabulary can flatter."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING

from zaoju.contracts import Document, EventSink, Progress, Runner, Turn
from zaoju.errors import Cancelled, UserError
from zaoju.evaluation.windows import overlapping_windows

if TYPE_CHECKING:
    import torch

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


@dataclass(frozen=True, slots=True)
class _Scored:
    """A document as the model reads it."""

    ids: list[int]
    counts: list[bool]
    """Which tokens are scored. The first one never is, as the model has read nothing before it."""

    characters: int
    lossy: bool


def bits_per_character(
    runner: Runner,
    tokenizer: Tokenizer,
    texts: Iterable[str | Document],
    *,
    emit: EventSink,
    cancel: threading.Event,
) -> Score:
    """The bits that the model needs for `texts`, per character.

    It is the sum over all tokens of all documents of -log2 of the token's probability, the end-of-text token that ends
    each document included, divided by the number of characters (Unicode code points) of the documents. Each document
    stands alone, after the tokens that begin a text; documents are never joined. A document that is longer than the
    context is scored in windows that overlap by half a context, each token once. Empty documents are left out.

    Of a document with turns the answers alone are scored, each after all that was said before it and with the token
    that ends it; the characters are those of the answers. Raises `UserError` where there is no text, and `Cancelled`.
    """
    nats, characters, documents, tokens, lossy = 0.0, 0, 0, 0, 0
    remaining = iter(texts)
    while batch := list(islice(remaining, _DOCUMENTS_AT_ONCE)):
        scored = list(_encoded(tokenizer, batch))
        lossy += sum(one.lossy for one in scored)
        for part_nats, part_tokens in _scored(runner, scored, cancel):
            nats += part_nats
            tokens += part_tokens
            emit(Progress("scoring", tokens, None, "tokens"))
        characters += sum(one.characters for one in scored)
        documents += len(scored)
    if not characters:
        raise UserError("there is no text to score: give at least one document that is not empty")
    return Score(nats / math.log(2) / characters, characters, documents, tokens, lossy)


def _encoded(tokenizer: Tokenizer, texts: Sequence[str | Document]) -> Iterator[_Scored]:
    """All that are not empty."""
    documents = [text if isinstance(text, Document) else Document(text, "") for text in texts]
    plain = iter(tokenizer.encode_batch([one.text for one in documents if one.text and not one.turns]))
    beginning = tokenizer.beginning or [tokenizer.end_of_text]
    for document in documents:
        if document.turns:
            yield _answers(tokenizer, document.turns)
        elif document.text:
            ids = next(plain)
            yield _Scored(
                [*beginning, *ids, tokenizer.end_of_text],
                [False] * len(beginning) + [True] * (len(ids) + 1),
                len(document.text),
                tokenizer.decode(ids) != document.text,
            )


def _answers(tokenizer: Tokenizer, turns: Sequence[Turn]) -> _Scored:
    contents = tokenizer.encode_batch([turn.text for turn in turns])
    tokens = tokenizer.conversations.join(turns, contents)
    answers = [(turn.text, ids) for turn, ids in zip(turns, contents, strict=True) if turn.role == "assistant"]
    return _Scored(
        tokens.ids,
        tokens.counts,
        sum(len(text) for text, _ in answers),
        any(tokenizer.decode(ids) != text for text, ids in answers),
    )


def _scored(runner: Runner, documents: Sequence[_Scored], cancel: threading.Event) -> Iterator[tuple[float, int]]:
    """The nats and the number of some tokens at a time, so that a book can be stopped too."""
    windows = (window for document in documents for window in _windows(runner.context_length, document))
    while part := list(islice(windows, _WINDOWS_AT_ONCE)):
        if cancel.is_set():
            raise Cancelled("scoring was stopped")
        scores = runner.score([window for window, _ in part])
        # Every window is summed on its own in float64, so the order of the documents hardly matters.
        nats = (-_sum_of_last(score, counts) for score, (_, counts) in zip(scores, part, strict=True))
        yield math.fsum(nats), sum(sum(counts) for _, counts in part)


def _windows(context_length: int, document: _Scored) -> Iterator[tuple[Sequence[int], list[bool]]]:
    """The windows of one document, and which of the last tokens of each are scored."""
    done = 1
    for window, count in overlapping_windows(document.ids, context_length):
        counts = document.counts[done : done + count]
        done += count
        if any(counts):
            yield window, counts


def _sum_of_last(score: torch.Tensor, counts: list[bool]) -> float:
    last = score[len(score) - len(counts) :].double()
    if not all(counts):
        last = last[[place for place, counted in enumerate(counts) if counted]]
    return float(last.sum())
