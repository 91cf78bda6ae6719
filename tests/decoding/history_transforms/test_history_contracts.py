"""The transforms that look at the text so far keep the contract, and act in an engine as they should."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import history_references as definitions
import pytest

from zaoju import Engine
from zaoju.testing import Row, TransformContract, decoding_engine


class TestRepetitionPenalty(TransformContract):
    component = "repetition_penalty"

    def reference(self, logits: Sequence[float], options: Mapping[str, float], row: Row) -> Sequence[float]:
        last = int(options["repetition_window"])
        return definitions.repetition(logits, row.tokens, options["repetition_penalty"], last)


class TestOccurrencePenalty(TransformContract):
    component = "occurrence_penalty"
    examples: ClassVar[Sequence[Mapping[str, object]]] = (
        {"frequency_penalty": 0.5, "presence_penalty": 0.3},
        {"frequency_penalty": 0.5, "penalty_prompt": True, "penalty_window": 5},
    )

    def reference(self, logits: Sequence[float], options: Mapping[str, float], row: Row) -> Sequence[float]:
        return definitions.occurrence(
            logits,
            row.tokens,
            row.prompt_length,
            options["frequency_penalty"],
            options["presence_penalty"],
            int(options["penalty_window"]),
            bool(options["penalty_prompt"]),
        )


class TestNoRepeatNgram(TransformContract):
    component = "no_repeat_ngram"

    def reference(self, logits: Sequence[float], options: Mapping[str, float], row: Row) -> Sequence[float]:
        return definitions.no_repeat(logits, row.tokens, int(options["no_repeat_ngram_size"]))


class TestDRY(TransformContract):
    component = "dry"
    examples: ClassVar[Sequence[Mapping[str, object]]] = (
        {"dry_multiplier": 1.5, "dry_allowed_length": 1, "dry_breakers": []},
        {"dry_multiplier": 1.5, "dry_allowed_length": 1, "dry_breakers": ["我", "a"]},
    )


class TestMinimumLength(TransformContract):
    component = "minimum_length"


@pytest.fixture(scope="module")
def circling() -> Engine:
    """Texts that run in circles."""
    return decoding_engine(memory=1, spread=5.0, context_length=160)


def repeated(tokens: Sequence[int], size: int) -> int:
    grams = [tuple(tokens[place : place + size]) for place in range(len(tokens) - size + 1)]
    return len(grams) - len(set(grams))


def test_no_ngram_comes_twice(circling: Engine) -> None:
    plain = circling.generate("我想", strategy="greedy", max_new_tokens=120)
    assert repeated(plain.token_ids, 3) > 60
    held = circling.generate(
        "我想", chain=["no_repeat_ngram"], selector="argmax", no_repeat_ngram_size=3, max_new_tokens=120
    )
    assert repeated([*circling.tokenizer.encode("我想"), *held.token_ids], 3) == 0


def test_dry_breaks_circles(circling: Engine) -> None:
    plain = circling.generate("我想", strategy="greedy", max_new_tokens=120)
    held = circling.generate("我想", chain=["dry"], selector="argmax", max_new_tokens=120)
    assert repeated(held.token_ids, 6) < repeated(plain.token_ids, 6) / 4


def test_a_text_is_long_enough(circling: Engine) -> None:
    short = [circling.generate("我", strategy="temperature", temperature=3.0, seed=seed) for seed in range(40)]
    assert min(one.generated_tokens for one in short) < 30
    for seed in range(40):
        options = {"temperature": 3.0, "min_new_tokens": 30}
        text = circling.generate("我", chain=["temperature", "minimum_length"], seed=seed, **options)
        assert text.generated_tokens >= 30 and circling.tokenizer.end_of_text not in text.token_ids[:30]
