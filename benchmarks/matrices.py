"""One pass over all matrices of GPT-2 124M, in each layout that decoding can use, beside torch's own.

    python benchmarks/matrices.py [--rows 1 2 3 4 8 32 64] [--rounds 9] [--threads 2]

What a layout costs decides which one `zaoju.models.linear` takes, and from how many rows on float32 is packed. The
peers are `torch.nn.Linear` in float32 and bfloat16, and torch's dynamic int8 (`torch.ao.quantization`'s),
which has one scale for all rows of a batch. The layouts take turns; milliseconds are medians, ratios are taken within a
round.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from collections.abc import Callable
from functools import partial

import torch
from measuring import BUFFER, in_turn, machine, read_bandwidth
from torch import nn

from zaoju import UserError
from zaoju.models.linear import Float32Linear, PackedLinear, linear_maker

SHAPES = [*[(768, 2304), (768, 768), (768, 3072), (3072, 768)] * 12, (768, 50257)]
"""Inputs and outputs of the twelve layers and of the head."""

Layers = list[nn.Module]
CPU = torch.device("cpu")


def layouts(plain: list[nn.Linear]) -> dict[str, tuple[Layers, torch.dtype]]:
    """Every layout that this processor has, with the type of what goes in."""

    def made(maker: Callable[[torch.Tensor, torch.Tensor], nn.Module]) -> Layers:
        return [maker(layer.weight, layer.bias) for layer in plain]

    found: dict[str, tuple[Layers, torch.dtype]] = {
        "torch float32": (list(plain), torch.float32),
        "float32, never packed": (made(lambda w, b: Float32Linear(w, b, may_pack=False)), torch.float32),
        "float32, always packed": (made(PackedLinear), torch.float32),
        "float32, as decoding does": (made(linear_maker("float32", CPU, may_pack=True)), torch.float32),
        "int8": (made(linear_maker("int8", CPU, may_pack=True)), torch.float32),
    }
    try:
        found["bfloat16"] = (made(linear_maker("bfloat16", CPU, may_pack=True)), torch.bfloat16)
        halves = [nn.Linear(i, o).bfloat16() for i, o in SHAPES]
        found["torch bfloat16"] = (list(halves), torch.bfloat16)
    except UserError as error:
        print(error)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch is about to move it elsewhere
        dynamic = torch.ao.quantization.quantize_dynamic(nn.ModuleList(plain), {nn.Linear}, dtype=torch.qint8)
    found["torch dynamic int8"] = (list(dynamic), torch.float32)
    return found


def once(layers: Layers, dtype: torch.dtype, fed: dict[tuple[int, torch.dtype], torch.Tensor]) -> None:
    """Multiply by every matrix."""
    for layer, (inputs, _) in zip(layers, SHAPES, strict=True):
        layer(fed[inputs, dtype])


@torch.inference_mode()
def main() -> None:
    """Print a line for each layout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 2, 3, 4, 8, 32, 64])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    plain = [nn.Linear(i, o).eval() for i, o in SHAPES]
    ways = layouts(plain)
    floor = sum(i * o for i, o in SHAPES) * 4 / read_bandwidth("cpu", torch.ones(BUFFER)) * 1000
    print(f"{machine()}\nreading the float32 weights once takes {floor:.1f} ms; ms (times torch float32)")
    print(f"{'layout':28}" + "".join(f"{rows:>8} rows" for rows in given.rows))
    figures: dict[str, list[str]] = {name: [] for name in ways}
    for rows in given.rows:
        fed = {
            (width, dtype): torch.randn(rows, width, dtype=dtype)
            for width in (768, 3072)
            for dtype in (torch.float32, torch.bfloat16)
        }
        times = in_turn(
            {name: partial(once, layers, dtype, fed) for name, (layers, dtype) in ways.items()}, given.rounds
        )
        for name, own in times.items():
            ratio = statistics.median(base / one for base, one in zip(times["torch float32"], own, strict=True))
            figures[name].append(f"{statistics.median(own) * 1000:.1f} ({ratio:.2f})")
    for name, cells in figures.items():
        print(f"{name:28}" + "".join(f"{cell:>13}" for cell in cells))


if __name__ == "__main__":
    main()
