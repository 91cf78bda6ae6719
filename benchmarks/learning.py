"""Held-out bits per character against time: zaoju at its defaults, and transformers.Trainer at its own and tuned.

    python benchmarks/learning.py TEXT [TEXT ...] [--size tiny] [--seconds 120] [--shares 0.33 0.4 1] [--rounds 1]
                                  [--options '{"optimiser": "muon"}'] [--vocabulary 8000] [--markdown] [--json FILE]

TEXT are text files or folders. All ways train a GPT-2 of the same shape on the same packed text, in processes of their
own that take turns. `Trainer` gets `--seconds` of its own time from its first step on, with as many steps as fit (they
are timed before), so its schedule ends when its time does; nothing is charged for its imports. zaoju gets a share of
that time as `trainer.minutes`, and is charged for all it does: timing its steps, looks, samples and checkpoints.

bits         of the first held-out documents, by one function for all; the median of the rounds (lowest..highest)
of its time  the time that zaoju took, over `Trainer`'s; what it reaches there is to be held against the tuned one's end
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from measuring import OtherWork, device, machine, rendered, spread
from taking_turns import ENDED, Player
from training_data import Task, prepare
from training_ways import lean_trainer, trainer

from zaoju.models import load_model

TUNED = {
    "cpu": {
        "per_device_train_batch_size": 8,
        "learning_rate": 2e-3,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.05,
        "weight_decay": 0.1,
        "adam_beta2": 0.98,
        "bf16": False,
    },
    "cuda": {
        "per_device_train_batch_size": 64,
        "learning_rate": 1e-3,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.05,
        "weight_decay": 0.1,
        "bf16": True,
    },
}
"""Trainer as somebody who knows it would set it for this size and time. Frozen: it is what zaoju is held against."""

TURN = 5.0
"""Seconds of a turn, about."""


@dataclass
class Learned:
    """What one way reached in every round."""

    bits: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)


def timed_steps(task: Task, arguments: dict[str, Any], seconds: float) -> int:
    """How many steps of `Trainer` fit into `seconds`."""
    player = Player.start("timing", trainer, task.device, task, arguments)
    player.warm_up(3)
    while sum(player.seconds) < TURN:
        player.turn(2)
    player.end()
    return max(1, round(seconds * sum(player.steps) / sum(player.seconds)))


def one_round(task: Task, given: argparse.Namespace, learned: dict[str, Learned]) -> None:
    """Train every way from its beginning to its end."""
    players: dict[str, Player] = {}
    most: dict[str, int | None] = {}
    runs: dict[str, Path] = {}
    for name, arguments in {"Trainer, defaults": {}, "Trainer, tuned": TUNED[task.device]}.items():
        most[name] = steps = timed_steps(task, arguments, given.seconds)
        players[name] = Player.start(name, trainer, task.device, replace(task, steps=steps), arguments)
    for share in given.shares:
        name = f"zaoju, {share:.0%} of the time"
        most[name], runs[name] = None, task.copied_run()
        own = {**given.options, "minutes": share * given.seconds / 60}
        players[name] = Player.start(name, lean_trainer, task.device, task, own, run=runs[name])
    take_turns(players, most, learned)
    for name, player in players.items():
        if name not in runs:
            player.end()
            continue
        # The folder of a stage bears a key of what went into it.
        [folder] = runs[name].glob("stages/train-*/model")
        model = load_model(folder, task.device)
        learned[name].bits.append(task.score(model))


def take_turns(players: dict[str, Player], most: dict[str, int | None], learned: dict[str, Learned]) -> None:
    """Let all go on until each has done its steps, or has ended by itself."""
    under_way = list(players)
    while under_way:
        for name in list(under_way):
            player, told = players[name], learned[name]
            done, limit = sum(player.steps), most[name]
            speed = done / sum(player.seconds) if done else 2 / TURN
            steps = max(1, round(speed * TURN))
            player.turn(steps if limit is None else min(steps, limit - done))
            if player.failed not in ("", ENDED):
                raise SystemExit(f"{name}: {player.failed}")
            spent = sum(player.seconds) + (player.before if limit is None else 0.0)
            over = player.failed == ENDED or sum(player.steps) == limit
            if over:
                told.seconds.append(spent)
                if limit is not None:
                    told.steps.append(limit)
                    told.bits.append(player.look())
                under_way.remove(name)


def table(learned: dict[str, Learned]) -> list[list[str]]:
    """A line for every way."""
    lines = [["way", "steps", "seconds", "of its time", "bits per character", "less than tuned"]]
    tuned = learned["Trainer, tuned"]
    for name, one in learned.items():
        lines.append(
            [
                name,
                spread([float(steps) for steps in one.steps], 0),
                spread(one.seconds, 0),
                spread([mine / its for mine, its in zip(one.seconds, tuned.seconds, strict=True)]),
                spread(one.bits, 3),
                spread([its - mine for mine, its in zip(one.bits, tuned.bits, strict=True)], 3),
            ]
        )
    return lines


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="+", type=Path, metavar="TEXT")
    parser.add_argument("--size", default="medium" if device() == "cuda" else "tiny", help="a size of GPT-2 by name")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--shares", nargs="+", type=float, default=[1 / 3, 0.4, 1.0])
    parser.add_argument("--options", type=json.loads, default={}, help="zaoju's trainer beyond its defaults, as JSON")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", type=Path, help="where every single figure is written")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    given = arguments()
    torch.set_num_threads(given.threads)
    print(machine("transformers", "accelerate"))
    names = ["Trainer, defaults", "Trainer, tuned", *(f"zaoju, {share:.0%} of the time" for share in given.shares)]
    learned = {name: Learned() for name in names}
    with tempfile.TemporaryDirectory() as temporary:
        task = prepare(
            Path(temporary), given.texts, vocabulary=given.vocabulary, size=given.size, batch_size=8, steps=1_000_000
        )
        with OtherWork() as work:
            for _ in range(given.rounds):
                one_round(task, given, learned)
        print(
            f"\nGPT-2 {given.size}, {task.lean_model().parameter_count():,} weights, windows of {task.window}; "
            f"{given.rounds} rounds; others took {work.share:.0%} of the machine\n\n"
            f"{rendered(table(learned), markdown=given.markdown)}"
        )
    if given.json is not None:
        figures = {name: asdict(one) for name, one in learned.items()}
        given.json.write_text(
            json.dumps({"machine": machine("transformers"), "ways": figures}, indent=1) + "\n", "utf-8"
        )


if __name__ == "__main__":
    main()
