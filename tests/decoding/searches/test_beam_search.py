"""Beam search and diverse beam search on models of a few tokens."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from beam_reference import every_text, reference
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from search_driver import Found, HashModel, Task, log_probability, plain, run

from zaoju_builtin.decoding.searches.beam import Beam
from zaoju_builtin.decoding.searches.diverse_beam import DiverseBeam
from zaoju_builtin.decoding.searches.options import BeamOptions, DiverseBeamOptions

EarlyStopping = Literal[True, False, "never"]
MODES: list[EarlyStopping] = [True, False, "never"]


def beam(task: Task, beams: int, length_penalty: float = 1.0, early_stopping: EarlyStopping = False) -> Found:
    options = BeamOptions(beams=beams, length_penalty=length_penalty, early_stopping=early_stopping)
    return run(Beam(options), task)


@pytest.mark.parametrize(("vocabulary_size", "room"), [(2, 7), (3, 5), (5, 3), (13, 2), (200, 1)])
@pytest.mark.parametrize("length_penalty", [-1.0, 0.0, 0.7, 1.0, 2.0])
def test_as_wide_as_there_are_texts_it_finds_the_best_of_all(
    vocabulary_size: int, room: int, length_penalty: float
) -> None:
    for seed in range(3):
        task = Task(HashModel(vocabulary_size, seed=seed), room, stops=[(1, 1)])
        scores = {
            tokens: log_probability(task, tokens) / len(tokens) ** length_penalty
            for tokens in every_text(task, vocabulary_size)
        }
        for early_stopping in MODES:
            found = beam(task, vocabulary_size**room, length_penalty, early_stopping)
            assert found.tokens == max(scores, key=lambda tokens: scores[tokens])
            assert found.whole == pytest.approx(scores), "every text is whole once, with its own score"


def test_one_beam_is_greedy() -> None:
    for seed in range(40):
        task = Task(HashModel(6, seed=seed, coarse=seed % 2 == 0), 8, stops=[(2, 3)])
        assert beam(task, 1).tokens == beam(task, 1, early_stopping=True).tokens == plain(task)


texts = st.builds(
    Task,
    model=st.builds(
        HashModel,
        vocabulary_size=st.integers(2, 7),
        spread=st.sampled_from([0.0, 0.7, 3.0]),
        seed=st.integers(0, 10**6),
        coarse=st.booleans(),
    ),
    room=st.integers(1, 7),
    end=st.sampled_from([0, 1, -1]),
    stops=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=2).map(tuple), max_size=3),
    chain=st.sampled_from([lambda logits: logits, lambda logits: _keep_two(logits), lambda logits: logits / 3]),
)


def _keep_two(logits: torch.Tensor) -> torch.Tensor:
    """A chain that leaves two tokens, so there are fewer candidates than beams."""
    return logits.masked_fill(logits < logits.topk(2, dim=1).values[:, -1:], float("-inf"))


rules = {
    "length_penalty": st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.0, 3.0]),
    "early_stopping": st.sampled_from(MODES),
}


@settings(max_examples=250, deadline=None, derandomize=True)
@given(task=texts, beams=st.integers(1, 6), **rules)
def test_beam_equals_the_plain_reference(
    task: Task, beams: int, length_penalty: float, early_stopping: EarlyStopping
) -> None:
    found = beam(task, beams, length_penalty, early_stopping)
    assert found.whole == pytest.approx(reference(task, beams, length_penalty, early_stopping))
    assert found.score == pytest.approx(log_probability(task, found.tokens) / len(found.tokens) ** length_penalty)


def test_where_most_tokens_end_the_text_enough_others_are_found() -> None:
    """Two candidates for each beam, one of which could end, are not enough to look at."""
    for seed in range(30):
        task = Task(HashModel(12, seed=seed), 4, stops=[(token,) for token in range(1, 10)])
        assert beam(task, 3).whole == pytest.approx(reference(task, 3, 1.0, False))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    task=texts,
    size=st.integers(1, 3),
    groups=st.integers(1, 3),
    diversity_penalty=st.sampled_from([0.0, 0.3, 2.0, 100.0]),
    **rules,
)
def test_diverse_beam_equals_the_plain_reference(
    task: Task,
    size: int,
    groups: int,
    diversity_penalty: float,
    length_penalty: float,
    early_stopping: EarlyStopping,
) -> None:
    options = DiverseBeamOptions(
        beams=size * groups,
        beam_groups=groups,
        diversity_penalty=diversity_penalty,
        length_penalty=length_penalty,
        early_stopping=early_stopping,
    )
    expected = reference(task, size * groups, length_penalty, early_stopping, groups, diversity_penalty)
    found = run(DiverseBeam(options), task)
    assert found.whole == pytest.approx(expected)
    assert found.score == pytest.approx(log_probability(task, found.tokens) / len(found.tokens) ** length_penalty)


def test_one_group_is_beam_search_and_a_strong_penalty_gives_every_group_its_own_token() -> None:
    task = Task(HashModel(9, seed=4), 4)
    one_group = run(DiverseBeam(DiverseBeamOptions(beams=4, beam_groups=1)), task)
    assert one_group.whole == beam(task, 4).whole
    task = Task(HashModel(9, seed=4), 4, end=-1)
    alike = run(DiverseBeam(DiverseBeamOptions(beams=4, beam_groups=4, diversity_penalty=0)), task)
    apart = run(DiverseBeam(DiverseBeamOptions(beams=4, beam_groups=4, diversity_penalty=1000)), task)
    assert list(alike.whole) == [plain(task)]
    assert all(len({tokens[place] for tokens in apart.whole}) == 4 for place in range(4))
    assert apart.whole[plain(task)] == alike.score, "the penalty is no part of a score"


class TableModel:
    """Logits are the logarithms of the probabilities that stand in a table; elsewhere all are equal."""

    def __init__(self, table: dict[tuple[int, ...], list[float]]) -> None:
        self._table = table
        self._width = len(next(iter(table.values())))

    def logits(self, rows: list[tuple[int, ...]]) -> torch.Tensor:
        return torch.tensor([self._table.get(row[1:], [1 / self._width] * self._width) for row in rows]).log()

    def hidden(self, row: tuple[int, ...]) -> torch.Tensor:
        raise NotImplementedError


def test_an_end_that_is_ranked_below_the_beams_is_no_text() -> None:
    """Else a long tail of ends would fill the list of whole texts (transformers #20853)."""
    model = TableModel({(): [0.1, 0.5, 0.4], (1,): [0.1, 0.6, 0.3], (2,): [0.1, 0.5, 0.4]})
    found = beam(Task(model, 2), 2)
    assert set(found.whole) == {(1, 1), (2, 1)}, "neither (0,) nor (1, 0)"


def test_an_end_among_the_beams_is_a_text_and_frees_its_place() -> None:
    model = TableModel({(): [0.4, 0.5, 0.1], (1,): [0.0, 0.5, 0.5], (2,): [0.0, 0.9, 0.1]})
    found = beam(Task(model, 2), 2, 0.0)
    assert set(found.whole) == {(0,), (1, 1), (1, 2)}, "(2,) went on in place of the ended text"
    assert found.tokens == (0,)


def test_the_three_ways_to_stop_differ_as_they_should() -> None:
    """A poor whole text; a row that is worse at its present length, and better at last."""
    table = {(): [0.3, 0.25, 0.25, 0.2], **{(1,) * length: [0.01, 0.97, 0.01, 0.01] for length in range(1, 9)}}
    task = Task(TableModel(table), 8)
    assert beam(task, 1, 1.0, True).tokens == (0,) and beam(task, 1, 1.0, True).steps == 1
    assert beam(task, 1, 1.0, False).tokens == (0,) and beam(task, 1, 1.0, False).steps == 1
    assert beam(task, 1, 1.0, "never").tokens == (1,) * 8
    assert beam(task, 1, 0.0, "never").steps == 1, "without a length penalty no continuation can be better"


def test_ties_go_to_the_lower_row_and_then_to_the_lower_token() -> None:
    task = Task(HashModel(5, spread=0.0), 3, end=-1)
    assert beam(task, 3).whole.keys() == {(0, 0, 0), (0, 0, 1), (0, 0, 2)}
    assert beam(task, 3).tokens == (0, 0, 0)


def test_beams_are_shared_evenly_by_groups() -> None:
    with pytest.raises(ValidationError, match="5 beams cannot be shared evenly by 2 beam_groups"):
        DiverseBeamOptions(beams=5, beam_groups=2)
