"""Products with a gradient are those of torch, by whichever library they are computed."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from zaoju.models import products
from zaoju.models.products import Linear, linear, product

ROWS, INPUTS, OUTPUTS = 96, 24, 40


@pytest.fixture(params=["torch", "oneDNN"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both libraries, on whatever processor the test runs."""
    name: str = request.param
    monkeypatch.setattr(products, "onednn_wins", lambda: name == "oneDNN")
    return name


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), requires_grad=True)


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("transposed", [True, False])
def test_the_product_and_its_gradients_are_those_of_torch(library: str, biased: bool, transposed: bool) -> None:
    x = drawn(4, ROWS // 4, INPUTS)
    stored = drawn(INPUTS, OUTPUTS) if transposed else drawn(OUTPUTS, INPUTS)
    bias = drawn(OUTPUTS) if biased else None
    weight = stored.t() if transposed else stored
    wanted = [x, stored, *([] if bias is None else [bias])]
    upstream = drawn(4, ROWS // 4, OUTPUTS).detach()

    expected = F.linear(x, weight, bias)
    of_torch = torch.autograd.grad(expected, wanted, upstream)
    given = linear(x, weight, bias)
    own = torch.autograd.grad(given, wanted, upstream)

    assert ("_Linear" in type(given.grad_fn).__name__) == (library == "oneDNN")
    torch.testing.assert_close(given, expected, rtol=1e-5, atol=1e-5)
    for one, other in zip(own, of_torch, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_the_gradient_of_a_weight_lies_in_memory_as_the_weight_does(library: str) -> None:
    stored = drawn(INPUTS, OUTPUTS)
    linear(drawn(ROWS, INPUTS), stored.t()).sum().backward()  # type: ignore[no-untyped-call]  # torch
    assert stored.grad is not None
    assert stored.grad.is_contiguous()


def test_only_what_is_asked_for_gets_a_gradient(library: str) -> None:
    x, weight = drawn(ROWS, INPUTS).detach(), drawn(OUTPUTS, INPUTS)
    linear(x, weight).sum().backward()  # type: ignore[no-untyped-call]  # torch
    assert x.grad is None
    assert weight.grad is not None


def test_a_module_and_a_product_without_a_gradient_compute_the_same(library: str) -> None:
    layer, x = Linear(INPUTS, OUTPUTS), drawn(ROWS, INPUTS).detach()
    torch.testing.assert_close(layer(x), F.linear(x, layer.weight, layer.bias), rtol=1e-5, atol=1e-5)
    weight = layer.weight.detach()
    torch.testing.assert_close(product(x, weight), F.linear(x, weight), rtol=1e-5, atol=1e-5)


def test_few_rows_and_other_numbers_are_left_to_torch(library: str) -> None:
    few = linear(drawn(2, INPUTS), drawn(OUTPUTS, INPUTS))
    assert "_Linear" not in type(few.grad_fn).__name__
    double = linear(drawn(ROWS, INPUTS).double(), drawn(OUTPUTS, INPUTS).double())
    assert double.dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert linear(drawn(ROWS, INPUTS), drawn(OUTPUTS, INPUTS)).dtype == torch.bfloat16
