"""Matrices laid out for decoding give the products of a linear layer, and what is internal to torch is there."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from zaoju.errors import UserError
from zaoju.models import has_bfloat16, linear
from zaoju.models.linear import Float32Linear, Int8Linear, PackedLinear, linear_maker, packs_later

CPU = torch.device("cpu")
HAS_BFLOAT16 = has_bfloat16(torch.device("cpu"))
ROWS = (1, 2, 3, 4, 7, 33)


def weights(outputs: int = 50, inputs: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(outputs, inputs), torch.randn(outputs)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("biased", [True, False])
def test_float32_is_exact_up_to_rounding(rows: int, biased: bool) -> None:
    weight, bias = weights()
    layer = Float32Linear(weight, bias if biased else None, may_pack=True)
    x = torch.randn(rows, 24)
    expected = F.linear(x, weight, bias if biased else None)
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(layer(x[:, None])[:, 0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "int8", *(["bfloat16"] if HAS_BFLOAT16 else [])])
def test_a_weight_that_is_a_transposed_view_is_read_right(precision: linear.Precision) -> None:
    """GPT-2 keeps its matrices the other way round."""
    weight, _ = weights(24, 50)
    layer = linear_maker(precision, CPU, may_pack=True)(weight.t(), None)
    x = torch.randn(8, 24).to(torch.bfloat16 if precision == "bfloat16" else torch.float32)
    expected = x.float() @ weight
    assert (layer(x).float() - expected).norm() / expected.norm() < (1e-5 if precision == "float32" else 0.02)


def test_only_steps_of_several_rows_make_a_copy_of_the_weights() -> None:
    weight, bias = weights()
    layer = Float32Linear(weight, bias, may_pack=True)
    layer(torch.randn(3, 24))
    layer(torch.randn(3, 1, 24))
    layer(torch.randn(5, 9, 24))  # prompts
    assert layer._packed is None
    layer(torch.randn(4, 1, 24))
    assert layer._packed is not None
    never = Float32Linear(weight, bias, may_pack=False)
    never(torch.randn(40, 24))
    assert never._packed is None


class TestWhatTheProcessorWants:
    """The layout of float32 follows who made the processor; both are tested on every machine."""

    @pytest.fixture(params=["AMD EPYC", "Intel(R) Xeon(R)", None])
    def processor(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
        name: str | None = request.param
        monkeypatch.setattr(linear, "_abilities", lambda: {} if name is None else {"cpu_name": name})
        return name

    def test_amd_packs_at_once_and_keeps_one_copy(self, processor: str | None) -> None:
        is_amd = processor == "AMD EPYC"
        assert packs_later("float32", CPU) is not is_amd
        assert not packs_later("int8", CPU) and not packs_later("float32", torch.device("cuda"))
        layer = linear_maker("float32", CPU, may_pack=False)(*weights())
        assert isinstance(layer, PackedLinear if is_amd else Float32Linear)
        assert is_amd is not any(buffer.shape == (50, 24) for buffer in layer.buffers())

    @pytest.mark.parametrize("rows", ROWS)
    def test_the_products_are_the_same(self, processor: str | None, rows: int) -> None:
        weight, bias = weights()
        x = torch.randn(rows, 5, 24)
        given = linear_maker("float32", CPU, may_pack=True)(weight, bias)(x)
        torch.testing.assert_close(given, F.linear(x, weight, bias), rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(not HAS_BFLOAT16, reason="this processor has no bfloat16 instructions")
@pytest.mark.parametrize("rows", ROWS)
def test_bfloat16(rows: int) -> None:
    weight, bias = weights()
    layer = PackedLinear(weight.bfloat16(), bias.bfloat16())
    x = torch.randn(rows, 24).bfloat16()
    expected = F.linear(x.float(), weight.bfloat16().float(), bias.bfloat16().float())
    torch.testing.assert_close(layer(x).float(), expected, rtol=0.01, atol=0.05)


class TestInt8:
    def test_it_is_the_exact_product_of_rounded_numbers(self) -> None:
        weight, bias = weights()
        layer = Int8Linear(weight, bias)
        x = torch.randn(9, 24) * torch.logspace(-3, 3, 9)[:, None]
        scale = weight.abs().amax(1) / (127 if linear._has_vnni() else 63)
        step = x.abs().amax(1, keepdim=True) / 127
        products = (x / step).round().long() @ (weight / scale[:, None]).round().long().T
        torch.testing.assert_close(layer(x), products * scale * step + bias, rtol=1e-5, atol=1e-5)

    def test_the_largest_numbers_do_not_overflow(self) -> None:
        """Pairs of products are added in 16 bits on some processors; all numbers here are as large as they get."""
        weight = torch.ones(40, 512)
        weight[1::2] = -1
        for sign in (1.0, -1.0):
            given = Int8Linear(weight, None)(torch.full((3, 512), sign * 7.0))
            torch.testing.assert_close(given, 7.0 * 512 * sign * weight[:, 0].expand(3, -1), rtol=1e-5, atol=1e-3)

    @pytest.mark.parametrize("rows", ROWS)
    def test_a_row_has_the_same_bits_in_every_company(self, rows: int) -> None:
        layer = Int8Linear(*weights())
        x = torch.randn(rows, 24)
        together = layer(x)
        assert all(torch.equal(layer(x[number : number + 1]), together[number : number + 1]) for number in range(rows))

    def test_rows_of_nothing_stay_nothing(self) -> None:
        layer = Int8Linear(weights()[0], None)
        assert torch.equal(layer(torch.zeros(2, 24)), torch.zeros(2, 50))


class TestWhatCannotBe:
    def test_an_unknown_precision(self) -> None:
        with pytest.raises(UserError, match="there are float32, bfloat16, int8"):
            linear_maker("float16", CPU, may_pack=True)  # type: ignore[arg-type]

    def test_int8_away_from_the_cpu(self) -> None:
        with pytest.raises(UserError, match="int8 is for the CPU, and the device is cuda"):
            linear_maker("int8", torch.device("cuda"), may_pack=True)

    def test_a_processor_without_bfloat16(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(linear, "_has_any", lambda *names: False)
        with pytest.raises(UserError, match="no bfloat16 instructions"):
            linear_maker("bfloat16", CPU, may_pack=True)

    def test_without_vnni_two_products_are_never_beyond_16_bits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(linear, "_has_any", lambda *names: False)
        weight, bias = weights()
        largest = (weight.abs().amax(1) / Int8Linear(weight, bias).scale).round().max()
        assert 2 * 255 * int(largest) < 2**15


def test_on_an_accelerator_matrices_stay_linear_layers() -> None:
    weight, bias = weights()
    layer = linear_maker("bfloat16", torch.device("cuda"), may_pack=True)(weight, bias)
    assert isinstance(layer, nn.Linear) and layer.weight.data_ptr() == weight.data_ptr()


def test_the_operators_beside_the_public_api_are_still_there() -> None:
    """Fails loudly on a torch that has moved them; then `zaoju.models.linear` must follow."""
    assert "post" not in str(torch.ops.mkldnn._reorder_linear_weight.default._schema)
    assert str(torch.ops.mkldnn._linear_pointwise.default._schema).count("Tensor") == 4
    schema = str(torch.ops.onednn.qlinear_pointwise.default._schema)
    assert schema.startswith("onednn::qlinear_pointwise(Tensor qx, float x_scale, int x_zero_point, Tensor qw, ")
    assert isinstance(torch.cpu.get_capabilities()["architecture"], str)
