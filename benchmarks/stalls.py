"""How long running texts wait while a long prompt is read, with and without reading it in pieces.

    python benchmarks/stalls.py [--running 8] [--prompt 2000] [--pieces 64 128 256 512] [--rounds 3] [--markdown]

GPT-2 124M with random weights and a context that has room for the prompt. While `--running` texts are written by the
engine, a prompt of `--prompt` tokens joins: into the same batch, and from another thread, as a server's next request
does. Printed is the longest time between two tokens of the running texts from then on, a usual one before it joined,
and how long the runner takes alone for such a piece at the end of the prompt, where a piece costs most. The sizes take
turns; figures are medians over the rounds. `waits` should be little more than a step and a piece.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from decoding_models import draw_prompts, gpt2_folder
from measuring import Table, device, machine, rendered, spread, wait_for

from zaoju import Engine, Event, Request
from zaoju.contracts import Progress
from zaoju.generation import LeanRunner
from zaoju.plugins import PluginManager
from zaoju.tokenization import Tokenizer

BEFORE = 12
"""Steps of the running texts before the long prompt joins."""


class Watch:
    """Notes when each step of a batch ended."""

    def __init__(self) -> None:
        self.ended: list[float] = []
        self.reached = threading.Event()
        self.first_done = 0.0
        """When the first text had ended; the next one joins in the step after."""

    def __call__(self, event: Event) -> None:
        self.ended.append(time.perf_counter())
        if isinstance(event, Progress) and event.done and not self.first_done:
            self.first_done = self.ended[-1]
        if len(self.ended) > BEFORE:
            self.reached.set()

    def gaps(self) -> list[float]:
        """Seconds between one step and the next."""
        return [later - earlier for earlier, later in pairwise(self.ended)]


class Stalls:
    """Running texts and one long prompt over one runner."""

    def __init__(self, folder: Path, running: int, length: int) -> None:
        self.runner = LeanRunner.open(folder, device=device())
        plugins = PluginManager.discover()
        self.tokenizer = Tokenizer.load(folder, plugins)
        self.plugins = plugins
        self.short = [one.text for one in draw_prompts(folder, [32] * (running + 1), seed=1)]
        [self.long] = draw_prompts(folder, [length], seed=2)

    def in_batch(self, piece: int) -> tuple[float, float]:
        """Seconds: a step before the long prompt joins the batch in the place of a short text, the longest after it."""
        engine = self.engine(piece)
        steps = BEFORE + 2 * self.pieces(piece) + 8
        first, *others = self.short
        requests = [_greedy(first, BEFORE), *(_greedy(text, steps) for text in others), _greedy(self.long.text, 1)]
        watch = Watch()
        engine.generate_batch(requests, batch_size=len(self.short), on_event=watch)
        return _before_and_after(watch, watch.first_done)

    def from_thread(self, piece: int) -> tuple[float, float]:
        """The same where the long prompt comes from another thread."""
        engine = self.engine(piece)
        watch = Watch()
        joined: list[float] = []

        def ask() -> None:
            watch.reached.wait()
            joined.append(time.perf_counter())
            engine.generate(self.long.text, strategy="greedy", max_new_tokens=1, token_healing=False)

        asking = threading.Thread(target=ask)
        asking.start()
        steps = BEFORE + 2 * self.pieces(piece) + 8
        requests = [_greedy(text, steps) for text in self.short[1:]]
        engine.generate_batch(requests, batch_size=len(requests), on_event=watch)
        asking.join()
        return _before_and_after(watch, joined[0])

    def alone(self, piece: int) -> float:
        """Seconds that the runner takes for the last piece of the prompt."""
        tokens = self.long.tokens
        size = min(piece, len(tokens))
        begun = tokens[: len(tokens) - size]
        started = time.perf_counter()
        if begun:
            [row], _ = self.runner.prefill([begun])
            started = time.perf_counter()
            self.runner.append([row], [tokens[len(begun) :]])
        else:
            [row], _ = self.runner.prefill([tokens])
        wait_for(device())
        took = time.perf_counter() - started
        self.runner.drop([row])
        return took

    def engine(self, piece: int) -> Engine:
        """An engine that reads prompts in pieces of that size; nothing is shared between its texts."""
        self.runner.tokens_per_pass = piece
        return Engine(self.runner, self.tokenizer, self.plugins)

    def pieces(self, piece: int) -> int:
        """In how many pieces the prompt is read."""
        return -(-len(self.long.tokens) // piece)


def _greedy(prompt: str, tokens: int) -> Request:
    options = {"min_new_tokens": tokens}
    return Request(
        prompt,
        chain=["minimum_length"],
        selector="argmax",
        seed=0,
        max_new_tokens=tokens,
        token_healing=False,
        options=options,
    )


def _before_and_after(watch: Watch, joined: float) -> tuple[float, float]:
    """A usual gap that ended before `joined`, and the longest that ended after it."""
    gaps = list(zip(watch.ended[1:], watch.gaps(), strict=True))
    before = [gap for end, gap in gaps if end <= joined]
    return statistics.median(before[-BEFORE // 2 :]), max(gap for end, gap in gaps if end > joined)


def table(stalls: Stalls, sizes: Sequence[int], rounds: int) -> Table:
    """Measure every size in every round; the first round warms up."""
    rows: dict[int, list[tuple[float, ...]]] = {size: [] for size in sizes}
    for turn in range(rounds + 1):
        for size in reversed(sizes) if turn % 2 else sizes:
            row = (*stalls.in_batch(size), *stalls.from_thread(size), stalls.alone(size))
            if turn:
                rows[size].append(tuple(1000 * one for one in row))
    lines = [["tokens a piece", "a step before, ms", "waits, ms", "waits on another thread, ms", "the piece alone, ms"]]
    for size, measured in rows.items():
        before, waits, _, other, alone = (spread(column, 0) for column in zip(*measured, strict=True))
        name = "all at once" if size >= len(stalls.long.tokens) else str(size)
        lines.append([name, before, waits, other, alone])
    return lines


def main() -> None:
    """Print a line for each size of the pieces."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--running", type=int, default=8)
    parser.add_argument("--prompt", type=int, default=2000)
    parser.add_argument("--pieces", type=int, nargs="+", default=[64, 128, 256, 512])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layers", type=int, default=12, help="fewer show within seconds that this runs")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(machine())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        gpt2_folder(folder, n_positions=max(1024, given.prompt + 64), n_layer=given.layers)
        stalls = Stalls(folder, given.running, given.prompt)
        print(f"\n{given.running} texts run, a prompt of {given.prompt} tokens joins:\n")
        print(rendered(table(stalls, [*given.pieces, given.prompt], given.rounds), markdown=given.markdown))


if __name__ == "__main__":
    main()
