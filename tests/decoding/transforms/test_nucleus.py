"""The short ways on a CPU: the very sets that sorting every token in float64 gives."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pytest
import torch

from support.decoder_helpers import apply
from zaoju_builtin.decoding.transforms import nucleus as module
from zaoju_builtin.decoding.transforms.min_p import MinP
from zaoju_builtin.decoding.transforms.nucleus import _nuclei
from zaoju_builtin.decoding.transforms.top_k import TopK
from zaoju_builtin.decoding.transforms.top_p import TopP

SHARES = (0.0, 1e-9, 0.1, 0.5, 0.9, 0.95, 0.999, 1 - 1e-6, 1 - 1e-9, 1 - 2**-53)


def rows() -> Iterator[tuple[str, torch.Tensor]]:
    """[V] float32 of many shapes, such as a language model has and such as it never has."""
    generator = torch.Generator().manual_seed(2)
    for width in (1, 2, 50, 3000, 20_000):
        ordinary = torch.randn(width, generator=generator)
        ranks = torch.rand(width, generator=generator).argsort().float()
        for spread in (1e-12, 0.01, 1.0, 3.0, 9.0, 400.0):
            yield f"{width} normal, {spread}", ordinary * spread
        yield f"{width} by rank", -1.1 * (ranks + 1).log() - 60
        yield f"{width} with ties", (ordinary * 3).round()
        yield f"{width} in bfloat16", (ordinary * 4).bfloat16().float()
        yield f"{width} equal", torch.zeros(width)
        yield f"{width} in powers of two", -(ranks + 1) * math.log(2)
        cut = ordinary.masked_fill(ordinary < 0, float("-inf"))
        cut[0] = 1.0
        yield f"{width} after a filter", cut


def by_sorting(row: torch.Tensor, share: float) -> list[int]:
    """The definition."""
    probabilities = row.double().softmax(0)
    ordered, tokens = probabilities.sort(descending=True, stable=True)
    before = torch.cat((ordered.new_zeros(1), ordered.cumsum(0)[:-1]))
    count = max(1, int((before < share).sum()))
    return sorted(tokens[:count].tolist())


@pytest.fixture
def fallbacks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The widths of the rows that were sorted as a whole."""
    seen: list[int] = []
    original = module._exact_nucleus

    def counting(row: torch.Tensor, share: float) -> object:
        seen.append(len(row))
        return original(row, share)

    monkeypatch.setattr(module, "_exact_nucleus", counting)
    return seen


def test_nuclei_are_those_of_the_sorted_row(fallbacks: list[int]) -> None:
    tried = 0
    for name, row in rows():
        for share in SHARES:
            tried += 1
            (ids,) = _nuclei(row[None], [share])
            assert ids is not None and ids.tolist() == by_sorting(row, share), f"{name}, share {share}"
    # Where a share is exactly the mass of some tokens, rounding decides, and only the definition knows.
    assert 20 < len(fallbacks) < tried / 3


def test_a_row_of_a_language_model_is_not_sorted(fallbacks: list[int]) -> None:
    generator = torch.Generator().manual_seed(4)
    ranks = torch.rand(40, 50_257, generator=generator).argsort(dim=1).float()
    logits = torch.randn(40, 50_257, generator=generator) - 1.3 * (ranks + 1).log() - 80
    for share in (0.5, 0.9, 0.95):
        for row, ids in zip(logits, _nuclei(logits, [share] * 40), strict=True):
            assert ids is not None and ids.tolist() == by_sorting(row, share)
    assert fallbacks == []


def test_a_share_of_one_keeps_all() -> None:
    assert list(_nuclei(torch.randn(3, 9), [1.0, 1.0, 1.0])) == [None] * 3


def test_the_company_of_a_row_does_not_matter() -> None:
    wide = torch.stack([row for name, row in rows() if name.startswith("3000")])
    shares = [SHARES[number % len(SHARES)] for number in range(len(wide))]
    together = apply(TopP(), wide, top_p=shares)
    for row, share, expected in zip(wide, shares, together, strict=True):
        assert torch.equal(apply(TopP(), row[None], top_p=share)[0], expected)


def test_rows_may_lie_apart_in_memory() -> None:
    """A model's logits are cut where its vocabulary was padded."""
    padded = torch.randn(4, 3100, generator=torch.Generator().manual_seed(6)) * 4
    cut, whole = padded[:, :3000], padded[:, :3000].contiguous()
    for transform, options in ((TopP(), {"top_p": 0.8}), (TopK(), {"top_k": 7}), (MinP(), {"min_p": 0.1})):
        assert torch.equal(apply(transform, cut, **options), apply(transform, whole, **options))  # type: ignore[arg-type]


def test_min_p_cuts_where_float64_says() -> None:
    """The least logit that stays is found in float32, by the rule that compares in float64."""
    draw = random.Random(5)
    for _ in range(3000):
        best = draw.choice([0.0, 1.0, -3.7, 88.0, 1e4, -1e4, 1e-30]) + draw.random()
        share = draw.choice([1.0, 0.5, 1 / 3, 0.05, 1e-9, draw.random()])
        top = torch.tensor(best)
        near = torch.tensor(float(top) + math.log(share))
        for _ in range(3):
            near = torch.nextafter(near, torch.tensor(-math.inf))
        around = [top]
        for _ in range(6):
            around.append(torch.minimum(near, top))
            near = torch.nextafter(near, torch.tensor(math.inf))
        logits = torch.stack(around)[None]
        below = logits.double() - logits.amax(dim=1, keepdim=True)
        least = torch.tensor(share, dtype=torch.float64).log()
        expected = logits.masked_fill(below < least, float("-inf"))
        assert torch.equal(apply(MinP(), logits, min_p=share), expected)
