"""Rotary positions: queries and keys are turned by angles that grow with the place of a token.

Su et al., 2021, "RoFormer"; the stretching of Llama 3 is that of Dubey et al., 2024, "The Llama 3 Herd of Models".
"""

from __future__ import annotations

import math

import torch

from zaoju.models.llama_config import RotaryScaling


def frequencies(head_width: int, scaling: RotaryScaling) -> torch.Tensor:
    """[head width / 2] float32: the angle in radians by which each pair of numbers turns from place to place."""
    exponents = torch.arange(0, head_width, 2, dtype=torch.float32) / head_width
    plain = 1.0 / (scaling.theta**exponents)
    if scaling.low_frequency is None or scaling.high_frequency is None or scaling.original_context is None:
        return plain / scaling.factor
    # How often each pair turns within the context that the model was first trained on.
    turns = scaling.original_context * plain / (2 * math.pi)
    smooth = ((turns - scaling.low_frequency) / (scaling.high_frequency - scaling.low_frequency)).clamp(0, 1)
    return (1 - smooth) * plain / scaling.factor + smooth * plain


def turn(heads: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """`heads` [N, T, H, D] turned by angles whose `cosine` and `sine` are [N or 1, T, 1, D / 2].

    The pairs are the numbers D / 2 apart, as in transformers.
    """
    first, second = heads.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
