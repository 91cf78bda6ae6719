"""The model against a slow one that is written from the formulas alone, and what every n-gram model must be."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zaoju_ngram.counts import count_ngrams
from zaoju_ngram.model import FILE, NgramModel
from zaoju_ngram.smoothing import smooth

from zaoju import ArtefactError

END, SIZE = 0, 12

documents_of_tokens = st.lists(st.lists(st.integers(1, SIZE - 2), min_size=1, max_size=12), min_size=1, max_size=30)
documents_partly_learned = st.lists(
    st.lists(st.tuples(st.integers(1, SIZE - 2), st.booleans()), min_size=1, max_size=12), min_size=1, max_size=30
)
"""Tokens, and for each whether it is to be learned."""


def packed(documents: list[list[int]]) -> np.ndarray:
    return np.array([token for document in documents for token in [*document, END]], dtype=np.uint16)


def trained(documents: list[list[int]], order: int = 4, learned: list[list[bool]] | None = None) -> NgramModel:
    flags = None if learned is None else np.array([flag for document in learned for flag in document])
    return smooth(list(count_ngrams(packed(documents), END, SIZE, order, flags)), SIZE)


def parted(documents: list[list[tuple[int, bool]]]) -> tuple[list[list[int]], list[list[bool]]]:
    """The tokens, and which of them and of the ends after them are learned: an end is where the token before it is."""
    tokens = [[token for token, _ in document] for document in documents]
    return tokens, [[*(flag for _, flag in document), document[-1][1]] for document in documents]


class Slow:
    """Interpolated modified Kneser-Ney with dictionaries of tuples."""

    def __init__(self, documents: list[list[int]], order: int, learned: list[list[bool]] | None = None) -> None:
        texts = [[END, *document, END] for document in documents]
        flags = [[True] * len(text) for text in texts] if learned is None else [[False, *flags] for flags in learned]
        self.order = min(order, max(map(len, texts)))
        raw = {
            n: Counter(
                tuple(text[end - n : end])
                for text, counts in zip(texts, flags, strict=True)
                for end in range(n, len(text) + 1)
                if counts[end - 1]
            )
            for n in range(1, self.order + 1)
        }
        self.counts: dict[int, dict[tuple[int, ...], int]] = {self.order: dict(raw[self.order])}
        for n in range(1, self.order):
            before: dict[tuple[int, ...], int] = Counter(gram[1:] for gram in raw[n + 1])
            begins = {gram: number for gram, number in raw[n].items() if n > 1 and gram[0] == END}
            self.counts[n] = {**before, **begins}
        self.discounts = {n: self._discounts(list(self.counts[n].values())) for n in self.counts}
        self.after: dict[tuple[int, ...], dict[int, int]] = defaultdict(dict)
        for counts in self.counts.values():
            for gram, number in counts.items():
                self.after[gram[:-1]][gram[-1]] = number

    @staticmethod
    def _discounts(counts: list[int]) -> list[float]:
        n1, n2, n3, n4 = (counts.count(number) for number in (1, 2, 3, 4))
        fallback = [0.0, 0.5, 1.0, 1.5]
        if not (n1 and n2 and n3):
            return fallback
        y = n1 / (n1 + 2 * n2)
        found = [0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
        return [d if 0 < d <= k else f for k, (d, f) in enumerate(zip(found, fallback, strict=True))]

    def probability(self, context: tuple[int, ...], token: int) -> float:
        below = 1 / SIZE if not context else self.probability(context[1:], token)
        after = self.after.get(context)
        if not after:
            return below
        discounts = self.discounts[len(context) + 1]
        taken = {word: discounts[min(number, 3)] for word, number in after.items()}
        total = sum(after.values())
        share = (after[token] - taken[token]) / total if token in after else 0.0
        return share + sum(taken.values()) / total * below


@settings(max_examples=60, deadline=None, derandomize=True)
@given(documents_of_tokens, st.integers(2, 5), st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=6))
def test_it_is_the_slow_model(documents: list[list[int]], order: int, context: list[int]) -> None:
    model, slow = trained(documents, order), Slow(documents, order)
    assert model.order == slow.order
    found = np.exp(model.log_probabilities(context))
    tail = tuple(context[-(model.order - 1) :])
    np.testing.assert_allclose(found, [slow.probability(tail, token) for token in range(SIZE)], rtol=1e-5)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(documents_partly_learned, st.integers(2, 5), st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=6))
def test_what_is_only_read_counts_nothing_and_is_a_context(
    documents: list[list[tuple[int, bool]]], order: int, context: list[int]
) -> None:
    tokens, learned = parted(documents)
    model, slow = trained(tokens, order, learned), Slow(tokens, order, learned)
    found = np.exp(model.log_probabilities(context))
    tail = tuple(context[-(model.order - 1) :])
    np.testing.assert_allclose(found, [slow.probability(tail, token) for token in range(SIZE)], rtol=1e-5)
    assert math.isclose(found.sum(), 1, rel_tol=1e-5) and (found > 0).all()


def test_an_answer_follows_from_its_question_which_nothing_predicts() -> None:
    """The negative control: where all is counted, the questions are."""
    documents = [[1, 2, 5, 6]] * 20 + [[3, 4, 7, 8]] * 20
    learned = [[False, False, True, True, True]] * 40
    answers, everything = trained(documents, 4, learned), trained(documents, 4)
    after_question = [np.exp(model.log_probabilities([END, 1, 2]))[5] for model in (answers, everything)]
    assert after_question == pytest.approx([1, 1], abs=0.2)
    of_questions = [np.exp(model.log_probabilities([END]))[[1, 2, 3, 4]].sum() for model in (answers, everything)]
    assert of_questions[0] < 4 / SIZE < 0.8 < of_questions[1]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(documents_of_tokens, st.lists(st.integers(0, SIZE - 1), max_size=6))
def test_probabilities_sum_to_one(documents: list[list[int]], context: list[int]) -> None:
    found = np.exp(trained(documents).log_probabilities(context))
    assert math.isclose(found.sum(), 1, rel_tol=1e-5) and (found > 0).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(documents_of_tokens, st.lists(st.integers(0, SIZE - 1), min_size=2, max_size=20))
def test_scores_are_those_of_one_token_after_the_other(documents: list[list[int]], tokens: list[int]) -> None:
    model = trained(documents)
    one_by_one = [model.log_probabilities(tokens[:end])[tokens[end]] for end in range(1, len(tokens))]
    np.testing.assert_allclose(model.score(tokens), one_by_one, rtol=1e-6)


def test_no_ngram_crosses_documents() -> None:
    levels = list(count_ngrams(packed([[1, 2], [3, 4]]), END, SIZE, 3))
    pairs = {(int(key) // SIZE, int(key) % SIZE) for key in levels[0].keys}
    assert pairs == set(pairwise([END, 1, 2, END])) | set(pairwise([END, 3, 4, END]))
    assert [level.counts.sum() for level in levels] == [6, 4]


def test_a_longer_context_predicts_better() -> None:
    rng = np.random.default_rng(0)
    documents = [
        [1 + (start + 3 * place + place * place) % 9 for place in range(20)] for start in rng.integers(0, 9, 50)
    ]
    text = [END, *documents[0], END]
    bits = [-trained(documents, order).score(text).mean() for order in (2, 3, 4)]
    assert bits[0] > bits[1] + 0.1 >= bits[2]


def test_it_comes_back_from_disk(tmp_path: Path) -> None:
    model = trained([[1, 2, 3], [3, 2, 1, 4]])
    model.save(tmp_path)
    np.testing.assert_array_equal(
        NgramModel.load(tmp_path).log_probabilities([END, 1]), model.log_probabilities([END, 1])
    )


@pytest.mark.parametrize("damage", ["missing", "cut", "swapped"])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: str) -> None:
    trained([[1, 2, 3], [3, 2, 1, 4]]).save(tmp_path)
    path = tmp_path / FILE
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        good = NgramModel.load(tmp_path)
        NgramModel(good.base[:-1], good.levels).save(tmp_path)
    with pytest.raises(ArtefactError, match=r"no n-gram model|damaged"):
        NgramModel.load(tmp_path)
