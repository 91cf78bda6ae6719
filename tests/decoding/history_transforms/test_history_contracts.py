"""The transforms that look at the text so far keep the contract, and do what their definitions say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import history_references as definitions

from zaoju.testing import Row, TransformContract
from zaoju.testing.byte_table import ByteTable


class TestRepetitionPenalty(TransformContract):
    component = "repetition_penalty"

    def reference(self, logits: Sequence[float], options: Mapping[str, Any], row: Row) -> list[float]:
        return definitions.repetition(logits, row.tokens, options)


class TestOccurrencePenalty(TransformContract):
    component = "occurrence_penalty"
    examples: ClassVar[Sequence[Mapping[str, object]]] = (
        {"frequency_penalty": 0.5, "presence_penalty": 0.3},
        {"frequency_penalty": -0.5, "presence_penalty": 2.0, "penalty_window": 5},
        {"frequency_penalty": 0.5, "penalty_prompt": True, "penalty_window": 12},
    )

    def reference(self, logits: Sequence[float], options: Mapping[str, Any], row: Row) -> list[float]:
        return definitions.occurrence(logits, row.tokens, row.prompt_length, options)


class TestNoRepeatNgram(TransformContract):
    component = "no_repeat_ngram"

    def reference(self, logits: Sequence[float], options: Mapping[str, Any], row: Row) -> list[float]:
        return definitions.no_repeat_ngram(logits, row.tokens, options["no_repeat_ngram_size"])


class TestDRY(TransformContract):
    component = "dry"
    examples: ClassVar[Sequence[Mapping[str, object]]] = (
        {"dry_multiplier": 1.5, "dry_allowed_length": 1, "dry_breakers": []},
        {"dry_multiplier": 1.5, "dry_allowed_length": 1, "dry_breakers": ["我", "a", "\x04"]},
    )

    def reference(self, logits: Sequence[float], options: Mapping[str, Any], row: Row) -> list[float]:
        breakers = definitions.breaking(ByteTable(), options["dry_breakers"])
        return definitions.dry(logits, row.tokens, breakers, options)


class TestMinimumLength(TransformContract):
    component = "minimum_length"

    def reference(self, logits: Sequence[float], options: Mapping[str, Any], row: Row) -> list[float]:
        return definitions.minimum_length(logits, row.index, options["min_new_tokens"], row.end_of_text)
