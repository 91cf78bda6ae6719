"""New rows first: nothing else moves meanwhile, everything after, and a resumed run is the same run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from packed_corpus import VOCABULARY, hashes, make_run

from zaoju import Cancelled, UserError
from zaoju.contracts import Event, ModelPlan, TrainStep
from zaoju.models import GPT2, GPT2Config, load_model
from zaoju_builtin.trainers.lean import LeanTrainer
from zaoju_builtin.trainers.options import LeanOptions

FIRST_NEW = VOCABULARY - 5
STEPS = 8


def options(share: float, **others: object) -> LeanOptions:
    given = {"steps": STEPS, "batch_size": 4, "learning_rate": 0.01, "evaluate_every": 20, **others}
    return LeanOptions.model_validate({**given, "new_rows_first": share})


def base(folder: Path, *, tied: bool = True) -> Path:
    """A trained model, as far as a trainer can tell."""
    if not folder.exists():
        torch.manual_seed(4)
        numbers = {"vocab_size": VOCABULARY, "n_positions": 16, "n_embd": 16, "n_layer": 1, "n_head": 2}
        GPT2(GPT2Config.from_numbers({**numbers, "tie_word_embeddings": tied})).save(folder)
    return folder


def train(folder: Path, given: LeanOptions, *, stop_after: int | None = None, tied: bool = True) -> dict[int, float]:
    """The learning rates by step."""
    rates: dict[int, float] = {}

    def emit(event: Event) -> None:
        if isinstance(event, TrainStep):
            rates[event.step] = event.learning_rate
            if event.step == stop_after:
                run.cancel.set()

    folder.mkdir(exist_ok=True)
    plan = ModelPlan(
        "gpt2", {}, VOCABULARY, 0, init_from=base(folder.parent / f"base {tied}", tied=tied), first_new=FIRST_NEW
    )
    run = make_run(folder, emit=emit, model=plan)
    if stop_after is None:
        LeanTrainer(given).train(run)
    else:
        with pytest.raises(Cancelled):
            LeanTrainer(given).train(run)
    return rates


def moved(folder: Path, before: Path) -> dict[str, torch.Tensor]:
    """Which numbers of each weight have changed."""
    old = dict(load_model(before, "cpu").named_parameters())
    return {name: old[name] != new for name, new in load_model(folder / "model", "cpu").named_parameters()}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_new_rows_alone_move(tmp_path: Path, optimiser: str, tied: bool) -> None:
    train(tmp_path / "run", options(1.0, optimiser=optimiser, weight_decay=0.5), tied=tied)
    for name, changed in moved(tmp_path / "run", tmp_path / f"base {tied}").items():
        if name in ("transformer.wte.weight", "lm_head.weight"):
            assert not bool(changed[:FIRST_NEW].any()), name
            assert bool(changed[FIRST_NEW:].any(dim=1).all()), name
        else:
            assert not bool(changed.any()), name


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_afterwards_all_weights_move(tmp_path: Path, share: float) -> None:
    train(tmp_path / "run", options(share))
    assert all(bool(changed.any()) for changed in moved(tmp_path / "run", tmp_path / "base True").values())


def test_each_part_has_its_own_rise_and_fall(tmp_path: Path) -> None:
    rates = train(tmp_path / "run", options(0.5, new_rows_learning_rate=0.1, warmup=0.0))
    assert [rates[step] for step in (1, 5)] == [0.1, 0.01]
    assert rates[4] < 0.1 / 2


@pytest.mark.parametrize("stop_after", [2, 4, 6])
def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path, stop_after: int) -> None:
    train(tmp_path / "whole", options(0.5, accumulate=2))
    train(tmp_path / "stopped", options(0.5, accumulate=2), stop_after=stop_after)
    train(tmp_path / "stopped", options(0.5, accumulate=2))
    name = f"checkpoints/step-{STEPS:08d}"
    assert hashes(tmp_path / "whole" / name) == hashes(tmp_path / "stopped" / name)


def test_without_new_rows_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none here: set model\.init_from"):
        LeanTrainer(options(0.5)).preflight(make_run(tmp_path))
