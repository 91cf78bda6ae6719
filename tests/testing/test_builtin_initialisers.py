"""Every builtin initialiser keeps its contract, and the kit sees those that do not."""

from __future__ import annotations

import pytest
import torch

from zaoju import Initialiser, NewTokens, Options, PluginError, PluginManager, UserError
from zaoju.models import check_new_rows
from zaoju.testing import InitialiserContract
from zaoju_builtin.initialisers.options import WeightedOptions


class TestMeanOfParts(InitialiserContract):
    component = "mean_of_parts"


class TestWeightedParts(InitialiserContract):
    component = "weighted_parts"


class TestWeightedFromTheFront(InitialiserContract):
    component = "weighted_parts"
    options = WeightedOptions(ratio=0.5)


class TestLastPart(InitialiserContract):
    component = "last_part"


class TestComposed(InitialiserContract):
    component = "composed"


class TestSimilarTokens(InitialiserContract):
    component = "similar_tokens"


class TestNormal(InitialiserContract):
    component = "normal"


class TestRandom(InitialiserContract):
    component = "random"


def test_every_builtin_is_here() -> None:
    tested = {kit.component for kit in InitialiserContract.__subclasses__()}
    assert tested >= {offer.component.name for offer in PluginManager.discover().offers("initialiser")}


class PlainMean(Initialiser[Options]):
    """The recipe of the tutorials."""

    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        return torch.stack([matrix[sorted(parts)].mean(dim=0) for parts in tokens.parts])


class Remembers(PlainMean):
    made = 0

    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        self.made += 1
        return torch.arange(len(tokens) * matrix.shape[1]).reshape(len(tokens), -1) * (1e-5 + self.made * 1e-3)


class DrawsFromTorch(PlainMean):
    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        return torch.randn(len(tokens), matrix.shape[1])


class TooLong(PlainMean):
    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        return torch.ones(len(tokens), matrix.shape[1]) * 1e4


class ChangesTheMatrix(PlainMean):
    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        return super().rows(matrix.mul_(2), tokens)


class NotFinite(PlainMean):
    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        return torch.full((len(tokens), matrix.shape[1]), float("nan"))


class TooFew(PlainMean):
    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        return super().rows(matrix, tokens)[1:]


class SilentAboutTheCorpus(PlainMean):
    def rows(self, matrix: torch.Tensor, tokens: NewTokens) -> torch.Tensor:
        if not list(tokens.documents()):
            raise UserError("something is missing")
        return super().rows(matrix, tokens)


@pytest.mark.parametrize(
    ("faulty", "check", "message"),
    [
        (PlainMean, "test_every_token_gets_a_row_of_its_own", "the row of another token"),
        (NotFinite, "test_one_token_and_no_examples", "not finite"),
        (SilentAboutTheCorpus, "test_no_corpus", "say that a corpus is missing"),
        (PlainMean, "test_no_corpus", "the row of another token"),
        (TooFew, "test_a_small_old_matrix", "were asked for"),
        (TooLong, "test_rows_are_of_the_size_of_the_old_ones", "longer than"),
        (Remembers, "test_the_same_again", "remembers what it made"),
        (DrawsFromTorch, "test_the_same_again", "other rows the second time"),
        (DrawsFromTorch, "test_nothing_else_is_touched", "torch's own generator"),
        (ChangesTheMatrix, "test_nothing_else_is_touched", "changed the old matrix"),
    ],
)
def test_the_kit_sees_a_fault(faulty: type[PlainMean], check: str, message: str) -> None:
    kit = type("Kit", (InitialiserContract,), {"make": faulty})()
    with pytest.raises((AssertionError, PluginError), match=message):
        getattr(kit, check)(faulty(Options()))


def test_plain_means_of_bytes_give_equal_rows() -> None:
    """What the engine refuses, and the builtin repairs: hanzi of the same bytes in another order have one mean."""
    hanzi = [chr(code) for code in range(0x4E00, 0x9FA6)]
    tokens = NewTokens(tuple(tuple(one.encode()) for one in hanzi), (), seed=1)
    matrix = torch.randn(256, 32, generator=torch.Generator().manual_seed(1))
    with pytest.raises(PluginError, match="the row of another token"):
        check_new_rows(matrix, PlainMean(Options()).rows(matrix, tokens), len(hanzi), str, "a plain mean")
    mean = PluginManager.discover().resolve("initialiser", "mean_of_parts", {}).build(Initialiser)
    check_new_rows(matrix, mean.rows(matrix, tokens), len(hanzi), str, "mean_of_parts")
