"""Bits per character."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from zaoju import Cancelled, Document, Turn, UserError
from zaoju.contracts import Event, Progress
from zaoju.evaluation import Score, bits_per_character
from zaoju.generation import LeanRunner
from zaoju.models import GPT2, GPT2Config
from zaoju.tokenization import Tokenizer, unigram_tokenizer
from zaoju.tokenization.parts import with_end_of_text

TEXTS = ["我想你", "你他家", "心" * 40, "龘", "", "我们"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(with_end_of_text(unigram_tokenizer(dict.fromkeys("我想你他家们心", -3.0)), None))


def model(tokenizer: Tokenizer, spread: float = 0.3, context_length: int = 16) -> GPT2:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        numbers = GPT2Config(
            vocab_size=tokenizer.vocabulary_size,
            n_positions=context_length,
            n_embd=32,
            n_layer=1,
            n_head=2,
            initializer_range=spread,
        )
        return GPT2(numbers).eval()


def score(network: GPT2, tokenizer: Tokenizer, texts: Sequence[str | Document]) -> Score:
    return bits_per_character(
        LeanRunner(network), tokenizer, iter(texts), emit=lambda event: None, cancel=threading.Event()
    )


def by_hand(network: GPT2, tokenizer: Tokenizer, texts: list[str]) -> float:
    """The definition for documents that fit the context, one token at a time."""
    bits = 0.0
    for text in texts:
        ids = [tokenizer.end_of_text, *tokenizer.encode(text), tokenizer.end_of_text]
        for end in range(1, len(ids)):
            with torch.no_grad():
                shares = network(torch.tensor([ids[:end]]))[0, -1].double().softmax(0)
            bits -= math.log2(shares[ids[end]])
    return bits / sum(map(len, texts))


def test_the_definition(tokenizer: Tokenizer) -> None:
    network = model(tokenizer)
    texts = [text for text in TEXTS if 0 < len(text) < 10]
    got = score(network, tokenizer, texts)
    assert got.bits_per_character == pytest.approx(by_hand(network, tokenizer, texts), rel=1e-5)
    assert (got.documents, got.characters, got.lossy_documents) == (4, 9, 0)
    assert got.tokens == sum(len(tokenizer.encode(text)) + 1 for text in texts)


def test_a_model_that_knows_nothing(tokenizer: Tokenizer) -> None:
    """Uniform over the vocabulary: log2 of its size for each token, the end of each document included."""
    got = score(model(tokenizer, spread=1e-12), tokenizer, TEXTS)
    assert got.documents == 5
    assert got.bits_per_character == pytest.approx(math.log2(tokenizer.vocabulary_size) * got.tokens / got.characters)


def test_a_long_document(tokenizer: Tokenizer) -> None:
    """Each token by hand, in the first window that holds it: the windows begin eight tokens after one another."""
    network = model(tokenizer)
    ids = [tokenizer.end_of_text, *tokenizer.encode("心我" * 30), tokenizer.end_of_text]
    bits = 0.0
    for place in range(1, len(ids)):
        start = max(0, -(-(place - 16) // 8)) * 8
        with torch.no_grad():
            shares = network(torch.tensor([ids[start:place]]))[0, -1].double().softmax(0)
        bits -= math.log2(shares[ids[place]])
    assert score(network, tokenizer, ["心我" * 30]).bits_per_character == pytest.approx(bits / 60, rel=1e-5)


def test_the_order_of_documents_does_not_matter(tokenizer: Tokenizer) -> None:
    network = model(tokenizer)
    forwards, backwards = score(network, tokenizer, TEXTS), score(network, tokenizer, TEXTS[::-1])
    assert forwards.bits_per_character == pytest.approx(backwards.bits_per_character, rel=1e-6)


def test_documents_do_not_see_one_another(tokenizer: Tokenizer) -> None:
    network = model(tokenizer)
    one, other, both = (score(network, tokenizer, texts) for texts in (["我想你"], ["你他"], ["我想你", "你他"]))
    total = one.bits_per_character * 3 + other.bits_per_character * 2
    assert both.bits_per_character * 5 == pytest.approx(total, rel=1e-6)


def test_a_vocabulary_that_loses_text_is_told() -> None:
    from tokenizers import Tokenizer as Backend
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split

    backend = Backend(WordLevel({"[UNK]": 0, "我": 1, "想": 2}, unk_token="[UNK]"))
    backend.pre_tokenizer = Split("", "isolated")
    tokenizer = Tokenizer(with_end_of_text(backend, None))
    assert score(model(tokenizer), tokenizer, ["我想", "我你", "他"]).lossy_documents >= 2


def test_nothing_to_score(tokenizer: Tokenizer) -> None:
    with pytest.raises(UserError, match="no text"):
        score(model(tokenizer), tokenizer, ["", ""])


@pytest.mark.parametrize(("texts", "done"), [(["我"] * 600, 128), (["我" * 6000], 16 + 63 * 8)])
def test_progress_and_cancel(tokenizer: Tokenizer, texts: list[str], done: int) -> None:
    """64 windows at a time: of many documents, or of one that is as long as a book."""
    cancel = threading.Event()
    events: list[Event] = []

    def stop_at_once(event: Event) -> None:
        events.append(event)
        cancel.set()

    with pytest.raises(Cancelled):
        bits_per_character(LeanRunner(model(tokenizer)), tokenizer, texts, emit=stop_at_once, cancel=cancel)
    assert events == [Progress("scoring", done, None, "tokens")]


def test_json(tokenizer: Tokenizer) -> None:
    got = score(model(tokenizer), tokenizer, TEXTS)
    assert Score(**got.to_json()) == got  # type: ignore[arg-type]  # what json gives back has no types


def test_of_conversations_the_answers_are_scored(tokenizer: Tokenizer) -> None:
    """By hand, one token at a time: each answer after all before it, with its end; the characters are the answers'."""
    tokenizer = tokenizer.for_conversations()
    network = model(tokenizer, context_length=32)
    talks = [
        (Turn("user", "我想你"), Turn("assistant", "你他")),
        (
            Turn("system", "心"),
            Turn("user", "我"),
            Turn("assistant", "他家"),
            Turn("user", "龘"),
            Turn("assistant", "心"),
        ),
    ]
    documents = [Document.of_turns(talk, "talk") for talk in talks]
    bits, count = 0.0, 0
    for talk in talks:
        tokens = tokenizer.conversations.encode(talk)
        for place in np.flatnonzero(tokens.counts):
            with torch.no_grad():
                shares = network(torch.tensor([tokens.ids[:place]]))[0, -1].double().softmax(0)
            bits -= math.log2(shares[tokens.ids[place]])
            count += 1
    got = score(network, tokenizer, documents)
    assert got.bits_per_character == pytest.approx(bits / 5, rel=1e-5)
    assert (got.documents, got.characters, got.tokens, got.lossy_documents) == (2, 5, count, 0)
    both = score(network, tokenizer, [*documents, "我想"])
    plain = score(network, tokenizer, ["我想"])
    assert both.bits_per_character * 7 == pytest.approx(bits + plain.bits_per_character * 2, rel=1e-5)


def test_a_long_conversation_is_scored_in_windows(tokenizer: Tokenizer) -> None:
    tokenizer = tokenizer.for_conversations()
    talk = (
        Turn("user", "我想" * 12),
        Turn("assistant", "心" * 11),
        Turn("user", "你" * 9),
        Turn("assistant", "他" * 7),
    )
    got = score(model(tokenizer), tokenizer, [Document.of_turns(talk, "talk")])
    assert (got.characters, got.tokens) == (18, 20)
