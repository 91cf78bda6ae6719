"""What zaoju asks of every runner, checked on this one; and what the trainer leaves and refuses."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from zaoju_ngram.counts import count_ngrams
from zaoju_ngram.model import NgramModel
from zaoju_ngram.options import NgramOptions
from zaoju_ngram.runner import NgramRunner
from zaoju_ngram.smoothing import smooth
from zaoju_ngram.trainer import NgramTrainer

from zaoju import ArtefactError, Runner, TrainingRun, UserError
from zaoju.contracts import ModelPlan
from zaoju.testing import RunnerContract
from zaoju.tokenization import PackedTokens

SIZE, CONTEXT = 60, 40


@cache
def model() -> NgramModel:
    rng = np.random.default_rng(7)
    # A walk with a drift: what comes next depends on the last two tokens.
    tokens = [0]
    for _ in range(6000):
        last, before = tokens[-1], tokens[-2] if len(tokens) > 1 else 0
        tokens.append(int((3 * last + before + rng.integers(0, 4)) % SIZE))
    return smooth(list(count_ngrams(np.array([*tokens, 0], dtype=np.uint16), 0, SIZE, 4)), SIZE)


class TestContract(RunnerContract):
    """The kit for runners, with the model itself as the reference."""

    component = "ngram"

    def open(self) -> Runner:
        with TemporaryDirectory() as folder:
            model().save(Path(folder))
            described = f'{{"format": 1, "runner": "ngram", "context_length": {CONTEXT}}}'
            (Path(folder) / "zaoju.json").write_text(described, encoding="utf-8")
            return NgramRunner.open(Path(folder))

    def reference(self, tokens: Sequence[int]) -> torch.Tensor | None:
        return torch.from_numpy(model().log_probabilities(tokens)).float()


def test_a_folder_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="no n-gram model"):
        NgramRunner.open(tmp_path)
    model().save(tmp_path)
    with pytest.raises(ArtefactError, match="how long a text may be"):
        NgramRunner.open(tmp_path)


def run_on(folder: Path, monkeypatch: pytest.MonkeyPatch, learned: list[bool] | None) -> TrainingRun:
    """A run on the text 1 2 3 4, of which some tokens are to be learned."""
    tokens = np.array([1, 2, 3, 4, 0], dtype=np.uint16)
    counts = None if learned is None else np.array(learned)
    packed = PackedTokens(tokens, np.array([5], dtype=np.uint64), "of no tokenizer", SIZE, counts)
    monkeypatch.setattr(PackedTokens, "open", lambda folder: packed)
    return TrainingRun(
        model=ModelPlan("gpt2", {}, SIZE, 0),
        train=folder / "train",
        held_out=folder / "train",
        checkpoints=folder / "checkpoints",
        artefact=folder / "model",
        seed=1,
        device="cpu",
        emit=lambda event: None,
        observe=lambda step, model: 0.0,
        cancel=threading.Event(),
    )


def test_the_answers_of_conversations_are_counted_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, learned in (("all", None), ("answers", [False, False, True, True, True])):
        (tmp_path / name).mkdir()
        NgramTrainer(NgramOptions()).train(run_on(tmp_path / name, monkeypatch, learned))
    both, answers = (NgramModel.load(tmp_path / name / "model") for name in ("all", "answers"))
    first = np.exp(both.log_probabilities([0])), np.exp(answers.log_probabilities([0]))
    assert first[0][1] > 2 * first[1][1], "1 begins the text, and is asked"
    third = np.exp(both.log_probabilities([0, 1, 2])), np.exp(answers.log_probabilities([0, 1, 2]))
    assert third[0][3] > 0.3 and third[1][3] > 0.3, "3 follows from 2, and is answered"


def test_conversations_without_an_answer_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_on(tmp_path, monkeypatch, [False] * 5)
    trainer = NgramTrainer(NgramOptions())
    for act in (trainer.preflight, trainer.train):
        with pytest.raises(UserError, match="none has an answer to learn"):
            act(run)
