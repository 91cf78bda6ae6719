"""What zaoju asks of every runner, checked on this one; and what the trainer leaves and refuses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from zaoju_ngram.counts import count_ngrams
from zaoju_ngram.model import NgramModel
from zaoju_ngram.runner import NgramRunner
from zaoju_ngram.smoothing import smooth

from zaoju import ArtefactError, Runner
from zaoju.testing import RunnerContract

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
