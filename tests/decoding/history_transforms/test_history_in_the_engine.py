"""The transforms that look at the text so far, in whole texts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from zaoju import Engine, UserError
from zaoju.testing import decoding_engine

PROMPT = "我想"


@pytest.fixture(scope="module")
def circling() -> Engine:
    """A runner that sees the last token alone, so that greedy texts run in circles."""
    return decoding_engine(memory=1, spread=5.0, context_length=160)


def repeated(tokens: Sequence[int], size: int) -> int:
    grams = [tuple(tokens[place : place + size]) for place in range(len(tokens) - size + 1)]
    return len(grams) - len(set(grams))


def greedy(engine: Engine, **options: object) -> list[int]:
    settings = {"chain": [], "selector": "argmax", "max_new_tokens": 120, **options}
    return [*engine.tokenizer.encode(PROMPT), *engine.generate(PROMPT, **settings).token_ids]


def test_no_ngram_comes_twice(circling: Engine) -> None:
    assert repeated(greedy(circling), 3) > 60
    for size in (1, 3):
        held = greedy(circling, chain=["no_repeat_ngram"], no_repeat_ngram_size=size, max_new_tokens=40)
        assert len(held) > 40 and repeated(held, size) == 0


def test_dry_breaks_circles(circling: Engine) -> None:
    """A text that may not go round goes elsewhere."""
    assert repeated(greedy(circling, chain=["dry"]), 6) < repeated(greedy(circling), 6) / 4


@pytest.mark.parametrize("name", ["frequency_penalty", "presence_penalty"])
def test_penalties_by_the_names_of_openai(circling: Engine, name: str) -> None:
    held = greedy(circling, chain=["occurrence_penalty"], **{name: 2.0})
    assert len(set(held)) > 2 * len(set(greedy(circling)))


def test_a_text_is_long_enough(circling: Engine) -> None:
    end = circling.tokenizer.end_of_text

    def lengths(chain: list[str], **options: object) -> list[int]:
        texts = [
            circling.generate(PROMPT, chain=chain, temperature=3.0, seed=seed, **options).token_ids
            for seed in range(30)
        ]
        return [list(tokens).index(end) if end in tokens else len(tokens) for tokens in texts]

    assert min(lengths(["temperature"])) < 30
    assert min(lengths(["temperature", "minimum_length"], min_new_tokens=30)) >= 30


@pytest.mark.parametrize(
    ("transform", "option", "value", "message"),
    [
        ("repetition_penalty", "repetition_penalty", 0, "repetition_penalty: must be >= 0.01, got 0"),
        ("repetition_penalty", "repetition_window", -1, "repetition_window: must be >= 0, got -1"),
        ("occurrence_penalty", "frequency_penalty", 1e9, "frequency_penalty: must be <= 100"),
        ("no_repeat_ngram", "no_repeat_ngram_size", 65, "no_repeat_ngram_size: must be <= 64, got 65"),
        ("dry", "dry_base", 0.5, "dry_base: must be >= 1, got 0.5"),
        ("dry", "dry_allowed_length", 129, "dry_allowed_length: must be <= 128, got 129"),
        ("dry", "dry_breakers", [""], "dry_breakers.0: must have at least 1 character, got ''"),
        ("minimum_length", "min_new_tokens", -1, "min_new_tokens: must be >= 0, got -1"),
    ],
)
def test_what_cannot_be_is_refused(circling: Engine, transform: str, option: str, value: object, message: str) -> None:
    with pytest.raises(UserError, match=message.replace(".", r"\.")):
        circling.generate(PROMPT, chain=[transform], **{option: value})
