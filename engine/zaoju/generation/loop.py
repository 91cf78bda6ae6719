"""The decode loop: texts that advance together by one token a step, each by its own strategy."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import torch

from zaoju.errors import ArtefactError
from zaoju.generation.chain import Chain
from zaoju.generation.history import TokenHistory
from zaoju.generation.running_text import RunningText
from zaoju.generation.shared_runner import SharedRunner


class DecodeLoop:
    """Runs texts over a runner. Texts join by `admit` at any step and leave when they finish.

    Used by one thread; several loops may share a runner. Leaving the `with` block frees every row, whatever happened.
    """

    def __init__(self, runner: SharedRunner, vocabulary_size: int, end_of_text: int) -> None:
        self._runner = runner
        self._vocabulary_size = vocabulary_size
        self._end_of_text = end_of_text
        self._chains: dict[tuple[str, ...], Chain] = {}
        self._history: TokenHistory | None = None
        self._rows: dict[RunningText, tuple[int, int]] = {}
        """For each text that runs: its row in the runner and its slot in the history."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave(list(self._rows))

    @property
    def active(self) -> list[RunningText]:
        """The texts that run, in the order in which they joined."""
        return list(self._rows)

    def admit(self, texts: Sequence[RunningText]) -> None:
        """Read the prompts of `texts` and choose the first token of each."""
        rows, logits = self._runner.prefill([text.fed for text in texts])
        if self._history is None:
            self._history = TokenHistory(logits.device)
        for text, row in zip(texts, rows, strict=True):
            self._rows[text] = (row, self._history.add(text.prompt_tokens))
        self._advance(texts, logits, self._history)

    def step(self) -> None:
        """Choose the next token of every text that runs."""
        texts = self.active
        if not texts or self._history is None:
            return
        logits = self._runner.step([self._rows[text][0] for text in texts], [text.last for text in texts])
        self._advance(texts, logits, self._history)

    def cancel(self) -> None:
        """End every text that runs where it is."""
        for text in self.active:
            text.finish("cancelled")
        self._leave(self.active)

    def _advance(self, texts: Sequence[RunningText], logits: torch.Tensor, history: TokenHistory) -> None:
        with torch.inference_mode():
            slots = [self._rows[text][1] for text in texts]
            tokens = self._choose(texts, logits[:, : self._vocabulary_size], slots, history)
            history.append(slots, tokens)
            chosen = tokens.tolist()
        for text, token in zip(texts, chosen, strict=True):
            text.accept(token)
        self._leave([text for text in texts if text.finish_reason is not None])

    def _choose(
        self, texts: Sequence[RunningText], logits: torch.Tensor, slots: Sequence[int], history: TokenHistory
    ) -> torch.Tensor:
        """The next token of each text: [N] int64. Texts of one chain go through it together."""
        tokens = torch.zeros(len(texts), dtype=torch.int64, device=logits.device)
        failed = torch.zeros(len(texts), dtype=torch.bool, device=logits.device)
        for key, members in self._by_chain(texts).items():
            index = torch.tensor(members, device=logits.device)
            tokens[index], failed[index] = self._chains[key].select(
                logits if len(members) == len(texts) else logits.index_select(0, index),
                [texts[member].chain_row for member in members],
                history.of([slots[member] for member in members]),
                self._end_of_text,
            )
        # One look for both faults: the largest of a row is NaN where any is, and infinite where none is left.
        broken = ~logits.amax(dim=1).isfinite()
        for text, bad_model, bad_chain in zip(texts, broken.tolist(), failed.tolist(), strict=True):
            if bad_model:
                raise ArtefactError(
                    f"the model gave logits that are not finite for token {text.generated + 1} of the text after "
                    f"{text.prompt[:20]!r}: its weights are damaged, or its number format overflows; check the "
                    "training, or load it in float32"
                )
            if bad_chain:
                raise self._chains[Chain.key(text.plan)].left_nothing(text.generated + 1)
        return tokens

    def _by_chain(self, texts: Sequence[RunningText]) -> dict[tuple[str, ...], list[int]]:
        members: dict[tuple[str, ...], list[int]] = {}
        for number, text in enumerate(texts):
            key = Chain.key(text.plan)
            if key not in self._chains:
                self._chains[key] = Chain(text.plan)
            members.setdefault(key, []).append(number)
        return members

    def _leave(self, texts: Sequence[RunningText]) -> None:
        """Free what texts held."""
        places = [self._rows.pop(text) for text in texts]
        if not places:
            return
        self._runner.drop([row for row, _ in places])
        if self._history is not None:
            for _, slot in places:
                self._history.remove(slot)
