"""What checkpoints cost a training: their share of its time, waited for and written in the background.

    python benchmarks/checkpoints.py [--size mini] [--rounds 3] [--seconds 12] [--quick] [--threads 2]

The trainer `lean` trains a new model without checkpoints, with one now and then that it waits for, and with one that
is written in the background. Each round trains all three ways for as many steps, in turns, so that other work on the
machine hits all of them alike; figures are medians over the rounds, and shares are taken within a round. What a
checkpoint costs is the time that a run with them takes longer, divided by their number; from that come the shares at
the default interval and at one every 100 steps. The speed of saving stands beside the speed of the disk itself, by a
plain file of as many bytes that is written and synchronised, in the same round.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from measuring import Table, machine, rendered, spread

from zaoju.contracts import ModelPlan
from zaoju.models import model_numbers, new_model
from zaoju.tokenization import PackedTokens
from zaoju.training import BackgroundSaves, Checkpoints, Counters, PackedBatches, save_state, snapshot_state
from zaoju_builtin.trainers.lean_loop import LeanLoop, accelerator_for, read_all
from zaoju_builtin.trainers.options import LeanOptions

RATE = 1e-4
VOCABULARY = 8000


class Training:
    """A model in training, which saves in one of three ways."""

    def __init__(self, loop: LeanLoop, folder: Path) -> None:
        self.loop = loop
        self.checkpoints = Checkpoints(folder / "checkpoints", lambda event: None)
        self._folder = folder
        self._numbers = itertools.count(1)
        """Of steps and of saves."""

    def step(self) -> None:
        """One step, and a look at its loss."""
        read_all([self.loop.step(next(self._numbers), RATE)])

    def counters(self) -> Counters:
        """Of a checkpoint that comes after all others."""
        return Counters(next(self._numbers), 10**6, 0, {})

    def save(self) -> None:
        """A checkpoint that is waited for."""
        counters = self.counters()
        self.checkpoints.save(
            counters.step, lambda folder: save_state(folder, self.loop.model, self.loop.optimisers, counters)
        )

    def run(self, steps: int, every: int | None, *, background: bool) -> tuple[float, int]:
        """Seconds of `steps` steps with a checkpoint every so many, to the end of the last write, and how many."""
        saved = 0
        begin = time.perf_counter()
        with BackgroundSaves(self.checkpoints) as saves:
            for number in range(1, steps + 1):
                saves.collect()
                self.step()
                if every is None or number % every:
                    continue
                saved += 1
                if background:
                    counters = self.counters()
                    saves.save(counters.step, snapshot_state(self.loop.model, self.loop.optimisers, counters))
                else:
                    self.save()
        return time.perf_counter() - begin, saved

    def write_plainly(self, count: int) -> None:
        """A file of `count` bytes, written and synchronised, as fast as the disk takes it."""
        path, block = self._folder / "plain", os.urandom(1 << 20)
        with path.open("wb") as file:
            for _ in range(-(-count // len(block))):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        path.unlink()


def seconds_of(work: Callable[[], object]) -> float:
    """How long a call takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def shares(training: Training, steps: int, rounds: int) -> Table:
    """A line for each way to save; two checkpoints in every run of `steps`."""
    ways: dict[str, tuple[int | None, bool]] = {
        "none": (None, False),
        "waited for": (steps // 2, False),
        "in the background": (steps // 2, True),
    }
    names = list(ways)
    took: dict[str, list[float]] = {name: [] for name in ways}
    costs: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            every, background = ways[name]
            took[name].append(training.run(steps, every, background=background)[0])
        for name in names:
            costs[name].append((took[name][-1] - took["none"][-1]) / 2)
    step = statistics.median(took["none"]) / steps
    interval = float(LeanOptions.model_fields["checkpoint_every_seconds"].default)
    lines = [["checkpoints", "run, s", "each costs, ms", f"share every {interval:g} s, %", "share every 100 steps, %"]]
    for name in names:
        cost = max(0.0, statistics.median(costs[name]))
        each = "" if name == "none" else spread([1000 * one for one in costs[name]], 0)
        of_interval, of_steps = (100 * cost / (span + cost) for span in (interval, 100 * step))
        figures = ["", ""] if name == "none" else [f"{of_interval:.2f}", f"{of_steps:.2f}"]
        lines.append([name, spread(took[name], 1), each, *figures])
    return lines


def speeds(training: Training, rounds: int) -> Table:
    """MB/s of a checkpoint, from its first byte to when it is durable, and of a plain file of its size."""
    training.save()
    newest = training.checkpoints.newest()
    assert newest is not None
    count = sum(path.stat().st_size for path in newest.iterdir())
    rows: dict[str, list[float]] = {"checkpoint": [], "plain file": []}
    for turn in range(2 * rounds):
        pair = [("checkpoint", training.save), ("plain file", lambda: training.write_plainly(count))]
        for name, work in reversed(pair) if turn % 2 else pair:
            rows[name].append(count / 1e6 / seconds_of(work))
    lines = [[f"{count / 1e6:,.0f} MB", "MB/s", "of the disk's, %"]]
    for name, values in rows.items():
        within = [100 * one / disk for one, disk in zip(values, rows["plain file"], strict=True)]
        lines.append([name, spread(values, 0), spread(within, 0)])
    return lines


def copying(training: Training, rounds: int) -> float:
    """Milliseconds that the training waits for the copy which a save in the background begins with."""
    loop, counters = training.loop, training.counters()
    copies = [seconds_of(lambda: snapshot_state(loop.model, loop.optimisers, counters)) for _ in range(2 * rounds)]
    return 1000 * statistics.median(copies)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="mini")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=12.0, help="of one run without checkpoints")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured; without it, a temporary one")
    parser.add_argument("--quick", action="store_true", help="shows within seconds that this runs")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    if given.quick:
        given.size, given.rounds, given.seconds = "nano", 1, 0.5
    torch.set_num_threads(given.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(machine())
    plan = ModelPlan("gpt2", model_numbers("gpt2", given.size, {}), VOCABULARY, 0)
    tokens = (np.random.default_rng(1).zipf(1.2, 1_000_000) % VOCABULARY).astype(np.uint16)
    packed = PackedTokens(tokens, np.asarray([len(tokens)], dtype=np.uint64), "random", VOCABULARY)
    model = new_model(plan, 1)
    batches = PackedBatches(packed, window=model.context_length, batch_size=given.batch, seed=1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=given.folder)))
        options = LeanOptions(steps=1, batch_size=given.batch, learning_rate=RATE)
        accelerator = stack.enter_context(accelerator_for(device, options))
        training = Training(LeanLoop(model, batches, options, accelerator, seed=0, trained_before=False), folder)
        training.run(3, None, background=False)
        step = training.run(5, None, background=False)[0] / 5
        steps = max(4, 2 * round(given.seconds / step / 2))
        print(f"{model.parameter_count():,} parameters, {1000 * step:,.0f} ms a step, runs of {steps} steps\n")
        print(rendered(shares(training, steps, given.rounds), markdown=given.markdown))
        print(f"\nThe copy of a save in the background takes {copying(training, given.rounds):,.0f} ms.\n")
        print(rendered(speeds(training, given.rounds), markdown=given.markdown))


if __name__ == "__main__":
    main()
