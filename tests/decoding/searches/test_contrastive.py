"""Contrastive search against the formula, computed from the whole text anew for each candidate."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from search_driver import HashModel, Task, TinyModel, Tokens, plain, run
from tiny_gpt2 import TinyGPT2

from zaoju_builtin.decoding.searches.contrastive import Contrastive
from zaoju_builtin.decoding.searches.options import ContrastiveOptions


def contrastive(task: Task, alpha: float, top_k: int) -> Tokens:
    return run(Contrastive(ContrastiveOptions(contrastive_alpha=alpha, contrastive_top_k=top_k)), task).tokens


def reference(task: Task, alpha: float, top_k: int) -> Tokens:
    """Su et al., equation 5, one candidate at a time."""
    text: Tokens = ()
    while len(text) < task.room and not (text and task.ends(text)):
        logits = task.chain(task.model.logits([task.prompt + text]))[0]
        probability = logits.softmax(0).tolist()
        ranked = sorted(range(len(probability)), key=lambda token: (-float(logits[token]), token))
        scores = {}
        for token in [token for token in ranked if logits[token] > -torch.inf][:top_k]:
            *before, newest = task.model.hidden((*task.prompt, *text, token))
            likeness = max(float(torch.cosine_similarity(newest, other, dim=0)) for other in before)
            scores[token] = (1 - alpha) * probability[token] - alpha * likeness
        text = (*text, max(scores, key=lambda token: scores[token]))
    return text


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("end", [0, -1], ids=["may end", "never ends"])
def test_a_real_model(alpha: float, end: int) -> None:
    texts = []
    for seed in range(4):
        task = Task(TinyGPT2(seed, 40), 10, (1 + seed, 2, 3), end=end)
        texts.append(contrastive(task, alpha, 4))
        assert texts[-1] == reference(task, alpha, 4)
    if alpha > 0.5 and end < 0:
        kinds = [len(set(text)) for text in texts]
        greedy = [len(set(plain(Task(TinyGPT2(seed, 40), 10, (1 + seed, 2, 3), end=end)))) for seed in range(4)]
        assert sum(kinds) > sum(greedy), "fewer repetitions are what it is for"


models = st.builds(
    HashModel,
    vocabulary_size=st.integers(1, 9),
    seed=st.integers(0, 10**6),
    coarse=st.booleans(),
    spread=st.sampled_from([0.5, 2.0, 60.0]),
)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    model=models,
    room=st.integers(1, 7),
    top_k=st.integers(1, 6),
    alpha=st.sampled_from([0.0, 0.4, 1.0]),
    stops=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple), max_size=2),
)
def test_any_table(model: TinyModel, room: int, top_k: int, alpha: float, stops: list[Tokens]) -> None:
    def two_removed(logits: torch.Tensor) -> torch.Tensor:
        return logits.index_fill(1, torch.arange(1, min(3, logits.shape[1])), float("-inf"))

    for chain in (lambda logits: logits, two_removed):
        task = Task(model, room, stops=stops, chain=chain)
        text = contrastive(task, alpha, top_k)
        assert text == reference(task, alpha, top_k)
        assert alpha > 0 or text == plain(task), "with alpha 0 it is greedy"
        assert top_k > 1 or text == plain(task), "with one candidate too"
