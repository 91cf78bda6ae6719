"""The memory of what the layers keep for the backward pass.

Korthikanti et al., 2022, "Reducing Activation Recomputation in Large Transformer Models", section 4. Their equations
are for 16-bit values and dropout; here the bytes of a value are counted one by one, so that float32, no dropout and
Llama's layers follow from the same count. All functions give bytes for each token and layer.
"""

from __future__ import annotations

from zaoju.planning.precision import TrainingPrecision
from zaoju.planning.shape import ModelShape


def whole_bytes(shape: ModelShape, precision: TrainingPrecision, *, dropout: bool) -> float:
    """What tensor parallelism alone leaves whole; 10 h in equation 2.

    The inputs of the two norms (the residual stream), what the norms give to attention and to the feed-forward part,
    and the masks of two dropouts. A Llama's norms keep their input twice, before and after it is scaled.
    """
    norms = 2 * shape.width * (2 if shape.gated else 1)
    masks = 2 * shape.width * dropout
    return 2 * shape.width * precision.stream + norms * precision.value + masks


def split_bytes(shape: ModelShape, precision: TrainingPrecision) -> float:
    """What tensor parallelism divides, without the scores of attention; 24 h in equation 2.

    Queries, keys, values, what attention gives, and the feed-forward part before and after its activation. A Llama
    keeps queries and keys before and after they are turned, and four vectors of its gated feed-forward part.
    """
    attention = 2 * shape.query_width + 2 * shape.key_width
    if shape.gated:
        return precision.value * (attention + shape.query_width + shape.key_width + 4 * shape.inner_width)
    return precision.value * (attention + 2 * shape.inner_width)


def score_bytes(shape: ModelShape, precision: TrainingPrecision, *, dropout: bool) -> float:
    """The matrix of attention where it is kept: 5 a s in equation 1.

    For each head and each token looked at: what softmax gives, and with dropout its mask and what is left. Flash
    attention (Dao et al., 2022) and selective recomputation keep none of it.
    """
    kept = 2 * precision.value + 1 if dropout else precision.value
    return shape.heads * shape.context * kept


def layer_bytes(
    shape: ModelShape,
    precision: TrainingPrecision,
    *,
    dropout: bool,
    scores: bool,
    tensor: int = 1,
    sequence_parallel: bool = True,
) -> float:
    """All that one layer keeps for one token.

    In 16 bits with dropout, times the tokens s b: s b h (34 + 5 a s / h) alone (equation 1), s b h (10 + 24 / t +
    5 a s / (h t)) with tensor parallelism over t devices (equation 2), and s b h / t (34 + 5 a s / h) with sequence
    parallelism beside it (equation 4).
    """
    whole = whole_bytes(shape, precision, dropout=dropout)
    split = split_bytes(shape, precision)
    if scores:
        split += score_bytes(shape, precision, dropout=dropout)
    return (whole / tensor if sequence_parallel else whole) + split / tensor


def working_bytes(shape: ModelShape, precision: TrainingPrecision) -> float:
    """The gradients that stand in memory at once while the feed-forward part of a layer is gone through backwards.

    That of the stream, and those before and after the activation, in the numbers of the stream.
    """
    inner = 3 * shape.inner_width if shape.gated else 2 * shape.inner_width
    return precision.stream * (shape.width + inner)
