"""How long running texts wait while a long prompt is read, with and without reading it in pieces.

    python benchmarks/stalls.py [--running 4] [--prompt 900] [--pieces 64 128 256 512] [--rounds 3]

GPT-2 124M with random weights. While `--running` texts are written, a prompt of `--prompt` tokens joins; printed is the
longest time between two tokens of the others, beside the time of a step without it. Medians over the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

import torch

from zaoju.generation import LeanRunner
from zaoju.models import GPT2, GPT2Config


def longest_gap(runner: LeanRunner, running: int, prompt: Sequence[int], piece: int) -> tuple[float, float]:
    """Seconds: the longest time between two steps of the running rows while the prompt is read, and a step alone."""
    rows, _ = runner.prefill([[number + 1] * 64 for number in range(running)])
    alone = []
    for _ in range(5):
        started = time.perf_counter()
        runner.step(rows, [1] * running)
        alone.append(time.perf_counter() - started)
    gaps = []
    joined: list[int] = []
    for start in range(0, len(prompt), piece):
        began = time.perf_counter()
        if joined:
            runner.append(joined, [prompt[start : start + piece]])
        else:
            joined, _ = runner.prefill([prompt[:piece]])
        runner.step(rows, [1] * running)
        gaps.append(time.perf_counter() - began)
    runner.drop([*rows, *joined])
    return max(gaps), statistics.median(alone)


def main() -> None:
    """Print a line for each size of the pieces."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--running", type=int, default=4)
    parser.add_argument("--prompt", type=int, default=2000)
    parser.add_argument("--pieces", type=int, nargs="+", default=[64, 128, 256, 512])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.manual_seed(0)
    runner = LeanRunner(GPT2(GPT2Config(n_positions=max(1024, given.prompt + 1))).eval())
    prompt = [7] * given.prompt
    sizes = [*given.pieces, given.prompt]
    results: dict[int, list[tuple[float, float]]] = {size: [] for size in sizes}
    for _ in range(given.rounds):
        for size in sizes:
            results[size].append(longest_gap(runner, given.running, prompt, size))
    for size, pairs in results.items():
        gap, alone = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
        name = "in one piece" if size == given.prompt else f"{size} tokens at a time"
        print(f"{name:22} the others wait {gap:8.0f} ms at most; a step without the prompt takes {alone:6.1f} ms")


if __name__ == "__main__":
    main()
