"""Dynamic temperature: bold where the model is sure, varied where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.distribution import entropy
from zaoju_builtin.decoding.transforms.temperature import divide

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class DynamicTemperature(Transform):
    """Divides the logits by a temperature between `dynatemp_min` and `dynatemp_max` that rises with the entropy.

    With the entropy h as a share of the largest that the tokens left can have, the temperature is
    min + (max - min) h ^ `dynatemp_exponent`. Both at 1 change nothing. A row of one token stays as it is.

    kalomaze, 2023; `temp_ext` in llama.cpp, whose `dynatemp_range` r at the temperature t means t - r and t + r here.
    """

    neutral: ClassVar[Mapping[str, object]] = {"dynatemp_min": 1.0, "dynatemp_max": 1.0}
    keeps_argmax = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        coldest, hottest = options["dynatemp_min"].unsqueeze(1), options["dynatemp_max"].unsqueeze(1)
        left = (logits > float("-inf")).sum(dim=1, keepdim=True)
        share = (entropy(logits.double().softmax(dim=1)) / left.clamp(min=2).double().log()).clamp(max=1.0)
        # torch.pow gives a row alone other bits than in a batch.
        risen = torch.special.xlogy(options["dynatemp_exponent"].unsqueeze(1), share).exp()
        temperature = coldest + (hottest - coldest) * risen
        return divide(logits, torch.where(left > 1, temperature, 1.0))
