"""Matrices laid out for decoding: the same products as a linear layer, in the form that the processor reads fastest.

Decoding multiplies a few rows by every matrix once a step, so a step costs at least the time to read all weights. What
is beside the public API of torch stands here alone: oneDNN's packed products, which `torch.compile` emits too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

import torch
import torch.nn.functional as F
from torch import nn

from zaoju.errors import UserError

Precision: TypeAlias = Literal["float32", "bfloat16", "int8"]
"""In which numbers a model computes: `float32` exactly as it was trained, the others faster and rounded."""

LinearMaker: TypeAlias = Callable[[torch.Tensor, torch.Tensor | None], nn.Module]
"""From a weight [out, in] and a bias [out] or None, the module that computes `x @ weight.T + bias`."""

_PACKED_ROWS = 4
"""From so many rows on packed float32 weights win on Intel's processors: `benchmarks/matrices.py` saw all of GPT-2's
take 0.70 of the time at 4 rows, 0.55 at 8 and 0.79 at 32 (2 cores with AMX). Fewer are as fast as memory gives them."""

_USUAL_ROWS = 16
"""The packed layout is right for any number of rows; oneDNN wants to know a usual one."""

_LARGEST = 127
_ZERO = 128
"""oneDNN takes whole numbers from 0 to 255 and subtracts this."""

_LARGEST_WEIGHT_WITHOUT_VNNI = 63
"""Without VNNI the processor adds pairs of products in 16 bits, and cuts off what is beyond: 255 times this is exact.
Weights bear fewer steps better than rows, a few of whose numbers are very large."""


class Float32Linear(nn.Module):
    """Float32 on a CPU whose plain product is fast for one row. Steps of several rows use a packed copy, made at the
    first of them."""

    weight: torch.Tensor
    bias: torch.Tensor | None

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, *, may_pack: bool) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach(), persistent=False)
        self.register_buffer("bias", None if bias is None else bias.detach(), persistent=False)
        self._may_pack = may_pack
        self._packed: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self._may_pack or x[..., 0].numel() < _PACKED_ROWS or _is_sequence(x):
            return F.linear(x, self.weight, self.bias)
        if self._packed is None:
            self._packed = _pack(self.weight)
        return onednn_linear(x, self._packed, self.bias)


class PackedLinear(nn.Module):
    """Weights that are kept packed and in no other layout, in the numbers of the weight."""

    bias: torch.Tensor | None

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        self._packed = _pack(weight.detach())
        self.register_buffer("bias", None if bias is None else bias.detach(), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return onednn_linear(x, self._packed, self.bias)


class Int8Linear(nn.Module):
    """Whole numbers of 8 bits on a CPU: a scale for each output of the weight, and one for each row that comes in.

    The products are summed exactly, so a row gives the same bits in every company. Weights are rounded to
    -127..127 of their output's largest, half as many without VNNI, and incoming rows to -127..127 of theirs (Dettmers
    et al., 2022, "LLM.int8()", section 2, without its outlier columns).
    """

    scale: torch.Tensor
    zero: torch.Tensor
    bias: torch.Tensor

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        weight = weight.detach().float().contiguous()  # oneDNN packs what lies there, not what a view shows
        largest = _LARGEST if _has_vnni() else _LARGEST_WEIGHT_WITHOUT_VNNI
        scale = weight.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny) / largest
        rounded = (weight / scale[:, None]).round().to(torch.int8)
        self._packed = torch.ops.onednn.qlinear_prepack(rounded, None)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("zero", torch.zeros(len(scale), dtype=torch.int32), persistent=False)
        self.register_buffer(
            "bias", weight.new_zeros(len(scale)) if bias is None else bias.detach().float(), persistent=False
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        step = rows.abs().amax(dim=1, keepdim=True).clamp_(min=torch.finfo(torch.float32).tiny).div_(_LARGEST)
        whole = (rows / step).round_().add_(_ZERO).to(torch.uint8)
        product = torch.ops.onednn.qlinear_pointwise(
            whole, 1.0, _ZERO, self._packed, self.scale, self.zero, None, 1.0, 0, torch.float32, "none", [], ""
        )
        return torch.addcmul(self.bias, product, step).view(*x.shape[:-1], -1)


def linear_maker(precision: Precision, device: torch.device, *, may_pack: bool) -> LinearMaker:
    """What lays matrices out for decoding in `precision` on `device`.

    With `may_pack`, float32 may keep a second copy of every weight where `packs_later` says that it wants one. Raises
    `UserError` for what the processor cannot do, or does so slowly that nobody wants it.
    """
    if precision not in get_args(Precision):
        raise UserError(f"precision: {precision!r} is not known; there are {', '.join(get_args(Precision))}")
    if device.type != "cpu":
        if precision == "int8":
            raise UserError(f"precision: int8 is for the CPU, and the device is {device.type}; use bfloat16")
        return _plain_linear
    if precision == "float32":
        if onednn_wins():
            return PackedLinear
        pack = may_pack and _has_onednn()
        return lambda weight, bias: Float32Linear(weight, bias, may_pack=pack)
    if not _has_onednn():
        raise UserError(f"precision: {precision} needs a torch that is built with oneDNN; use float32")
    if precision == "int8":
        return Int8Linear
    if not has_bfloat16(device):
        raise UserError(
            "precision: this processor has no bfloat16 instructions (AVX-512 BF16 or AMX), and without them bfloat16 "
            "is many times slower than float32; use float32 or int8"
        )
    return lambda weight, bias: PackedLinear(weight.bfloat16(), None if bias is None else bias.bfloat16())


def packs_later(precision: Precision, device: torch.device) -> bool:
    """Whether these matrices want a second copy of their weights, which the first step of several rows makes."""
    return precision == "float32" and device.type == "cpu" and _has_onednn() and not onednn_wins()


def _plain_linear(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Module:
    with torch.device("meta"):
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight = nn.Parameter(weight.detach(), requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return layer


def _is_sequence(x: torch.Tensor) -> bool:
    """Whether rows bring several tokens each: prompts are not worth a second copy of the weights."""
    return x.dim() == 3 and x.shape[1] > 1


def _pack(weight: torch.Tensor) -> torch.Tensor:
    packed: torch.Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _USUAL_ROWS)
    return packed


def onednn_linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """`x @ weight.T + bias` by oneDNN, without a gradient; `weight` is plain, in any strides, or packed."""
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return product


def onednn_wins() -> bool:
    """Whether oneDNN's float32 products are faster here than torch's at every number of rows.

    On AMD's processors torch's go through MKL, which is slow there; `benchmarks/matrices.py` says how slow.
    """
    return _has_onednn() and str(_abilities().get("cpu_name", "")).startswith("AMD")


def has_bfloat16(device: torch.device) -> bool:
    """Whether `device` multiplies bfloat16 by instructions of its own. Elsewhere it would be slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and _has_onednn() and _has_any("avx512_bf16", "amx_bf16", "bf16")


def _has_vnni() -> bool:
    return _has_any("avx512_vnni", "avx_vnni", "amx_int8", "i8mm")


def _has_any(*names: str) -> bool:
    """Whether the processor has one of these abilities; those of x86 and of Arm have different names."""
    there_is = _abilities()
    return any(bool(there_is.get(name)) for name in names)


def _abilities() -> dict[str, object]:
    """What torch knows of the processor. Older torch does not say; the careful answer is that there is nothing."""
    ask: Callable[[], dict[str, object]] = getattr(torch.cpu, "get_capabilities", dict)
    return ask()


def _has_onednn() -> bool:
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
