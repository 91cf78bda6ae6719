"""What choosing a token costs beside computing its logits, in the engine and in transformers.

    python benchmarks/sampler.py [--batches 1 8 64 256] [--rounds 5] [--tokens 32] [--spread 3] [--markdown]

The engine writes over a runner without a model, which hands out the same drawn logits over 50,257 tokens again and
again; so a step is all that the engine does around a model: chain, selector, histories, text, reports. Beside it stands
one step of GPT-2 124M (random weights, 128 tokens in the cache), and transformers' own processors and `multinomial` at
the same options over the same logits. The ways take turns; a share is a ratio of the same round, medians over the
rounds. How flat the logits are decides what top-p costs: `--spread` is their standard deviation, and the size of the
nucleus is printed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from decoding_models import MODELS, draw_prompts, make
from measuring import device, machine, quiet, ratios, rendered, spread, wait_for

from zaoju import Engine, Options, Request, Runner
from zaoju.generation import LeanRunner, LeanRunnerOptions
from zaoju.plugins import PluginManager
from zaoju.tokenization import Tokenizer

PROMPT = 128

CHAINS: dict[str, tuple[Sequence[str], str, dict[str, object]]] = {
    "greedy": ((), "argmax", {}),
    "nucleus": (("temperature", "top_p"), "sample", {"temperature": 0.8, "top_p": 0.9}),
    "top_k": (("temperature", "top_k"), "sample", {"temperature": 0.8, "top_k": 40}),
    "min-p and three penalties": (
        ("repetition_penalty", "occurrence_penalty", "temperature", "min_p"),
        "sample",
        {
            "repetition_penalty": 1.1,
            "frequency_penalty": 0.2,
            "presence_penalty": 0.1,
            "temperature": 0.8,
            "min_p": 0.05,
        },
    ),
}
"""By the name of a line: the transforms, the selector and the options."""


class DrawnLogits(Runner):
    """A runner without a model: logits that were drawn before."""

    def __init__(self, vocabulary_size: int, rows: int, deviation: float, device: str) -> None:
        self.vocabulary_size = vocabulary_size
        self.context_length = 1 << 20
        generator = torch.Generator().manual_seed(0)
        drawn = [torch.randn(rows, vocabulary_size, generator=generator) * deviation for _ in range(2)]
        self.drawn = [one.to(device) for one in drawn]
        self._steps = 0
        self._rows = 0

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto", options: Options | None = None) -> Self:
        """There is no model to open."""
        raise NotImplementedError("made with a vocabulary size")

    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        """Handles and logits."""
        first, self._rows = self._rows, self._rows + len(prompts)
        return list(range(first, self._rows)), self.next(len(prompts))

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        """Logits."""
        return self.next(len(rows))

    def next(self, rows: int) -> torch.Tensor:
        """[rows, V]: the logits of one step."""
        self._steps += 1
        return self.drawn[self._steps % len(self.drawn)][:rows]

    def fork(self, row: int) -> int:
        """A handle."""
        return self.prefill([[row]])[0][0]

    def drop(self, rows: Sequence[int]) -> None:
        """Nothing is held."""

    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """Nobody asks for it here."""
        raise NotImplementedError("there is no model")


class Steps:
    """One way each to spend a step, in milliseconds per step."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self.tokens: int = given.tokens
        self.device = device()
        precision = "float32" if self.device == "cpu" else "bfloat16"
        self.model = LeanRunner.open(
            folder, device=self.device, options=LeanRunnerOptions.model_validate({"precision": precision})
        )
        self.runner = DrawnLogits(self.model.vocabulary_size, max(given.batches), given.spread, self.device)
        plugins = PluginManager.discover()
        self.engine = Engine(self.runner, Tokenizer.load(folder, plugins), plugins, device=self.device)
        self.prompts = draw_prompts(folder, [PROMPT] * max(given.batches), seed=1)
        self.end_of_text = self.engine.tokenizer.end_of_text

    def in_model(self, batch: int) -> float:
        """Of the model itself."""
        rows, _ = self.model.prefill([prompt.tokens for prompt in self.prompts[:batch]])
        self.model.step(rows, [1] * batch)
        wait_for(self.device)
        started = time.perf_counter()
        for _ in range(self.tokens):
            self.model.step(rows, [1] * batch)
        wait_for(self.device)
        took = time.perf_counter() - started
        self.model.drop(rows)
        return 1000 * took / self.tokens

    def in_engine(self, batch: int, name: str) -> float:
        """Of all that the engine does, from the end of the first step to the end of the last."""
        chain, selector, options = CHAINS[name]
        new = self.tokens + 1
        requests = [
            Request(
                prompt.text,
                chain=["minimum_length", *chain],
                selector=selector,
                seed=number,
                max_new_tokens=new,
                token_healing=False,
                options={**options, "min_new_tokens": new},
            )
            for number, prompt in enumerate(self.prompts[:batch])
        ]
        ended: list[float] = []
        self.engine.generate_batch(requests, batch_size=batch, on_event=lambda _: ended.append(time.perf_counter()))
        return 1000 * (ended[-1] - ended[0]) / (len(ended) - 1)

    def in_transformers(self, batch: int, name: str) -> float:
        """Of transformers' processors and choice, as its `generate` calls them, without text and streams."""
        processors = transformers_chain(name, self.end_of_text, self.device)
        ids = torch.tensor([prompt.tokens for prompt in self.prompts[:batch]], device=self.device)
        wait_for(self.device)
        started = time.perf_counter()
        for _ in range(self.tokens):
            scores = processors(ids, self.runner.next(batch).clone())
            if name == "greedy":
                chosen = scores.argmax(dim=-1)
            else:
                chosen = torch.multinomial(scores.softmax(dim=-1), num_samples=1)[:, 0]
            ids = torch.cat([ids, chosen[:, None]], dim=1)
        wait_for(self.device)
        return 1000 * (time.perf_counter() - started) / self.tokens


