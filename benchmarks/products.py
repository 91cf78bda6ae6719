"""The three matrix products of a layer in training, by torch and by oneDNN: what `zaoju.models.products` takes.

    python benchmarks/products.py [--rows 4096] [--width 320] [--rounds 9] [--threads 2]

For each shape of a GPT-2 layer: GFLOP/s forwards, for the gradient of what comes in, and for the gradient of the
weight, in float32 by torch (MKL on x86) and by oneDNN, and in bfloat16 by torch. They take turns; figures are medians.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import torch
from measuring import in_turn, machine
from torch.nn import functional

from zaoju.models.linear import onednn_linear


def ways(rows: int, inputs: int, outputs: int) -> dict[str, Callable[[], object]]:
    """All products of one layer."""
    x, weight = torch.randn(rows, inputs), torch.randn(outputs, inputs)
    gradient = torch.randn(rows, outputs)
    x_half, weight_half, gradient_half = x.bfloat16(), weight.bfloat16(), gradient.bfloat16()
    return {
        "forwards, torch": lambda: functional.linear(x, weight),
        "forwards, oneDNN": lambda: onednn_linear(x, weight, None),
        "forwards, bfloat16": lambda: functional.linear(x_half, weight_half),
        "of what comes in, torch": lambda: gradient @ weight,
        "of what comes in, oneDNN": lambda: onednn_linear(gradient, weight.t(), None),
        "of what comes in, bfloat16": lambda: gradient_half @ weight_half,
        "of the weight, torch": lambda: gradient.t() @ x,
        "of the weight, oneDNN": lambda: onednn_linear(gradient.t(), x.t(), None),
        "of the weight, bfloat16": lambda: gradient_half.t() @ x_half,
    }


@torch.inference_mode()
def main() -> None:
    """Print a line for each product."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    width = given.width
    shapes = [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)]
    found: dict[str, list[str]] = {}
    for inputs, outputs in shapes:
        operations = 2 * given.rows * inputs * outputs
        for name, seconds in in_turn(ways(given.rows, inputs, outputs), given.rounds).items():
            found.setdefault(name, []).append(f"{operations / statistics.median(seconds) / 1e9:,.0f}")
    print(f"{machine()}\nGFLOP/s over {given.rows} rows")
    print(f"{'product':28}" + "".join(f"{f'{inputs} to {outputs}':>16}" for inputs, outputs in shapes))
    for name, cells in found.items():
        print(f"{name:28}" + "".join(f"{cell:>16}" for cell in cells))


if __name__ == "__main__":
    main()
