"""Tokens, arithmetic, time and money."""

from __future__ import annotations

from zaoju.planning.shape import ModelShape
from zaoju.planning.sharding import Checkpointing

TOKENS_PER_PARAMETER = 20
"""Hoffmann et al., 2022, "Training Compute-Optimal Large Language Models": table 3 has 20.2 billion tokens for a
billion weights and 205 for ten, which is 20 for each."""

FLOPS_PER_PARAMETER = 6
"""For each token: 2 forward, 4 backward (Kaplan et al., 2020, section 2.1)."""

TYPICAL_MFU = 0.4
"""Where nothing is known. Published runs reach 0.21 (GPT-3), 0.33 (Gopher), 0.46 (PaLM 540B): Chowdhery et al., 2022,
table 3; and 0.42 to 0.56 (Megatron-LM, 22 to 1,000 billion weights): Korthikanti et al., 2022, table 5."""

DAY = 86400.0


def chinchilla_tokens(parameters: int) -> int:
    """The tokens on which a model of this many weights makes the best use of its arithmetic."""
    return TOKENS_PER_PARAMETER * parameters


def flops_per_token(shape: ModelShape) -> float:
    """Arithmetic of training on one token: 6 N + 12 l h s.

    Chowdhery et al., 2022, "PaLM", appendix B: N weights, l layers, h the width of all heads, s tokens in a sequence.
    The second part is attention over the whole sequence, though half of it is masked.
    """
    return FLOPS_PER_PARAMETER * shape.parameters + 12 * shape.layers * shape.query_width * shape.context


def flops_without_attention(parameters: float, tokens: float) -> float:
    """6 N D, as GPT-3's table D.1 counts (Brown et al., 2020): 3.14e23 for 174.6e9 weights and 300e9 tokens."""
    return FLOPS_PER_PARAMETER * parameters * tokens


def recomputation_factor(shape: ModelShape, checkpointing: Checkpointing, *, flash: bool) -> float:
    """The arithmetic that is done, over that of the model.

    `full` does the forward pass of the layers twice, which is nearly 8 for 6 (Narayanan et al., 2021). `selective` does
    the two products of attention twice, 4 l h s (Korthikanti et al., 2022, section 5); in flash attention that is part
    of the kernel.
    """
    attention = 4 * shape.layers * shape.query_width * shape.context
    if checkpointing == "full":
        return 1 + (2 * shape.layers * shape.layer_parameters + attention) / flops_per_token(shape)
    if checkpointing == "selective" and not flash:
        return 1 + attention / flops_per_token(shape)
    return 1.0


def bubble_factor(pipeline: int, passes: int) -> float:
    """The time of a step, over that without stages that wait: 1 + (p - 1) / m for m passes through p stages.

    Narayanan et al., 2021, section 2.2.1, for a schedule without interleaving.
    """
    return 1 + (pipeline - 1) / passes


def megatron_flops_per_token(shape: ModelShape) -> float:
    """96 l h^2 (1 + s / 6h + V / 16 l h): Narayanan et al., 2021, equation 3, with the forward pass done twice.

    For GPT shapes. It is `flops_per_token` with full recomputation, but for biases, norms and positions.
    """
    width, layers = shape.width, shape.layers
    shares = 1 + shape.context / (6 * width) + shape.vocabulary / (16 * layers * width)
    return 96 * layers * width * width * shares


def seconds_of(flops: float, devices: int, device_flops: float, mfu: float) -> float:
    """The time of `flops` on devices that each could do `device_flops` a second and do the share `mfu` of it.

    Narayanan et al., 2021, equation 4: 175 billion weights and 300 billion tokens, 8 T P / (n X) with 1,024 devices at
    140 teraFLOP/s each, are 34 days.
    """
    return flops / (devices * device_flops * mfu)


def devices_for(flops: float, seconds: float, device_flops: float, mfu: float) -> int:
    """How many devices do `flops` in `seconds`."""
    return max(1, -int(-flops // (seconds * device_flops * mfu)))


def cost_of(seconds: float, devices: int, price: float) -> float:
    """Money, in the currency of `price`, which is for one device and one hour."""
    return seconds / 3600 * devices * price
