"""Finds the mark that the transform `watermark` leaves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

from zaoju import UserError
from zaoju_builtin.decoding.transforms.green_list import is_green


@dataclass(frozen=True, slots=True)
class WatermarkEvidence:
    """What speaks for a watermark in a text."""

    pairs: int
    """How many different pairs of a token and the one before it there are."""

    green: int
    """In how many of them the token is on the green list."""

    z: float
    """By how many standard deviations that is more than a text without the mark has; 4 and more is hardly chance."""

    p: float
    """How probable a z so large, or larger, is by chance."""


class WatermarkDetector:
    """Tells from tokens alone, without the model, whether a text bears the mark of the transform `watermark`.

    ```python
    from zaoju_builtin.decoding.transforms.watermark_detector import WatermarkDetector

    text = engine.generate_batch([Request("我想", strategy="watermark", options={"watermark_key": 42})])[0]
    WatermarkDetector(gamma=0.25, key=42).detect(text.token_ids).z
    ```

    `gamma` and `key` are the `watermark_gamma` and `watermark_key` that the text was written with. For a text alone,
    encode it with the tokenizer of the model that wrote it. The z-score compares the share of green tokens with
    `gamma`; each pair of tokens counts once however often it comes, as its repetitions say nothing new. Where the model
    is nearly sure of every token there is little to choose, and the mark is weak: a longer text shows it better.

    Kirchenbauer et al., "A Watermark for Large Language Models", 2023 (arXiv 2301.10226).
    """

    def __init__(self, gamma: float, key: int) -> None:
        if not 0 < gamma < 1 or not 0 <= key < 2**63:
            raise UserError(
                f"the watermark detector needs a gamma between 0 and 1 and a key from 0 to 2^63 - 1, got {gamma} and "
                f"{key}; give those that the text was written with"
            )
        self._gamma = gamma
        self._key = key

    def detect(self, tokens: Sequence[int]) -> WatermarkEvidence:
        """The evidence in `tokens`. The first serves as the one before the second only.

        Raises `UserError` where there are not two.
        """
        pairs = sorted(set(pairwise(tokens)))
        if not pairs:
            raise UserError(f"a watermark shows in pairs of tokens, and the text has {len(tokens)}; give a longer one")
        previous, candidates = torch.tensor(pairs, dtype=torch.int64).unbind(1)
        gamma = torch.tensor(self._gamma, dtype=torch.float64)
        green = int(is_green(torch.tensor(self._key), gamma, previous, candidates).sum())
        count = len(pairs)
        z = (green - self._gamma * count) / math.sqrt(count * self._gamma * (1 - self._gamma))
        return WatermarkEvidence(count, green, z, 0.5 * math.erfc(z / math.sqrt(2)))
