"""Training side by side: zaoju's trainer, bare loops, and transformers.Trainer, on the same text in one run.

    python benchmarks/training.py [TEXT ...] [--size mini] [--batch 16] [--vocabulary 8000] [--precision float32]
                                  [--ways Trainer bare ...] [--compile] [--rounds 6] [--turn 5] [--markdown]
                                  [--json FILE]

TEXT are text files or folders; without any, a grammar's stories. Every way has a process of its own, and they take
turns, so that other work on the machine hits all of them alike. zaoju's trainer runs whole: it logs every step, and
looks at held-out text, writes a sample and saves a checkpoint about every 30 seconds of its own time, as by default.

tokens/s     the tokens that went in over all time of all turns
a turn       the same, turn by turn: median (lowest..highest)
x Trainer    median of the ratios of a turn's tokens/s to `transformers.Trainer` in the same round (lowest..highest)
of bare      tokens/s over that of the bare loop over the same module, compiled or not, whichever is faster
FLOP/s       6 N + 12 layers width length for each token (Chowdhery et al., 2022, PaLM, appendix B), N without places,
             over those of one large matrix product, the best of all rounds
first        seconds of the first two steps, where compiling falls; not in the other figures
memory       the peak of the process, or of the GPU
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from measuring import OtherWork, device, machine, ratios, rendered, spread, wait_for
from taking_turns import Player
from training_data import Task, prepare
from training_ways import bare_lean_loop, lean_trainer, plain_loop, trainer

BASE = "transformers.Trainer"
BARE = "bare lean loop"
BETWEEN_LOOKS = 30.0
"""Seconds of a way's own time between two looks at held-out text, and between two checkpoints."""

MOST_STEPS = 1_000_000
"""More than there will be turns for."""


Start = Callable[[], Player]


def all_ways(task: Task, lean: dict[str, object]) -> dict[str, Start]:
    """What can be measured, by name; none is started yet."""
    place, ways = task.device, {}
    for name, program, compiling in (
        (BASE, trainer, {"torch_compile": True}),
        ("loop over transformers", plain_loop, True),
        (BARE, bare_lean_loop, True),
    ):
        plain: object = {} if program is trainer else False
        ways[name] = partial(Player.start, name, program, place, task, plain)
        ways[f"{name}, compiled"] = partial(Player.start, f"{name}, compiled", program, place, task, compiling)
    ways["zaoju lean"] = partial(Player.start, "zaoju lean", lean_trainer, place, task, lean, run=task.folder / "run")
    return ways


def wanted(name: str, given: argparse.Namespace) -> bool:
    """Whether a way is to be measured; the base always is."""
    if given.ways:
        return name == BASE or any(part.lower() in name.lower() for part in given.ways)
    return given.compile or "compiled" not in name


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


def flops_per_token(task: Task) -> float:
    """Of the forward and the backward pass together."""
    model = task.lean_model()
    places = task.window * model.width
    return 6 * (model.parameter_count() - places) + 12 * model.layers * model.width * task.window


def measure(players: list[Player], steps: int, rounds: int, task: Task) -> tuple[list[float], list[float]]:
    """Let all take turns; the rates of the matrix product, and the shares that others took, by round."""
    rates, others = [], []
    for turn in range(rounds):
        rates.append(matrix_rate(task))
        with OtherWork() as work:
            for player in reversed(players) if turn % 2 else players:
                if not player.failed:
                    player.turn(steps)
        others.append(work.share)
    return rates, others


def table(players: list[Player], task: Task, peak: float) -> list[list[str]]:
    """A line for every way."""
    lines = [["way", "tokens/s", "a turn", "x Trainer", "of bare", "FLOP/s", "first", "memory"]]
    rates = {player.name: _rates(player, task) for player in players if not player.failed}
    # Compiled or not: a trainer may take whichever is faster here.
    bare = max((name for name in rates if name.startswith(BARE)), key=lambda name: sum(rates[name]), default=BARE)
    for player in players:
        if player.failed:
            lines.append([player.name, player.failed])
            continue
        whole = task.tokens_per_step * sum(player.steps) / sum(player.seconds)
        lines.append(
            [
                player.name,
                f"{whole:,.0f}",
                spread(rates[player.name], 0),
                spread(ratios(rates[player.name], rates[BASE])) if BASE in rates else "-",
                spread(ratios(rates[player.name], rates[bare])) if bare in rates else "-",
                f"{whole * flops_per_token(task) / peak:.0%}",
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
    parser.add_argument("--precision", default="bfloat16" if device() == "cuda" else "float32")
    parser.add_argument("--ways", nargs="+", default=[], help="parts of the names of the ways")
    parser.add_argument("--compile", action="store_true", help="compiled ways too")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--turn", type=float, default=5.0, help="seconds of a turn")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", type=Path, help="where every single figure is written")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    given = arguments()
    torch.set_num_threads(given.threads)
    print(machine("transformers", "accelerate"))
    with tempfile.TemporaryDirectory() as temporary:
        task = prepare(
            Path(temporary),
            given.texts,
            vocabulary=given.vocabulary,
            size=given.size,
            batch_size=given.batch,
            steps=MOST_STEPS,
            precision=given.precision,
        )
        seconds = step_seconds(task)
        names = [name for name in all_ways(task, {}) if wanted(name, given)]
        lean: dict[str, object] = {
            "steps": MOST_STEPS,
            "batch_size": given.batch,
            "precision": given.precision,
            "evaluate_every": max(1, round(BETWEEN_LOOKS / seconds)),
            # It looks at the clock on the wall, which goes on while others have their turns.
            "checkpoint_every_seconds": BETWEEN_LOOKS * len(names),
        }
        ways = all_ways(task, lean)
        players = [ways[name]() for name in names]
        for player in players:
            if not player.failed:
                player.warm_up(2)
        steps = max(1, round(given.turn / seconds))
        peaks, others = measure(players, steps, given.rounds, task)
        for player in players:
            player.end()
        peak = max(peaks)
        print(
            f"\nGPT-2 {given.size}, {task.lean_model().parameter_count():,} weights, {task.tokens_per_step:,} tokens a "
            f"step in windows of {task.window}, {task.precision}: {given.rounds} rounds of {steps} steps; a matrix "
            f"product does {peak / 1e9:,.0f} GFLOP/s; others took {spread(others)} of the machine\n\n"
            f"{rendered(table(players, task, peak), markdown=given.markdown)}"
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
