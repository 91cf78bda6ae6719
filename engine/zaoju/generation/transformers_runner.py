"""The runner over any causal language model of transformers, unmodified."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch

from zaoju.contracts import Ability, Options, Runner
from zaoju.errors import ArtefactError
from zaoju.generation.batching import LOGITS_PER_PASS, padded_batches, right_padded, score_sequences
from zaoju.generation.kept_hidden import KeptHidden
from zaoju.generation.row_lengths import RowLengths
from zaoju.models import TransformersLM, choose_device
from zaoju.models.transformers_lm import keeps_key_value_cache

if TYPE_CHECKING:
    from transformers import Cache


class _Group:
    """Rows that were read together and share one cache of transformers.

    A place in the cache that is no token of a row is masked: padding on the left of a shorter prompt, and what a row
    did not need of the others' drafts. Positions are counted over real tokens, so such a gap changes nothing.
    """

    def __init__(self, rows: Sequence[int], mask: torch.Tensor, cache: Cache | None) -> None:
        self.rows = list(rows)
        self.mask = mask
        """[N, length of the cache] int64, 0 where no token of the row is."""
        self.cache = cache
        """None before the first pass: a model makes the cache that suits it."""

    def keep(self, rows: Sequence[int]) -> None:
        """Forget every row but these, and take on their order."""
        index = torch.tensor([self.rows.index(row) for row in rows], device=self.mask.device)
        if self.cache is not None:
            self.cache.batch_select_indices(index)
        self.mask = self.mask[index]
        self.rows = list(rows)

    def forget(self, row: int, count: int) -> None:
        """Mask the last `count` tokens of a row, and cut off the end of the cache that no row needs any more."""
        mask = self.mask[self.rows.index(row)]
        mask[mask.nonzero().flatten()[-count:]] = 0
        needed = int(self.mask.any(dim=0).nonzero().max()) + 1
        if self.cache is not None and needed < self.mask.shape[1]:
            self.cache.crop(needed - self.mask.shape[1])
            self.mask = self.mask[:, :needed]

    def split(self, rows: Sequence[int]) -> _Group:
        """Move `rows` into a group of their own."""
        moved = _Group(self.rows, self.mask, copy.deepcopy(self.cache))
        moved.keep(rows)
        self.keep([row for row in self.rows if row not in set(rows)])
        return moved


class TransformersRunner(Runner):
    """Runs a model that transformers has loaded.

    Rows that began together step together in one pass. Where only some of them step, or one is forked, the rows' part
    of the cache is copied into a group of its own, so every company of rows gives right logits; the fewer groups, the
    faster. The model must be in evaluation mode. Raises `ArtefactError` for a model without a key-value cache.
    """

    def __init__(self, model: TransformersLM) -> None:
        self.network = model.network
        self.vocabulary_size = model.vocabulary_size
        self.context_length = model.context_length
        self._device = next(model.parameters()).device
        takes = inspect.signature(self.network.forward).parameters
        if not keeps_key_value_cache(self.network):
            raise ArtefactError(
                f"{type(self.network).__name__} keeps no key-value cache, which the transformers runner needs; "
                "use a model of an attention architecture, or a plugin that brings a runner for this one"
            )
        self._takes_positions = "position_ids" in takes
        self._can_rewind = self._may_have_gaps()
        self.abilities: frozenset[Ability] = frozenset({"rewind", "hidden"} if self._can_rewind else {"hidden"})
        self._hidden = KeptHidden()
        self._takes_logits_to_keep = "logits_to_keep" in takes
        self._groups: dict[int, _Group] = {}
        self._next_row = 0
        self._lengths = RowLengths(self.context_length)

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto", options: Options | None = None) -> Self:
        model = TransformersLM.from_folder(folder).to(choose_device(device))
        return cls(model.eval())

    @torch.inference_mode()
    def prefill(self, prompts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        self._lengths.check_prompts(prompts)
        rows = [self._new_row() for _ in prompts]
        self._lengths.begin(rows, prompts)
        if keep_hidden:
            self._hidden.start(rows)
        logits = torch.empty(len(prompts), self.vocabulary_size, device=self._device)
        # A model that must compute the logits of every place of the prompt must get fewer of them at a time.
        tokens = LOGITS_PER_PASS if self._takes_logits_to_keep else LOGITS_PER_PASS // self.vocabulary_size
        try:
            for part in padded_batches([len(prompt) for prompt in prompts], tokens):
                ids, mask = self._left_padded([prompts[number] for number in part])
                group = _Group([rows[number] for number in part], mask[:, :0], None)
                logits[part] = self._forward(group, ids, mask, 1)[:, -1]
                self._groups.update(dict.fromkeys(group.rows, group))
        except BaseException:
            # The caller learns of no row, so none may stay: memory is short where a later part fails.
            self._hidden.drop(rows)
            self._lengths.end([row for row in rows if row not in self._groups])
            self.drop([row for row in rows if row in self._groups])
            raise
        return rows, logits

    @torch.inference_mode()
    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        self._lengths.check_room(rows, [1] * len(rows))
        place = {row: number for number, row in enumerate(rows)}
        logits = torch.empty(len(rows), self.vocabulary_size, device=self._device)
        for group in self._groups_of(rows):
            ids = torch.tensor([[tokens[place[row]]] for row in group.rows], device=self._device)
            new = torch.ones_like(ids)
            logits[[place[row] for row in group.rows]] = self._forward(group, ids, new, 1)[:, -1]
            self._lengths.grow(group.rows, [1] * len(group.rows))
        return logits

    @torch.inference_mode()
    def extend(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        if not self._can_rewind:
            return super().extend(rows, tokens)
        self._lengths.check_room(rows, map(len, tokens))
        place = {row: number for number, row in enumerate(rows)}
        logits: list[torch.Tensor] = [torch.empty(0)] * len(rows)
        for group in self._groups_of(rows):
            new = [tokens[place[row]] for row in group.rows]
            ids = right_padded(new, self._device)
            real = right_padded([[1] * len(one) for one in new], self._device)
            given = self._forward(group, ids, real, ids.shape[1])
            for row, one, after in zip(group.rows, new, given, strict=True):
                logits[place[row]] = after[: len(one)]
            self._lengths.grow(group.rows, map(len, new))
        return logits

    @torch.inference_mode()
    def rewind(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        if not self._can_rewind:
            super().rewind(rows, counts)
        for row, count in zip(rows, counts, strict=True):
            if count:
                self._groups[row].forget(row, count)
                self._hidden.rewind(row, -count)
                self._lengths.grow([row], [-count])

    @torch.inference_mode()
    def fork(self, row: int) -> int:
        self._lengths.of(row)  # refuses a row that has ended
        group = self._groups[row]
        copied = _Group(group.rows, group.mask, copy.deepcopy(group.cache))
        copied.keep([row])
        copied.rows = [self._new_row()]
        self._groups[copied.rows[0]] = copied
        self._hidden.fork(row, copied.rows[0])
        self._lengths.fork(row, copied.rows[0])
        return copied.rows[0]

    def hidden(self, row: int) -> torch.Tensor:
        return self._hidden.of(row)

    @torch.inference_mode()
    def drop(self, rows: Sequence[int]) -> None:
        leaving = set(rows)
        self._hidden.drop(rows)
        self._lengths.end(rows)
        groups = {id(group): group for row in rows if (group := self._groups.pop(row))}
        for group in groups.values():
            staying = [row for row in group.rows if row not in leaving]
            if staying:
                group.keep(staying)

    @torch.inference_mode()
    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        def forward(ids: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.network(input_ids=ids, attention_mask=valid.long(), use_cache=False).logits
            return logits

        return score_sequences(forward, sequences, self.vocabulary_size, self._device)

    def _new_row(self) -> int:
        self._next_row += 1
        return self._next_row

    def _groups_of(self, rows: Sequence[int]) -> list[_Group]:
        """Groups that hold exactly `rows`; what does not step is parted from what does."""
        asked = set(rows)
        groups = []
        for group in {id(self._groups[row]): self._groups[row] for row in rows}.values():
            stepping = [row for row in group.rows if row in asked]
            if len(stepping) < len(group.rows):
                group = group.split(stepping)
                self._groups.update(dict.fromkeys(stepping, group))
            groups.append(group)
        return groups

    def _left_padded(self, prompts: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        longest = max(map(len, prompts))
        ids = [[*[0] * (longest - len(prompt)), *prompt] for prompt in prompts]
        mask = [[*[0] * (longest - len(prompt)), *[1] * len(prompt)] for prompt in prompts]
        return torch.tensor(ids, device=self._device), torch.tensor(mask, device=self._device)

    def _may_have_gaps(self) -> bool:
        """Whether masked places between the tokens of a row change nothing.

        They do where a layer attends to a window of places, and where the model counts places by itself.
        """
        config = self.network.config.get_text_config()
        layers = getattr(config, "layer_types", None) or getattr(config, "attention_layers", None)
        if layers is not None and not set(layers) <= {"full_attention", "global"}:
            return False
        return self._takes_positions and (layers is not None or getattr(config, "sliding_window", None) is None)

    def _forward(self, group: _Group, ids: torch.Tensor, real: torch.Tensor, kept: int) -> torch.Tensor:
        """Feed `ids` [N, T] to the rows of a group: logits [N, kept, V] float32, `kept` being 1 or T.

        `real` [N, T] is 0 where `ids` is padding.
        """
        mask = torch.cat([group.mask, real], dim=1)
        wants_hidden = self._hidden.any_of(group.rows)
        optional: dict[str, object] = {"output_hidden_states": True} if wants_hidden else {}
        if self._takes_positions:
            optional["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        if self._takes_logits_to_keep:
            optional["logits_to_keep"] = kept
        output = self.network(
            input_ids=ids, attention_mask=mask, past_key_values=group.cache, use_cache=True, **optional
        )
        group.cache, group.mask = output.past_key_values, mask
        if wants_hidden:
            states = [row[here.bool()] for row, here in zip(output.hidden_states[-1], real, strict=True)]
            self._hidden.append(group.rows, states, [len(one) for one in states])
        logits: torch.Tensor = output.logits[:, -kept:].float()
        return logits
