"""The initialiser `similar_tokens`: counts of neighbours, their space, the weights, and the rows that come of them."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju import Initialiser, NewTokens, PluginManager
from zaoju_builtin.initialisers import company
from zaoju_builtin.initialisers.company import company_in, vectors
from zaoju_builtin.initialisers.similar import sparsemax

OLD = 20
FIRST_NEW = OLD
documents_of_ids = st.lists(st.lists(st.integers(0, 9), max_size=30), max_size=8)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(documents_of_ids, st.integers(1, 6), st.integers(1, 60), st.integers(1, 20))
def test_neighbours_are_counted_within_documents(
    documents: list[list[int]], window: int, most: int, block: int
) -> None:
    """As by two loops, wherever the blocks end."""
    expected: Counter[tuple[int, int]] = Counter()
    left = most
    for ids in documents:
        ids, left = ids[: max(left, 0)], left - len(ids)
        for (i, one), (j, other) in combinations(enumerate(ids), 2):
            if j - i <= window:
                expected[one, other] += 1
                expected[other, one] += 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(company, "_BLOCK", block)
        found = company_in(documents, 10, window, most)
    pairs = dict(zip(zip(found.tokens.tolist(), found.others.tolist(), strict=True), found.counts, strict=True))
    assert pairs == dict(expected)
    read = [token for ids in documents for token in ids][:most]
    assert found.frequencies.tolist() == [read.count(token) for token in range(10)]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=12))
def test_sparsemax_is_the_nearest_point_of_the_simplex(scores: list[float]) -> None:
    """Its optimality conditions: what is above the threshold is lowered by one amount, the rest is 0."""
    given_scores = torch.tensor([scores])
    [weights] = sparsemax(given_scores)
    assert float(weights.sum()) == pytest.approx(1, abs=1e-5)
    assert bool((weights >= 0).all())
    lowered = given_scores[0] - weights
    threshold = float(lowered[weights > 0].max())
    assert lowered[weights > 0].tolist() == pytest.approx([threshold] * int((weights > 0).sum()), abs=1e-5)
    assert bool((given_scores[0][weights == 0] <= threshold + 1e-5).all())


def test_sparsemax_leaves_the_far_ones_out() -> None:
    assert sparsemax(torch.tensor([[0.9, 0.8, -0.5], [1.0, -1.0, -1.0]])).tolist() == [
        pytest.approx([0.55, 0.45, 0.0]),
        pytest.approx([1.0, 0.0, 0.0]),
    ]


def test_the_space_has_the_singular_vectors_of_the_information() -> None:
    """By a dense decomposition: cosines of its rows, whose signs are free."""
    draw = random.Random(2)
    found = company_in([[draw.randrange(12) * draw.randrange(2) for _ in range(200)] for _ in range(3)], 12, 2, 10_000)
    dense = np.zeros((12, 12))
    dense[found.tokens, found.others] = np.maximum(company._mutual_information(found), 0)
    left, values, _ = np.linalg.svd(dense)
    exact = torch.from_numpy((left * np.sqrt(values))[:, :4]).float()
    exact = torch.nn.functional.normalize(exact, dim=1)
    made = vectors(found, 4, seed=1)
    assert torch.allclose(made @ made.T, exact @ exact.T, atol=1e-3)


def corpus(twin: int) -> list[list[int]]:
    """Sentences of old tokens, each kind in a company of its own; the first new token is half of one kind."""
    draw = random.Random(4)
    made = []
    for number in range(600):
        kind = draw.randrange(5, 10)
        word = FIRST_NEW if kind == twin and number % 2 else kind
        made.append([2 * kind, word, 2 * kind + 1, draw.randrange(5)])
    return made


def rows_after(documents: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    matrix = torch.randn(OLD, 16, generator=torch.Generator().manual_seed(3))
    tokens = NewTokens(((1, 2), (2, 3), (4, 4)), (), 1, lambda: documents)
    made = PluginManager.discover().resolve("initialiser", "similar_tokens", {"width": 12}).build(Initialiser)
    return matrix, made.rows(matrix.clone(), tokens)


@pytest.mark.parametrize("twin", [5, 7, 9])
def test_a_new_token_gets_the_row_of_the_old_one_that_is_used_like_it(twin: int) -> None:
    matrix, rows = rows_after(corpus(twin))
    near = torch.nn.functional.cosine_similarity(rows[:1], matrix)
    assert int(near.argmax()) == twin
    assert float(near.max()) > 0.8


def test_a_token_that_the_corpus_lacks_gets_the_mean_of_its_parts() -> None:
    matrix, rows = rows_after(corpus(7))
    assert torch.allclose(rows[1], matrix[[2, 3]].mean(dim=0))
    # One that would equal an old row is moved apart a little.
    assert not torch.equal(rows[2], matrix[4])
    assert torch.allclose(rows[2], matrix[4], atol=0.1)
