"""Scores: the probabilities of a text that is there already."""

from __future__ import annotations

import torch

from zaoju.testing.reachable import reachable
from zaoju.testing.runners.base import RunnerChecks
from zaoju.testing.runners.trial import Trial

_LENGTHS = (2, 9, 25, 3, 2)
_TURNS = 20


class ScoreChecks(RunnerChecks):
    """`score` says of each token what the logits before it said."""

    def test_scores_are_those_of_the_logits(self, trial: Trial) -> None:
        """The natural log-probability of each token after the first: of texts of any length, and of those alike."""
        texts = [trial.text(length) for length in _LENGTHS]
        texts += [[*texts[2][:20], *trial.text(4)], list(texts[1]), texts[2][:-1]]
        _check_scores(trial, texts)
        _check_scores(trial, texts[:1])

    def test_the_longest_text_can_be_scored(self, trial: Trial) -> None:
        """One token more than a row can hold, since what follows the last one is not asked for."""
        longest = trial.text(trial.runner.context_length + 1)
        _check_scores(trial, [longest, longest[:-1], longest[:2]])

    def test_scoring_leaves_no_row(self, trial: Trial) -> None:
        """And the rows that live do not notice it."""
        rows = trial.begin(trial.text(6), trial.text(2))
        texts = [trial.text(length) for length in _LENGTHS]
        held = []
        for _ in range(_TURNS):
            trial.runner.score([list(text) for text in texts])
            held.append(reachable(trial.runner))
        assert held[-1] - held[_TURNS // 4] < _TURNS // 2, (
            f"it holds {held[-1]:,} objects after scoring {_TURNS} times, and {held[_TURNS // 4]:,} after "
            f"{_TURNS // 4} times: score() leaves no row behind"
        )
        trial.step(rows)
        trial.check_alive()


def _check_scores(trial: Trial, texts: list[list[int]]) -> None:
    trial.log.append(f"score({texts})")
    scores = trial.runner.score([list(text) for text in texts])
    assert len(scores) == len(texts), f"score() gave {len(scores)} tensors for {len(texts)} texts"
    for number, (text, score) in enumerate(zip(texts, scores, strict=True)):
        form, wanted = f"{score.dtype} {list(score.shape)}", f"{torch.float32} {[len(text) - 1]}"
        assert form == wanted, f"score() gave {form} for a text of {len(text)} tokens, and not {wanted}"
        logits = torch.stack([trial.expected(text[:end]) for end in range(1, len(text))])
        known = logits.log_softmax(dim=1)[range(len(text) - 1), text[1:]]
        trial.check_close(score, known, f"the scores of text {number}, of {len(text)} tokens,")
