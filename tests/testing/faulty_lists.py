"""Transforms that prepare lists or look at the history, with one planted fault each, and sound ones.

Not collected by itself, as its name says nothing of tests: `test_planted_faults.py` runs pytest on it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from faulty_options import BanOptions, TiltOptions

from zaoju import StepContext, TokenTable, Transform
from zaoju.contracts import Columns
from zaoju.testing import TransformContract

NOTHING = -float("inf")


class Ban(Transform):
    """Removes tokens, unless no other is left."""

    neutral: ClassVar[Mapping[str, object]] = {"ban": []}
    only_removes = True

    def prepare(self, options: Mapping[str, object], prompt: Sequence[int], table: TokenTable) -> Columns:
        words = options["ban"]
        assert isinstance(words, list)
        return {"banned": torch.tensor([token for word in words for token in table.encode(word)], dtype=torch.int64)}

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        rows, width = logits.shape
        marks = torch.zeros(rows, width + 1, dtype=torch.bool, device=logits.device)
        marks = marks.scatter(1, self.places(options["banned"], width), True)[:, :width]
        left = logits.masked_fill(marks, NOTHING)
        return torch.where(left.isfinite().any(dim=1, keepdim=True), left, logits)

    def places(self, banned: torch.Tensor, width: int) -> torch.Tensor:
        return torch.where(banned < 0, width, banned)


class PaddingIsToken(Ban):
    """Takes padding for token 0."""

    def places(self, banned: torch.Tensor, width: int) -> torch.Tensor:
        return banned.clamp(min=0)


class PreparesByChance(Ban):
    def prepare(self, options: Mapping[str, object], prompt: Sequence[int], table: TokenTable) -> Columns:
        banned = super().prepare(options, prompt, table)["banned"].tolist()
        random.shuffle(banned)
        return {"banned": torch.tensor(banned, dtype=torch.int64)}


class PreparesAnyForm(Ban):
    """One number where there is one, and a list where there are more."""

    def prepare(self, options: Mapping[str, object], prompt: Sequence[int], table: TokenTable) -> Columns:
        banned = super().prepare(options, prompt, table)["banned"]
        return {"banned": banned.squeeze(0) if len(banned) == 1 else banned}


class BanContract(TransformContract):
    options = BanOptions()
    examples: ClassVar[Sequence[Mapping[str, object]]] = [{"ban": ["我"]}, {"ban": ["的", "花", "天", "我们"]}]


class TestBan(BanContract):
    make = Ban


class TestPaddingIsToken(BanContract):
    make = PaddingIsToken


class TestPreparesByChance(BanContract):
    make = PreparesByChance


class TestPreparesAnyForm(BanContract):
    make = PreparesAnyForm


class Tilt(Transform):
    """Divides the logits of used tokens. As it looks at their sign, a shift matters."""

    neutral: ClassVar[Mapping[str, object]] = {"tilt": 1.0, "offset": 0.0}
    ignores_shift = False

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        tilt, offset = (options[name].to(logits.dtype).unsqueeze(1) for name in ("tilt", "offset"))
        rows, width = logits.shape
        marks = context.history.tokens.masked_fill(~context.history.valid, width)
        used = torch.zeros(rows, width + 1, dtype=torch.bool, device=logits.device).scatter(1, marks, True)[:, :width]
        changed = logits / tilt + offset
        return torch.where(used & ((tilt != 1) | (offset != 0)), changed, logits)


class HalfNeutral(Tilt):
    """Says that nothing changes at a tilt of 1, and forgets the offset."""

    neutral: ClassVar[Mapping[str, object]] = {"tilt": 1.0}


class DeniesNothing(Tilt):
    """Says that a shift changes nothing."""

    ignores_shift = True


class NeedsHistory(Tilt):
    """The last token, which is not there at the beginning."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        length = context.history.valid.sum(dim=1, keepdim=True)
        last = context.history.tokens.gather(1, (length - 1).clamp(min=0))
        lowered = logits.scatter_add(1, last, torch.full_like(logits, -1.0))
        unchanged = (options["tilt"] == 1) & (options["offset"] == 0)
        return torch.where(unchanged.unsqueeze(1) | (length == 0), logits, lowered)


class ByFirstPlace(Tilt):
    """Takes all places of a text for its first."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        begins = context.index.amin() == 0
        return torch.where(begins, logits, super().apply(logits, options, context))


class SharedChance(Tilt):
    """Changes a row by the number with which the selector will draw."""

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        lucky = context.random("sample").unsqueeze(1) < 0.5
        return torch.where(lucky, super().apply(logits, options, context), logits)


class TiltContract(TransformContract):
    options = TiltOptions()


class TestTilt(TiltContract):
    make = Tilt


class TestHalfNeutral(TiltContract):
    make = HalfNeutral


class TestDeniesNothing(TiltContract):
    make = DeniesNothing


class TestNeedsHistory(TiltContract):
    make = NeedsHistory


class TestByFirstPlace(TiltContract):
    make = ByFirstPlace


class TestSharedChance(TiltContract):
    make = SharedChance
