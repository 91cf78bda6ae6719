"""The kit for initialisers."""

from __future__ import annotations

import random
from itertools import permutations

import torch

from zaoju.contracts import Initialiser, NewTokens, Options
from zaoju.errors import PluginError, UserError
from zaoju.models import check_new_rows
from zaoju.testing.component import ComponentContract
from zaoju.testing.requirements import pytest

_WIDTH = 24
_OLD = 90
_BYTES = 30
_LONGEST = 40
_DOCUMENTS = 20
_TOKENS = 60

_PARTS = (
    # The same parts in every order, as characters of the same bytes have; one part; a part twice; a very long word.
    *permutations((1, 2, 3)),
    (1,),
    (2,),
    (1, 1),
    (1, 2),
    (2, 1),
    (29, 28),
    tuple(number % _BYTES for number in range(_LONGEST)),
)
_SPLITS = tuple((token, token % _BYTES, token // _BYTES) for token in range(_BYTES, _OLD))
_MOST = 30.0
"""How many times longer than the longest old row a new one may be; beyond that a model's first steps are lost."""


class InitialiserContract(ComponentContract):
    """Checks a `zaoju.Initialiser`: rows that a model can begin with, each of its own, the same every time.

    ```python
    class TestMyRows(InitialiserContract):
        component = "my_rows"
    ```
    """

    kind = "initialiser"

    @pytest.fixture(scope="class")
    @classmethod
    def initialiser(cls) -> Initialiser[Options]:
        """The initialiser that is checked."""
        return cls.build(Initialiser)

    def test_every_token_gets_a_row_of_its_own(self, initialiser: Initialiser[Options]) -> None:
        """Also tokens of the same parts in another order, and a token of one part, whose row must not be that of it."""
        _check(initialiser, _matrix(), _tokens())

    def test_one_token_and_no_examples(self, initialiser: Initialiser[Options]) -> None:
        """A vocabulary may grow by one token, and be one in which no token is two others joined."""
        _check(initialiser, _matrix(), _tokens(((1, 2),), ()))

    def test_no_corpus(self, initialiser: Initialiser[Options]) -> None:
        """With a list of words there is none: rows like any others, or a `UserError` that says what is missing."""
        try:
            _check(initialiser, _matrix(), NewTokens(_PARTS, _SPLITS, seed=1))
        except PluginError:
            raise
        except UserError as error:
            assert "corpus" in str(error), f"say that a corpus is missing, not: {error}"

    def test_a_small_old_matrix(self, initialiser: Initialiser[Options]) -> None:
        """Fewer rows than numbers in one: a covariance has no full rank then."""
        _check(initialiser, _matrix()[: _WIDTH // 3], _tokens(((1, 2), (2, 1), (7,)), (), old=_WIDTH // 3))

    def test_rows_are_of_the_size_of_the_old_ones(self, initialiser: Initialiser[Options]) -> None:
        """For other scales of the matrix too: models differ by a factor of ten and more."""
        for scale in (0.01, 1.0, 10.0):
            matrix = _matrix() * scale
            rows = initialiser.rows(matrix.clone(), _tokens())
            most = _MOST * float(matrix.norm(dim=1).max())
            assert float(rows.norm(dim=1).max()) <= most, f"a row is longer than {_MOST:g} times the longest old one"

    def test_the_same_again(self, initialiser: Initialiser[Options]) -> None:
        """A function of its arguments: whatever it made before, and whatever anybody drew from torch meanwhile."""
        first = initialiser.rows(_matrix(), _tokens())
        initialiser.rows(_matrix() * 2, _tokens(seed=2))
        torch.rand(3)
        again = self.build(Initialiser).rows(_matrix(), _tokens())
        assert torch.equal(first, again), "the same matrix, tokens and seed gave other rows the second time"
        assert torch.equal(initialiser.rows(_matrix(), _tokens()), first), "it remembers what it made before"

    def test_nothing_else_is_touched(self, initialiser: Initialiser[Options]) -> None:
        """Neither the matrix nor the random numbers of others."""
        matrix, before = _matrix(), torch.random.get_rng_state()
        initialiser.rows(matrix, _tokens())
        assert torch.equal(matrix, _matrix()), "rows() has changed the old matrix"
        assert torch.equal(torch.random.get_rng_state(), before), "it draws from torch's own generator: make one"


def _check(initialiser: Initialiser[Options], matrix: torch.Tensor, tokens: NewTokens) -> None:
    rows = initialiser.rows(matrix.clone(), tokens)
    check_new_rows(matrix, rows, len(tokens), str, type(initialiser).__name__)


def _tokens(
    parts: tuple[tuple[int, ...], ...] = _PARTS,
    splits: tuple[tuple[int, int, int], ...] = _SPLITS,
    *,
    seed: int = 1,
    old: int = _OLD,
) -> NewTokens:
    """New tokens after `old` ones, with a corpus in which all of them stand, and an empty document."""

    def documents() -> list[list[int]]:
        draw = random.Random(3)
        return [[], *([draw.randrange(old + len(parts)) for _ in range(_TOKENS)] for _ in range(_DOCUMENTS))]

    return NewTokens(parts, splits, seed, documents)


def _matrix() -> torch.Tensor:
    """Rows of tokens of which the longer ones follow from their parts, as in a trained model."""
    generator = torch.Generator().manual_seed(7)
    matrix = torch.randn(_OLD, _WIDTH, generator=generator) * 0.1
    for token, left, right in _SPLITS:
        matrix[token] = 0.7 * matrix[left] + 0.4 * matrix[right] + 0.3 * matrix[token]
    return matrix
