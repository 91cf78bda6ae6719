"""What the tests of the decoders share: columns, contexts, and float64 references that look at one row at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from zaoju.contracts import History, StepContext, Transform

END = 0


def context(
    logits: torch.Tensor, histories: Sequence[Sequence[int]] | None = None, uniforms: Sequence[float] | None = None
) -> StepContext:
    """A context for `logits`; no history is an empty one. Invalid places hold a real token, on purpose."""
    rows = len(logits)
    histories = histories if histories is not None else [[]] * rows
    longest = max(map(len, histories))
    tokens = torch.tensor([[*history, *[1] * (longest - len(history))] for history in histories], dtype=torch.int64)
    lengths = torch.tensor([len(history) for history in histories])
    numbers = torch.tensor(uniforms if uniforms is not None else [0.5] * rows, dtype=torch.float64)
    return StepContext(
        index=torch.zeros(rows, dtype=torch.int64),
        history=History(tokens.view(rows, longest), torch.arange(longest)[None] < lengths[:, None], lengths),
        vocabulary_size=logits.shape[1],
        end_of_text=END,
        random=lambda stream: numbers,
    )


def apply(
    transform: Transform, logits: torch.Tensor, ctx: StepContext | None = None, /, **options: object
) -> torch.Tensor:
    """`apply` with each option given once for all rows, or as one value per row."""
    columns = {}
    for name, value in options.items():
        values = value if isinstance(value, list) else [value] * len(logits)
        whole = all(isinstance(one, int) for one in values)
        columns[name] = torch.tensor(values, dtype=torch.int64 if whole else torch.float64)
    return transform.apply(logits, columns, ctx or context(logits))


def kept(row: torch.Tensor) -> set[int]:
    return set(row.isfinite().nonzero().flatten().tolist())


def ranked(row: torch.Tensor) -> list[int]:
    """Tokens by falling logit, the lower id first among equals."""
    values = row.tolist()
    return sorted(range(len(values)), key=lambda token: (-values[token], token))


def probabilities(row: torch.Tensor) -> list[float]:
    values = row.tolist()
    largest = max(values)
    weights = [math.exp(value - largest) for value in values]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def nucleus(row: torch.Tensor, top_p: float) -> set[int]:
    """Holtzman et al., token by token: keep while the mass before is below `top_p`; the first always stays."""
    share = probabilities(row)
    members: list[int] = []
    for token in ranked(row):
        if members and math.fsum(share[member] for member in members) >= top_p:
            break
        members.append(token)
    return {token for token in members if row[token] > -math.inf}


def random_rows(seed: int, rows: int, width: int, *, coarse: bool = False) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, width, generator=generator) * 4
    return (logits * 2).round() / 2 if coarse else logits
