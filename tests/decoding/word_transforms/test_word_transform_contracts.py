"""The transforms about tokens and words keep the contract, and do what their definitions say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from word_references import biased, watermarked

from zaoju.testing import Row, TransformContract
from zaoju.testing.byte_table import ByteTable


class TestLogitBias(TransformContract):
    component = "logit_bias"
    examples = (
        {"logit_bias": {"我": 3.0, "id:0": -2.5}},
        {"logit_bias": {"的": -10_000, "我们": 10_000, "id:5": 1e-9, "id:120": 0}},
        {"logit_bias": {"a": -0.5}},
    )

    def reference(self, logits: Sequence[float], options: Mapping[str, Any], row: Row) -> list[float]:
        return biased(logits, options["logit_bias"], ByteTable())


class TestBadWords(TransformContract):
    """What it removes is compared with the definition in `test_bad_words`, where the texts are known."""

    component = "bad_words"
    examples = (
        {"bad_words": ["我们", "今天"]},
        {"bad_words": ["我"]},
        {"bad_words": ["你们的花", "们的", "花花花", "a", "天你"]},
        {"bad_words": ["龘"]},
    )


class TestWatermark(TransformContract):
    component = "watermark"
    examples = ({"watermark_delta": 1.0, "watermark_key": 2**63 - 1}, {"watermark_delta": 4.0, "watermark_key": 0})

    def reference(self, logits: Sequence[float], options: Mapping[str, Any], row: Row) -> list[float]:
        return watermarked(logits, options, row.tokens)
