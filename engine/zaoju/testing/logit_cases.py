"""Rows of logits that break careless code, and histories that repeat themselves."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

import torch

from zaoju.testing.byte_table import ByteTable
from zaoju.testing.decoding_rows import Row

WIDTH = ByteTable().size
_NOTHING = float("-inf")
_LONGEST_HISTORY = 20


def logit_cases() -> dict[str, torch.Tensor]:
    """Rows of `WIDTH` float32 logits by name; each has at least one token that is left."""
    generator = torch.Generator().manual_seed(7)
    ordinary = torch.randn(WIDTH, generator=generator) * 4
    filtered = ordinary.masked_fill(torch.rand(WIDTH, generator=generator) < 0.6, _NOTHING)
    filtered[[0, WIDTH - 1]] = _NOTHING
    zeros = torch.zeros(WIDTH)
    zeros[::2] = -0.0
    return {
        "ordinary": ordinary,
        "all positive": ordinary.abs() + 0.5,
        "all negative": -ordinary.abs() - 0.5,
        "all equal": zeros,
        "all equal and far from zero": torch.full((WIDTH,), 88.5),
        "rounded to bfloat16, with ties": ordinary.bfloat16().float(),
        "rounded to halves, with many ties": (ordinary * 2).round() / 2,
        "nearly equal": 1 + torch.arange(WIDTH).remainder(3) * 2.0**-23,
        "very large and very small": ordinary.sign() * 1e4 + ordinary,
        "one token is certain": _only({WIDTH - 1: 1e4}, others=-1e4),
        "the end is certain": _only({0: 30.0}, others=-30.0),
        "after another filter": filtered,
        "four equal tokens are left": _only(dict.fromkeys((2, 40, 41, WIDTH - 2), 1.5)),
        "one token is left": _only({5: -3.0}),
        "only the end is left": _only({0: 2.0}),
    }


def make_rows(
    cases: Mapping[str, torch.Tensor], settings: Sequence[Mapping[str, object]], *, most: int | None = None
) -> tuple[Row, ...]:
    """Every case with every setting of the options; evenly chosen ones of them where that makes more than `most`."""
    pairs = [(name, options) for name in cases for options in settings]
    if most is not None and len(pairs) > most:
        # Steps that share no divisor with the number of settings meet every case and every setting.
        step = next(step for step in range(len(pairs) // most + 1, len(pairs)) if math.gcd(step, len(settings)) == 1)
        pairs = [pairs[number] for number in range(0, len(pairs), step)]
    draw = random.Random(3)
    return tuple(_row(name, cases[name], options, draw) for name, options in pairs)


def _row(name: str, logits: torch.Tensor, options: Mapping[str, object], draw: random.Random) -> Row:
    """A history of few tokens, probable ones among them, so that words and whole phrases come again."""
    width = len(logits)
    known = [*logits.topk(min(3, width)).indices.tolist(), 5 % width, width - 1]
    length = draw.randint(0, _LONGEST_HISTORY)
    prompt_length = length // 2
    return Row(
        name=f"{name}, {dict(options)}",
        logits=logits,
        options=options,
        tokens=tuple(draw.choice(known) for _ in range(length)),
        prompt_length=prompt_length,
        seed=draw.getrandbits(53),
        index=length - prompt_length,
    )


def _only(values: Mapping[int, float], others: float = _NOTHING) -> torch.Tensor:
    row = torch.full((WIDTH,), others)
    for token, value in values.items():
        row[token] = value
    return row
