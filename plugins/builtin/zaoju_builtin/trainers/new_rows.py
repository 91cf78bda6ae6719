"""Training the rows of new tokens alone."""

from __future__ import annotations

import torch

from zaoju.models import CausalLM


class NewRows:
    """Holds everything but the rows from `first` on, so that new tokens find their place in a model that stands still.

    A model that has learned a language well is not disturbed by rows that mean nothing yet (de Vries and Nissim, 2021,
    "As Good as New: How to Successfully Recycle English GPT-2"). Nothing here has a state that a checkpoint must keep.
    """

    def __init__(self, model: CausalLM, first: int) -> None:
        self._model = model
        self._first = first
        self._tokens = model.token_parameters()
        self._alone = False

    def alone(self, wanted: bool) -> None:
        """Train the new rows alone from now on, or all weights."""
        if wanted != self._alone:
            self._alone = wanted
            tokens = set(self._tokens)
            for parameter in self._model.parameters():
                parameter.requires_grad_(not wanted or parameter in tokens)

    @torch.no_grad()
    def hold(self) -> None:
        """Take the gradient from the rows of old tokens, where the new ones are trained alone."""
        for parameter in self._tokens if self._alone else ():
            if parameter.grad is not None:
                parameter.grad[: self._first] = 0
