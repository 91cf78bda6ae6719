"""What drafts save: tokens per second with and without prompt lookup, here and in transformers, same model and prompts.

    python benchmarks/drafts.py --model runs/demo/model [--rounds 7] [--tokens 60] [--threads 2]

Two kinds of prompts: stories written twice and begun a third time, where a lookup is often right, and openings alone,
where it seldom is. Greedy, batch 1. The ways take turns within a round, so other work on the machine hits all of them
alike; figures are medians over the rounds, ratios are taken within a round. The texts with and without drafts are
compared too.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from zaoju import Engine

OPENINGS = ("我想", "王芳", "春天")
LOOKUP = {"name": "prompt_lookup", "max_tokens": 8, "min_ngram": 2}

Way = Callable[[str], tuple[int, ...]]


def read(engine: Engine, prompt: str) -> list[int]:
    """The tokens that the model reads first."""
    return [*engine.tokenizer.beginning, *engine.tokenizer.encode(prompt)]


def room(engine: Engine, prompt: str, tokens: int) -> int:
    """How many tokens are written: transformers has no error of its own for a text that is longer than the context."""
    return min(tokens, engine.runner.context_length - len(read(engine, prompt)))


def repeating(engine: Engine) -> list[str]:
    """Prompts whose continuation stands in them, as in a summary, a refrain or a dialogue that quotes."""
    stories = [engine.generate(opening, strategy="nucleus", seed=1, max_new_tokens=35).text for opening in OPENINGS]
    return [f"{story}{story}{story[:6]}" for story in stories]


def ours(engine: Engine, tokens: int, *, drafts: bool) -> Way:
    """The engine, greedy."""

    def write(prompt: str) -> tuple[int, ...]:
        proposer = LOOKUP if drafts else None
        return engine.generate(
            prompt, strategy="greedy", max_new_tokens=room(engine, prompt, tokens), proposer=proposer
        ).token_ids

    return write


def theirs(model: PreTrainedModel, engine: Engine, tokens: int, *, drafts: bool) -> Way:
    """transformers, greedy, on the same tokens."""
    extra = {"prompt_lookup_num_tokens": 8, "max_matching_ngram_size": 4} if drafts else {}

    def write(prompt: str) -> tuple[int, ...]:
        fed = torch.tensor([read(engine, prompt)])
        mask = torch.ones_like(fed)
        with torch.inference_mode():
            given = model.generate(
                fed,
                attention_mask=mask,
                do_sample=False,
                max_new_tokens=room(engine, prompt, tokens),
                pad_token_id=0,
                **extra,
            )
        return tuple(given[0, fed.shape[1] :].tolist())

    return write


def measure(ways: dict[str, Way], prompts: list[str], rounds: int) -> tuple[dict[str, list[float]], dict[str, object]]:
    """Tokens per second of each round, by way; the first round warms up and is left out. And the texts."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    texts: dict[str, object] = {}
    for number in range(rounds + 1):
        for name, write in ways.items():
            begin = time.perf_counter()
            written = [write(prompt) for prompt in prompts]
            seconds = time.perf_counter() - begin
            texts[name] = written
            if number:
                rates[name].append(sum(map(len, written)) / seconds)
    return rates, texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("runs/demo/model"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    engine = Engine.load(chosen.model, device="cpu")
    model = AutoModelForCausalLM.from_pretrained(chosen.model, local_files_only=True).eval()
    ways = {
        "zaoju": ours(engine, chosen.tokens, drafts=False),
        "zaoju with drafts": ours(engine, chosen.tokens, drafts=True),
        "transformers": theirs(model, engine, chosen.tokens, drafts=False),
        "transformers with drafts": theirs(model, engine, chosen.tokens, drafts=True),
    }
    print("| prompts | way | tokens/s (median) | of zaoju without drafts | same text |\n|---|---|---|---|---|")
    for kind, prompts in (("repeating", repeating(engine)), ("openings", list(OPENINGS))):
        rates, texts = measure(ways, prompts, chosen.rounds)
        for name in ways:
            ratio = statistics.median(one / base for one, base in zip(rates[name], rates["zaoju"], strict=True))
            same = "yes" if texts[name] == texts["zaoju"] else "no"
            print(f"| {kind} | {name} | {statistics.median(rates[name]):.0f} | {ratio:.2f} | {same} |")


if __name__ == "__main__":
    main()
