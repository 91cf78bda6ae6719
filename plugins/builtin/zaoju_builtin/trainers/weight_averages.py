"""Exponential moving averages of the weights, which are scored and kept in place of the last ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from zaoju.models import CausalLM


class WeightAverages(torch.optim.Optimizer):
    """The averages of all trained weights of a model: Polyak and Juditsky, 1992, with weights that fade by `decay`.

    After n steps the decay is (1 + n) / (10 + n) where that is less, so that a short training is not averaged with the
    weights that it began with, as in TensorFlow's `tf.train.ExponentialMovingAverage`.

    It changes no weight, and is an optimiser only in that it has a state for each of them, which is saved as theirs is.
    """

    def __init__(self, model: CausalLM, decay: float) -> None:
        """Begins with the weights as they are."""
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        super().__init__(trained, {"decay": decay, "steps": 0})
        for parameter in trained:
            self.state[parameter]["average"] = parameter.detach().clone()

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # torch's may return what a closure gives
        """Take the weights after a step into their averages."""
        (group,) = self.param_groups
        steps = group["steps"]
        decay = min(group["decay"], (1 + steps) / (10 + steps))
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch leaves it without annotations
        averages = [self.state[parameter]["average"] for parameter in group["params"]]
        average(averages, [parameter.detach() for parameter in group["params"]], steps)
        group["steps"] = steps + 1

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The averages are the weights of the model until the block ends. Nothing is copied, and nothing may be saved
        as a checkpoint or trained meanwhile."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        for parameter, state in self.state.items():
            parameter.data, state["average"] = state["average"], parameter.data
