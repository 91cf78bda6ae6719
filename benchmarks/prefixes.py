"""Few-shot prompts of one prefix, scored with and without reading the prefix once.

    python benchmarks/prefixes.py [--prefix 900] [--candidates 32] [--answer 10] [--rounds 3]

GPT-2 124M with random weights, one runner; the ways take turns. transformers' own forward over whole sequences stands
beside. The scores of all ways are compared.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from zaoju.generation import LeanRunner, SharedPrefixes
from zaoju.models import GPT2, GPT2Config

Scores = list[torch.Tensor]


def whole_by_transformers(folder: Path) -> Callable[[list[list[int]]], Scores]:
    """One padded batch of whole sequences at a time, as evaluation harnesses do."""
    network = AutoModelForCausalLM.from_pretrained(folder).eval()

    @torch.inference_mode()
    def score(sequences: list[list[int]]) -> Scores:
        scores = []
        for sequence in sequences:
            ids = torch.tensor([sequence])
            logprobs = network(ids[:, :-1]).logits[0].float().log_softmax(dim=-1)
            scores.append(logprobs.gather(1, ids[0, 1:, None])[:, 0])
        return scores

    return score


def main() -> None:
    """Print the medians and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefix", type=int, default=900)
    parser.add_argument("--candidates", type=int, default=32)
    parser.add_argument("--answer", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    draw = random.Random(0)
    prefix = [draw.randrange(50000) for _ in range(given.prefix)]
    sequences = [[*prefix, *(draw.randrange(50000) for _ in range(given.answer))] for _ in range(given.candidates)]
    with tempfile.TemporaryDirectory() as temporary:
        torch.manual_seed(0)
        GPT2(GPT2Config()).save(Path(temporary))
        runner = LeanRunner.open(Path(temporary))
        ways: dict[str, Callable[[list[list[int]]], Scores]] = {
            "prefix read once": SharedPrefixes(runner).score,
            "whole sequences": runner.score,
            "transformers": whole_by_transformers(Path(temporary)),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        results: dict[str, Scores] = {}
        for _ in range(given.rounds):
            for name, score in ways.items():
                started = time.perf_counter()
                results[name] = score(sequences)
                seconds[name].append(time.perf_counter() - started)
    base = results["transformers"]
    for name, times in seconds.items():
        ratios = [other / own for other, own in zip(seconds["whole sequences"], times, strict=True)]
        far = max(float((a - b).abs().max()) for a, b in zip(results[name], base, strict=True))
        print(
            f"{name:20} {statistics.median(times):7.2f} s   {statistics.median(ratios):5.1f} times as fast as whole "
            f"sequences   largest difference to transformers {far:.1e}"
        )


if __name__ == "__main__":
    main()
