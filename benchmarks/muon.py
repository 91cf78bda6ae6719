"""A step of each optimiser, beside the pass forwards and backwards that it follows.

    python benchmarks/muon.py [--size mini] [--vocabulary 8000] [--batch 16] [--window 256] [--rounds 15] [--threads 2]

Over the matrices inside the layers of one GPT-2: zaoju's Muon, torch's Muon (`torch.optim.Muon`, which multiplies in
bfloat16 and takes the matrices one by one), and torch's AdamW, fused. They take turns. Milliseconds are medians
(lowest..highest); the share is the median of the ratios to the pass of the same round.
"""

from __future__ import annotations

import argparse

import torch
from measuring import in_turn, machine, ratios, rendered, spread

from zaoju.models import GPT2, GPT2Config, has_bfloat16, model_numbers
from zaoju_builtin.trainers.muon import Muon

PASS = "the pass, float32"


def matrices_of(model: GPT2) -> list[torch.nn.Parameter]:
    """Every matrix inside the layers, as copies that one optimiser may move alone, with a gradient."""
    inner = [matrix for matrix in model.blocks.parameters() if matrix.dim() == 2]
    copies = [torch.nn.Parameter(matrix.detach().clone()) for matrix in inner]
    for copy in copies:
        copy.grad = torch.randn_like(copy) * 1e-3
    return copies


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="mini")
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--window", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    numbers = {**model_numbers("gpt2", given.size, {}, given.window), "vocab_size": given.vocabulary}
    model = GPT2(GPT2Config.from_numbers(numbers)).train()
    ids = torch.randint(given.vocabulary, (given.batch, given.window))
    fast = torch.bfloat16 if has_bfloat16(torch.device("cpu")) else torch.float32
    ours = Muon([{"params": matrices_of(model), "lr": 1e-3}], weight_decay=0.1, numbers=fast)
    theirs = torch.optim.Muon(matrices_of(model), lr=1e-3, adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW(matrices_of(model), lr=1e-3, fused=True)
    ways = {
        PASS: lambda: model.loss(ids, ids).backward(),
        f"zaoju's Muon, {str(fast).removeprefix('torch.')}": ours.step,
        "torch's Muon": theirs.step,
        "torch's AdamW, fused": adamw.step,
    }
    found = in_turn(ways, given.rounds)
    table: list[list[str]] = [["", "ms", "of the pass"]]
    for name, seconds in found.items():
        table.append([name, spread([1000 * one for one in seconds], 1), spread(ratios(seconds, found[PASS]))])
    print(f"{machine()}\n{sum(p.numel() for p in matrices_of(model)):,} weights in the matrices inside the layers")
    print(rendered(table, markdown=given.markdown))


if __name__ == "__main__":
    main()
