"""Tokens per second of one training step: the lean trainer, a bare loop over the same module, and transformers.

    python benchmarks/training_step.py [--size tiny] [--batch 32] [--vocabulary 8000] [--rounds 15] [--threads 2]

The ways take turns, a step each per round, so that other work on the machine hits all of them alike; the figures are
medians over the rounds, and ratios are taken within a round.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import torch

from zaoju.contracts import ModelPlan
from zaoju.models import CausalLM, TransformersLM, model_numbers, new_model
from zaoju.tokenization import PackedTokens
from zaoju.training import PackedBatches
from zaoju_builtin.trainers.lean_loop import LeanLoop, accelerator_for
from zaoju_builtin.trainers.options import LeanOptions

RATE = 1e-3


def bare_loop(model: CausalLM, batches: PackedBatches) -> Callable[[int], object]:
    """The shortest loop that trains: no clipping, no groups, no schedule."""
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True)

    def step(number: int) -> None:
        loss = model.loss(*batches.batch(number))
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        optimiser.step()
        optimiser.zero_grad()

    return step


def measure(ways: dict[str, Callable[[int], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each step, by way; the first two rounds warm up and are left out."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 2):
        for name, step in ways.items():
            begin = time.perf_counter()
            step(number)
            seconds[name].append(time.perf_counter() - begin)
    return {name: values[2:] for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    plan = ModelPlan("gpt2", model_numbers("gpt2", arguments.size, {}), arguments.vocabulary, 0)
    tokens = (np.random.default_rng(1).zipf(1.2, 1_000_000) % arguments.vocabulary).astype(np.uint16)
    packed = PackedTokens(tokens, np.asarray([len(tokens)], dtype=np.uint64), "random", arguments.vocabulary)
    model = new_model(plan, 1)
    batches = PackedBatches(packed, window=model.context_length, batch_size=arguments.batch, seed=1)
    with ExitStack() as stack:
        options = LeanOptions(steps=1, batch_size=arguments.batch, learning_rate=RATE)
        accelerator = stack.enter_context(accelerator_for("cpu", options))
        lean = LeanLoop(new_model(plan, 1), batches, options, accelerator, trained_before=False)
        numbers = {**plan.numbers, "vocab_size": arguments.vocabulary, "bos_token_id": 0, "eos_token_id": 0}
        ways = {
            "lean trainer": lambda number: lean.step(number, RATE)[0].item(),
            "bare loop, same module": bare_loop(model, batches),
            "bare loop, transformers' module": bare_loop(TransformersLM.from_numbers("gpt2", numbers), batches),
        }
        seconds = measure(ways, arguments.rounds)
    bare = seconds["bare loop, same module"]
    print(f"{model.parameter_count():,} parameters, {batches.tokens_per_batch:,} tokens a step")
    for name, values in seconds.items():
        ratio = statistics.median(b / v for b, v in zip(bare, values, strict=True))
        print(
            f"{name:32} {batches.tokens_per_batch / statistics.median(values):8,.0f} tokens/s "
            f"(best {batches.tokens_per_batch / min(values):,.0f}), {ratio:.2f} of the bare loop"
        )


if __name__ == "__main__":
    main()
