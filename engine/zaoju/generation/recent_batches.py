"""The settings of rows as tensors, used again while the same rows go on together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from zaoju.generation.chain import Chain, RowBatch, RowSettings

_MOST_CHAINS = 64


@dataclass(slots=True)
class _Recent:
    """What went through one chain lately."""

    whole: RowBatch
    """The last one that was made from the rows themselves."""

    places: Mapping[RowSettings, int]
    """Where each of its rows stands in it."""

    last: RowBatch
    """Itself, or a part of it."""


class RecentBatches:
    """For each chain the rows that went through it last, which most often go through it next.

    Where only some of them do, as when drafts are checked or a text has ended, they are taken from what is on the
    device.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._recent: dict[Chain, _Recent] = {}

    def of(self, chain: Chain, rows: Sequence[RowSettings]) -> RowBatch:
        """`rows` as a batch of `chain`."""
        recent = self._recent.get(chain)
        if recent is not None:
            # Settings are compared as objects, so this is quick.
            for batch in (recent.last, recent.whole):
                if batch.rows == rows:
                    return batch
            if all(row in recent.places for row in rows):
                recent.last = chain.part(recent.whole, [recent.places[row] for row in rows], self._device)
                return recent.last
        whole = chain.batch(rows, self._device)
        # The chain that was met first stands first.
        self._recent.pop(chain, None)
        self._recent[chain] = _Recent(whole, {row: place for place, row in enumerate(rows)}, whole)
        if len(self._recent) > _MOST_CHAINS:
            del self._recent[next(iter(self._recent))]
        return whole
