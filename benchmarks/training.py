"""Training side by side: zaoju's trainer, bare loops, and transformers.Trainer, on the same text in one run.

    python benchmarks/training.py [TEXT ...] [--size mini] [--batch 16] [--vocabulary 8000]
                                  [--precisions float32 bfloat16] [--ways Trainer bare ...] [--compile] [--rounds 6]
                                  [--turn 5] [--markdown] [--json FILE]

TEXT are text files or folders; without any, a grammar's stories. Every way has a process of its own, and they take
turns, so that other work on the machine hits all of them alike. zaoju's trainer runs whole: it logs every step, and
looks at held-out text, writes a sample and saves a checkpoint about every 30 seconds of its own time, as by default.
All learn by AdamW: what zaoju's own default, Muon, costs is measured by `muon.py`, and what it gives by `learning.py`.
Every precision that the machine has instructions for is measured in the same run.

tokens/s     the tokens that went in over all time of all turns
a turn       the same, turn by turn: median (lowest..highest)
x Trainer    median of the ratios of a turn's tokens/s to `transformers.Trainer` in the same round (lowest..highest), in
             the first of the precisions
of bare      tokens/s over that of the bare loop over the same module in the same precision, compiled or not, whichever
             is faster
FLOP/s       those of `zaoju.planning.flops_per_token` over those of one large matrix product of the same precision, the
             best of all rounds
first        seconds of the first two steps, where compiling falls; not in the other figures
memory       the peak of the process, or of the GPU
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from measuring import OtherWork, device, machine, ratios, rendered, spread, wait_for
from taking_turns import Player, Turn
from training_data import Task, prepare
from training_ways import bare_lean_loop, lean_trainer, plain_loop, trainer

from zaoju.models import has_bfloat16
from zaoju.planning import ModelShape, flops_per_token

BASE = "transformers.Trainer"
BARE = "bare lean loop"
BETWEEN_LOOKS = 30.0
"""Seconds of a way's own time between two looks at held-out text, and between two checkpoints."""

MOST_STEPS = 1_000_000
"""More than there will be turns for."""


@dataclass(frozen=True)
class Way:
    """One way to train, in one precision."""

    program: str
    task: Task
    start: Callable[[str], Player]
    """Begins it under a name, in a process of its own."""

    compiled: bool = False

    @property
    def name(self) -> str:
        """How its line begins."""
        return f"{self.program}{', compiled' if self.compiled else ''}, {self.task.precision}"


def ways_of(task: Task, lean: dict[str, object]) -> list[Way]:
    """What can be measured in one precision; none is started yet."""

    def lean_starter(compiled: bool) -> Callable[[str], Player]:
        options = {**lean, "precision": task.precision, "compile": compiled}
        # Two of them may not write into one folder.
        return lambda name: Player.start(name, lean_trainer, task.device, task, options, run=task.copied_run())

    def starter(program: Callable[[Turn, Task, Any], None], argument: object) -> Callable[[str], Player]:
        return lambda name: Player.start(name, program, task.device, task, argument)

    ways: list[Way] = []
    for compiled in (False, True):
        ways += [
            Way(BASE, task, starter(trainer, {"torch_compile": True} if compiled else {}), compiled),
            Way("loop over transformers", task, starter(plain_loop, compiled), compiled),
            Way(BARE, task, starter(bare_lean_loop, compiled), compiled),
            Way("zaoju lean", task, lean_starter(compiled), compiled),
        ]
    return ways


def wanted(way: Way, given: argparse.Namespace) -> bool:
    """Whether a way is to be measured; the base always is."""
    if given.ways:
        base = way.program == BASE and not way.compiled and way.task.precision == given.precisions[0]
        return base or any(part.lower() in way.name.lower() for part in given.ways)
    return given.compile or not way.compiled


def step_seconds(task: Task) -> float:
    """How long the bare loop takes for a step: the length of turns and the distance of looks come from it."""
    player = Player.start("timing", bare_lean_loop, task.device, task, False)
    player.warm_up(2)
    if player.failed:
        raise SystemExit(player.failed)
    seconds = min(player.turn(1) for _ in range(3))
    player.end()
    return seconds


def matrix_rate(task: Task) -> float:
    """FLOP/s of one large matrix product, the best of three."""
    size = 8192 if task.device == "cuda" else 2048
    dtype = torch.bfloat16 if task.precision == "bfloat16" else torch.float32
    matrix = torch.randn(size, size, device=task.device, dtype=dtype)
    seconds = []
    for _ in range(4):
        wait_for(task.device)
        started = time.perf_counter()
        matrix @ matrix
        wait_for(task.device)
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds[1:])


def flops_of(task: Task) -> float:
    """Of the forward and the backward pass of one token."""
    return flops_per_token(ModelShape.of("gpt2", task.numbers, task.vocabulary_size))


