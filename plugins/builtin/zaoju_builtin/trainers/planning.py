"""What the builtin trainers agree on: the order of the data, the budget, and what makes two runs the same."""

from __future__ import annotations

from zaoju.contracts import TrainingRun
from zaoju.errors import UserError
from zaoju.tokenization import PackedTokens
from zaoju.training import (
    Batches,
    Budget,
    Counters,
    DocumentBatches,
    PackedBatches,
    count_looks,
    count_processes,
)
from zaoju_builtin.trainers.options import DEFAULT_MINUTES, LeanOptions, TrainerOptions

_LARGEST_DEFAULT_WINDOW = 1024

_DECIDES_NO_WEIGHT = {
    "checkpoint_every_seconds",
    "save_in_background",
    "on_bad_loss",
    "most_roll_backs",
    "windows_per_step",
    "sharding",
    "compile",
}
"""Options that a run may go on with others of. How weights are divided and what is compiled change how numbers round,
as the number of processes does, and are told with that. What happens after a bad loss decides nothing before there is
one; the windows of a step are in batch_size and accumulate."""


def make_batches(run: TrainingRun, options: TrainerOptions, context: int) -> Batches:
    """The data of a run for a model that looks back `context` tokens: the same for every trainer."""
    window = min(options.window or _LARGEST_DEFAULT_WINDOW, context)
    packed, size = PackedTokens.open(run.train), options.batch_size
    assert isinstance(size, int), "the trainer has chosen one"
    # An answer without its question teaches little, and other conversations before it nothing at all.
    windows = options.windows or ("packed" if packed.counts is None else "documents")
    if windows == "packed":
        return PackedBatches(packed, window=window, batch_size=size, seed=run.seed)
    end, passes = run.model.end_of_text, options.accumulate
    return DocumentBatches(packed, window=window, batch_size=size, end_of_text=end, seed=run.seed, passes=passes)


def check_processes(batches: Batches, options: LeanOptions) -> None:
    """Raise `UserError` where a training with these options cannot be shared by the processes that there are."""
    processes = count_processes()
    if batches.batch_size < processes:
        raise UserError(
            f"a batch of {batches.batch_size} windows cannot be shared by {processes} processes: start no more "
            "processes than that, or set trainer.batch_size higher (where the text is long enough)"
        )
    if processes > 1 and options.new_rows_first:
        raise UserError(
            "trainer.new_rows_first needs one process, since those that train together agree once on the weights "
            "that are trained: set it to 0, or train without torchrun"
        )


def budget_of(options: TrainerOptions) -> Budget:
    """How long to train: what was asked for, or the default."""
    budget = Budget(options.steps, options.epochs, options.minutes)
    return Budget(minutes=DEFAULT_MINUTES) if budget == Budget() else budget


def steps_between_looks(options: TrainerOptions, counters: Counters) -> int:
    """How many steps lie between two looks at held-out text."""
    looks = counters.looks or count_looks(budget_of(options), None)
    return -(-counters.steps // looks) if options.evaluate_every == "auto" else options.evaluate_every


def steps_between_reports(device: str) -> int:
    """How many steps are told of at once: on an accelerator a look at the loss waits for the device."""
    return 1 if device == "cpu" else 10


def identity_of(trainer: str, run: TrainingRun, options: TrainerOptions, batches: Batches) -> dict[str, object]:
    """All that decides the weights, as JSON."""
    return {
        "trainer": trainer,
        **options.model_dump(mode="json", exclude=_DECIDES_NO_WEIGHT),
        # Where the option leaves it open, what was chosen counts.
        "windows": "packed" if isinstance(batches, PackedBatches) else "documents",
        "seed": run.seed,
        "architecture": run.model.architecture,
        "numbers": dict(run.model.numbers),
        "vocabulary_size": run.model.vocabulary_size,
        "first_new": run.model.first_new,
        "init_from": None if run.model.init_from is None else str(run.model.init_from),
        "windows_in_epoch": batches.windows,
    }


def check_identity(run: TrainingRun, now: dict[str, object], counters: Counters, options: TrainerOptions) -> None:
    """Raise `UserError` where the checkpoint with these `counters` is of another run than `now`.

    An option that did not exist when the checkpoint was made had its default: a new one changes no old training.
    """
    defaults = type(options)().model_dump(mode="json")
    then = {**{name: defaults[name] for name in now if name in defaults}, **counters.identity}
    different = [
        f"{name} was {then.get(name)!r} and is {now.get(name)!r}"
        for name in sorted({*now, *then})
        if now.get(name) != then.get(name)
    ]
    if different:
        raise UserError(
            f"the checkpoints in {run.checkpoints} are of another run: {'; '.join(different)}. "
            "Set these back to go on, or remove that folder to begin again"
        )
