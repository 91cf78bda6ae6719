"""Muon: matrices of one shape move together, and as each would alone."""

from __future__ import annotations

import pytest
import torch

from zaoju_builtin.trainers.muon import Muon, orthogonal

SHAPES = [(8, 8), (6, 20), (20, 6), (1, 5)]


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_come_near_one_and_vectors_stay(shape: tuple[int, int]) -> None:
    matrices = drawn(3, *shape)
    u, s, vh = torch.linalg.svd(matrices.double(), full_matrices=False)
    given = orthogonal(matrices, torch.float32).double()
    inside = u.mT @ given @ vh.mT
    values = inside.diagonal(dim1=1, dim2=2)
    # Values that are a thousandth of the norm or more come near 1; smaller ones are only raised.
    large = s > 1e-3 * s.norm(dim=1, keepdim=True)
    assert large.any() and bool(((values[large] > 0.7) & (values[large] < 1.3)).all())
    assert (inside - torch.diag_embed(values)).abs().max() < 1e-4


@pytest.mark.parametrize("numbers", [torch.float32, torch.bfloat16])
def test_no_singular_value_grows_past_its_bound(numbers: torch.dtype) -> None:
    """Whatever the others are. Without room for rounding one in ten of these comes out up to 60 times too large in
    bfloat16, and a single such step ruins a model."""
    generator = torch.Generator().manual_seed(1)
    matrices = []
    for number in range(200):
        u, v = (torch.linalg.qr(torch.randn(size, 64, generator=generator))[0] for size in (64, 96))
        values = torch.rand(64, generator=generator) ** (1 + number % 7)
        if number % 4 == 1:
            values = (torch.arange(64) <= number % 9).float()
        matrices.append(u * values @ v.mT)
    largest = torch.linalg.matrix_norm(orthogonal(torch.stack(matrices), numbers).float(), 2)
    assert bool((largest < 1.2).all())


def test_a_step_is_that_of_the_formulas() -> None:
    first, gradients = drawn(6, 20), [drawn(6, 20), drawn(6, 20) * 3 + 1]
    weight = torch.nn.Parameter(first.clone())
    optimiser = Muon([{"params": [weight]}], weight_decay=0.1, numbers=torch.float32)
    expected, average = first.double(), torch.zeros(6, 20, dtype=torch.float64)
    for gradient in gradients:
        optimiser.param_groups[0]["lr"] = 0.05
        weight.grad = gradient.clone()
        optimiser.step()
        average = 0.95 * average + 0.05 * gradient.double()
        ahead = 0.05 * gradient.double() + 0.95 * average
        direction = orthogonal(ahead.float()[None], torch.float32)[0].double()
        expected = expected * (1 - 0.05 * 0.1) - 0.05 * 0.2 * 20**0.5 * direction
    torch.testing.assert_close(weight.detach().double(), expected, rtol=1e-5, atol=1e-6)


def test_company_changes_nothing() -> None:
    together = [torch.nn.Parameter(drawn(*shape)) for shape in [*SHAPES, *SHAPES]]
    alone = [torch.nn.Parameter(weight.detach().clone()) for weight in together]
    optimisers = [
        Muon([{"params": together, "lr": 0.1}], weight_decay=0.0, numbers=torch.float32),
        *(Muon([{"params": [one], "lr": 0.1}], weight_decay=0.0, numbers=torch.float32) for one in alone),
    ]
    for number, (one, other) in enumerate(zip(together, alone, strict=True)):
        one.grad = drawn(*one.shape) + number
        other.grad = one.grad.clone()
    for optimiser in optimisers:
        optimiser.step()
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other)


def test_what_has_no_gradient_stands_still() -> None:
    weight = torch.nn.Parameter(drawn(3, 4))
    Muon([{"params": [weight], "lr": 0.1}], weight_decay=0.1, numbers=torch.float32).step()
    assert torch.equal(weight.detach(), drawn(3, 4))
