"""What the groups of checks share: how a runner is opened, and what is compared with what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch

from zaoju.contracts import Ability, Options, Runner
from zaoju.plugins import ResolvedComponent
from zaoju.testing.component import ComponentContract
from zaoju.testing.requirements import pytest
from zaoju.testing.runners.trial import Trial

_UNNAMED = "it is not registered: with `component = NAME` its options and its registration are checked too"


class RunnerChecks(ComponentContract):
    """The base of every group of checks."""

    kind = "runner"

    tolerance: ClassVar[float] = 1e-4
    """How far two logits of one text may lie apart, where its largest is 1 or less; else in shares of the largest.
    Matrix products round differently for other shapes, and numbers of 16 or 8 bits by much more."""

    vocabulary: ClassVar[int | None] = None
    """The checks use tokens below this; None means all for which the runner has logits."""

    def open(self) -> Runner:
        """A new runner over a small model whose logits depend strongly on the text; the same model each time."""
        raise NotImplementedError(f"{type(self).__name__} must say what it checks: write `def open(self) -> Runner`")

    def control(self) -> Runner:
        """The runner that says what is right. It reads each text alone, from its start, and forgets it at once."""
        return self.open()

    def reference(self, tokens: Sequence[int]) -> torch.Tensor | None:
        """[V]: the logits after `tokens` as you know them from elsewhere; None where you know nothing."""
        return None

    @pytest.fixture
    def trial(self) -> Trial:
        """A new runner, ready to be tried."""
        return self.new_trial()

    def new_trial(self) -> Trial:
        """A runner that nobody has used, and its control."""
        return Trial(self.open(), self.control(), tolerance=self.tolerance, vocabulary=self.vocabulary)

    @classmethod
    def resolved(cls) -> ResolvedComponent:
        """The component by its name; a runner need not be registered to be checked."""
        if cls.component is None:
            pytest.skip(_UNNAMED)
        return super().resolved()

    @classmethod
    def model(cls) -> type[Options]:
        """The model of its options."""
        if cls.component is None:
            pytest.skip(_UNNAMED)
        return super().model()


def skip_without(runner: Runner, ability: Ability) -> None:
    """Skip a check of what the runner does not say that it can."""
    if ability not in runner.abilities:
        pytest.skip(f"it has not the ability {ability!r}")