def measure(
    players: list[Player], steps: int, rounds: int, tasks: Sequence[Task]
) -> tuple[dict[str, float], list[float]]:
    """Let all take turns; the best rate of a matrix product by precision, and the shares that others took, by round."""
    peaks, others = {task.precision: 0.0 for task in tasks}, []
    for turn in range(rounds):
        for task in tasks:
            peaks[task.precision] = max(peaks[task.precision], matrix_rate(task))
        with OtherWork() as work:
            for player in reversed(players) if turn % 2 else players:
                if not player.failed:
                    player.turn(steps)
        others.append(work.share)
    return peaks, others


def table(ways: Sequence[Way], players: Sequence[Player], peaks: dict[str, float]) -> list[list[str]]:
    """A line for every way."""
    lines = [["way", "tokens/s", "a turn", "x Trainer", "of bare", "FLOP/s", "first", "memory"]]
    rates = {
        player.name: _rates(player, way.task) for way, player in zip(ways, players, strict=True) if not player.failed
    }
    base = rates.get(ways[0].name)
    for way, player in zip(ways, players, strict=True):
        if player.failed:
            lines.append([player.name, player.failed])
            continue
        # Compiled or not: a trainer may take whichever is faster here.
        bare = max(
            (
                rates[one.name]
                for one in ways
                if one.program == BARE and one.task.precision == way.task.precision and one.name in rates
            ),
            key=sum,
            default=None,
        )
        whole = way.task.tokens_per_step * sum(player.steps) / sum(player.seconds)
        lines.append(
            [
                player.name,
                f"{whole:,.0f}",
                spread(rates[player.name], 0),
                "-" if base is None else spread(ratios(rates[player.name], base)),
                "-" if bare is None else spread(ratios(rates[player.name], bare)),
                f"{whole * flops_of(way.task) / peaks[way.task.precision]:.0%}",
                f"{player.first:.1f} s",
                f"{player.peak_memory / 2**20:,.0f} MiB",
            ]
        )
    return lines


def _rates(player: Player, task: Task) -> list[float]:
    return [task.tokens_per_step * steps / seconds for steps, seconds in zip(player.steps, player.seconds, strict=True)]


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", type=Path, metavar="TEXT")
    parser.add_argument("--size", default="gpt2" if device() == "cuda" else "small", help="a size of GPT-2 by name")
    parser.add_argument("--batch", type=int, default=32 if device() == "cuda" else 16)
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--precisions", nargs="+", default=precisions(), choices=["float32", "bfloat16"])
    parser.add_argument("--ways", nargs="+", default=[], help="parts of the names of the ways")
    parser.add_argument("--compile", action="store_true", help="compiled ways too")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--turn", type=float, default=5.0, help="seconds of a turn")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", type=Path, help="where every single figure is written")
    return parser.parse_args()


def precisions() -> list[str]:
    """Those that people train in on this machine, the base of the table first."""
    if device() == "cuda":
        return ["bfloat16"]
    return ["float32", "bfloat16"] if has_bfloat16(torch.device("cpu")) else ["float32"]


def main() -> None:
    """Print the table."""
    given = arguments()
    torch.set_num_threads(given.threads)
    print(machine("transformers", "accelerate"))
    with tempfile.TemporaryDirectory() as temporary:
        first = prepare(
            Path(temporary),
            given.texts,
            vocabulary=given.vocabulary,
            size=given.size,
            batch_size=given.batch,
            steps=MOST_STEPS,
            precision=given.precisions[0],
        )
        tasks = [replace(first, precision=precision) for precision in given.precisions]
        seconds = step_seconds(first)
        count = sum(wanted(way, given) for task in tasks for way in ways_of(task, {}))
        lean: dict[str, object] = {
            "steps": MOST_STEPS,
            "batch_size": given.batch,
            "optimiser": "adamw",
            "evaluate_every": max(1, round(BETWEEN_LOOKS / seconds)),
            # It looks at the clock on the wall, which goes on while others have their turns.
            "checkpoint_every_seconds": BETWEEN_LOOKS * count,
        }
        ways = [way for task in tasks for way in ways_of(task, lean) if wanted(way, given)]
        players = [way.start(way.name) for way in ways]
        for player in players:
            if not player.failed:
                player.warm_up(2)
        steps = max(1, round(given.turn / seconds))
        peaks, others = measure(players, steps, given.rounds, tasks)
        for player in players:
            player.end()
        products = ", ".join(f"{peak / 1e9:,.0f} GFLOP/s in {precision}" for precision, peak in peaks.items())
        print(
            f"\nGPT-2 {given.size}, {first.lean_model().parameter_count():,} weights, {first.tokens_per_step:,} tokens "
            f"a step in windows of {first.window}: {given.rounds} rounds of {steps} steps; a matrix product does "
            f"{products}; others took {spread(others)} of the machine\n\n"
            f"{rendered(table(ways, players, peaks), markdown=given.markdown)}"
        )
    if given.json is not None:
        figures = {
            player.name: {"seconds": player.seconds, "steps": player.steps, "failed": player.failed}
            for player in players
        }
        given.json.write_text(
            json.dumps({"machine": machine("transformers"), "ways": figures}, indent=1) + "\n", "utf-8"
        )


if __name__ == "__main__":
    main()