def transformers_chain(
    name: str, end_of_text: int, device: str
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The same chain in transformers, as far as it has the parts."""
    from transformers import (
        LogitsProcessorList,
        MinNewTokensLengthLogitsProcessor,
        MinPLogitsWarper,
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    parts: dict[str, Callable[[Any], Any]] = {
        "repetition_penalty": RepetitionPenaltyLogitsProcessor,
        "temperature": TemperatureLogitsWarper,
        "top_k": TopKLogitsWarper,
        "top_p": TopPLogitsWarper,
        "min_p": MinPLogitsWarper,
    }
    chain, _, options = CHAINS[name]
    length = MinNewTokensLengthLogitsProcessor(PROMPT, 1 << 20, end_of_text, device=device)
    processors: Any = LogitsProcessorList([length, *(parts[part](options[part]) for part in chain if part in parts)])
    given: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = processors
    return given


def nucleus_size(logits: torch.Tensor) -> float:
    """How many tokens top-p 0.9 keeps at temperature 0.8, in the middle of the rows."""
    ordered = (logits[:8] / 0.8).softmax(dim=1).sort(dim=1, descending=True).values.cumsum(dim=1)
    return float((ordered < 0.9).sum(dim=1).float().median()) + 1


def measure(steps: Steps, batch: int, rounds: int) -> list[list[str]]:
    """The lines of one batch; the first round warms up."""
    ways: dict[str, Callable[[], float]] = {"a step of the model": lambda: steps.in_model(batch)}
    for name in CHAINS:
        ways[name] = lambda name=name: steps.in_engine(batch, name)  # type: ignore[misc]
        ways[f"{name}, transformers"] = lambda name=name: steps.in_transformers(batch, name)  # type: ignore[misc]
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name in reversed(ways) if turn % 2 else ways:
            took = ways[name]()
            if turn:
                taken[name].append(took)
    model = taken["a step of the model"]
    lines = []
    for name in CHAINS:
        own, theirs = taken[name], taken[f"{name}, transformers"]
        more = [one - greedy for one, greedy in zip(own, taken["greedy"], strict=True)]
        lines.append(
            [
                f"{batch}, {name}",
                spread(model),
                spread(own),
                f"{statistics.median(ratios(own, model)):.1%}",
                f"{statistics.median(ratios(more, model)):.1%}",
                spread(theirs),
                f"{statistics.median(ratios(theirs, model)):.1%}",
            ]
        )
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="gpt2", choices=list(MODELS))
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 64, 256])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--spread", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--folder", type=Path, help="where the model is kept for the next run")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    quiet()
    print(machine("transformers"))
    with tempfile.TemporaryDirectory() as temporary:
        steps = Steps(given, make(given.model, given.folder or Path(temporary)))
        kept = nucleus_size(steps.runner.drawn[0])
        print(
            f"\n{MODELS[given.model].title}, {steps.runner.vocabulary_size:,} tokens, {kept:.0f} of them in the nucleus"
        )
        print("milliseconds a step; `more` is what the engine takes beyond greedy. transformers has one of the three")
        print("penalties, and its part of a step has no text, no stop strings and no reports\n")
        lines = [["batch", "model", "engine", "of model", "more, of model", "transformers", "of model"]]
        for batch in given.batches:
            lines += measure(steps, batch, given.rounds)
        print(rendered(lines, markdown=given.markdown))


if __name__ == "__main__":
    main()
