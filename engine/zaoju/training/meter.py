"""What a trainer measures beside the loss: its speed, its memory, and how well it uses the hardware."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from zaoju.contracts import TrainStep
from zaoju.errors import ArtefactError
from zaoju.models import CausalLM
from zaoju.training.hardware import peak_flops, peak_memory
from zaoju.training.processes import count_processes
from zaoju.training.state import Counters


class Meter:
    """Turns what a step gave into a `TrainStep`, with all that is measured.

    Model FLOPs utilisation is that of Chowdhery et al., 2022, "PaLM", appendix B: the arithmetic that the tokens since
    the last report needed, whatever was really computed, as a share of what the device could have done in that time
    (`peak_flops`).
    """

    def __init__(self, model: CausalLM, *, window: int, device: str, tokens: int) -> None:
        """For a training of `model` on windows of `window` tokens that has read `tokens` tokens so far."""
        self._device = device
        self._multiplied = multiplied_parameters(model)
        self._attention = 12 * model.layers * model.width * window
        self._peak = peak_flops(device) * count_processes()
        self._tokens = tokens
        self._since = time.monotonic()

    def measure(
        self, counters: Counters, loss: float, learning_rate: float, gradient_norm: float | None = None
    ) -> TrainStep:
        """The report of a step, after which the run stands at `counters`."""
        now = time.monotonic()
        speed = (counters.tokens - self._tokens) / max(now - self._since, 1e-9)
        self._since, self._tokens = now, counters.tokens
        return TrainStep(
            counters.step,
            counters.steps,
            loss,
            learning_rate,
            counters.tokens,
            speed,
            gradient_norm=gradient_norm,
            peak_memory=peak_memory(self._device),
            flops_utilisation=speed * self.flops_per_token / self._peak,
        )

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """The time of the block is not that of training."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self._since += time.monotonic() - begin

    @property
    def flops_per_token(self) -> float:
        """Forward 2 and backward 4 for each weight that is multiplied, and attention over the whole window.

        A weight that stands still needs no gradient of its own, so it counts 4.
        """
        all_weights = sum(parameter.numel() for parameter in self._multiplied)
        trained = sum(parameter.numel() for parameter in self._multiplied if parameter.requires_grad)
        return 4 * all_weights + 2 * trained + self._attention


def multiplied_parameters(model: CausalLM) -> list[nn.Parameter]:
    """The weights that a token is multiplied by: all but those of embeddings that are looked up and are no head too."""
    looked_up = {module.weight for module in model.modules() if isinstance(module, nn.Embedding)}
    try:
        table, *others = model.token_parameters()
    except ArtefactError:
        table, others = None, []
    if table is not None and not any(other.dim() == 2 for other in others):
        looked_up.discard(table)
    return [parameter for parameter in model.parameters() if parameter not in looked_up]
