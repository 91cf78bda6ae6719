"""Classifier-free guidance."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from zaoju.contracts import Branch, Hypothesis, Search, SearchContext, SearchStep
from zaoju_builtin.decoding.searches.candidates import whole_as_they_are
from zaoju_builtin.decoding.searches.options import GuidanceOptions


class Guidance(Search[GuidanceOptions]):
    """Writes one text that follows its prompt more strictly than the model does by itself.

    A second row has the same text after `negative_prompt`. With the log-softmax c of the row's logits and n of the
    other's, the chain and the selector get `n + guidance_scale * (c - n)`. At 1 the second row would have no say, so
    there is none, and the text is exactly the plain one; at 0 the text continues the negative prompt. There is
    only one text, with score 0.

    Sanchez et al., "Stay on topic with Classifier-Free Guidance", 2023 (arXiv 2306.17806). The formula is that of
    transformers' `generate(guidance_scale=...)`, which takes the last token of the prompt where no negative prompt is
    given; here that is an empty one.
    """

    @property
    def width(self) -> int:
        return len(self.begin())

    def begin(self) -> Sequence[Branch]:
        if self.options.guidance_scale == 1:
            return [Branch()]
        return [Branch(), Branch(prompt=self.options.negative_prompt)]

    def mix(self, logits: torch.Tensor) -> torch.Tensor:
        if len(logits) == 1:
            return logits
        prompted, negative = logits.log_softmax(dim=1)
        mixed = negative + self.options.guidance_scale * (prompted - negative)
        # What one of the two cannot have, the prompt decides: infinite differences mean nothing.
        mixed = torch.where(prompted.isfinite() & negative.isfinite(), mixed, prompted)
        return mixed.repeat(len(logits), 1)

    def step(self, logits: torch.Tensor, context: SearchContext) -> SearchStep:
        if context.room == 0:
            return whole_as_they_are([0.0])
        token = int(context.select(logits)[0])
        if context.room == 1 or context.ends(0, token):
            return SearchStep(finished=[Hypothesis(0, token, 0.0)], done=True)
        rows = range(len(logits))
        return SearchStep(rows, [token] * len(rows))
