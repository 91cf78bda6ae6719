"""One proposer for many decode loops."""

from __future__ import annotations

from collections.abc import Sequence

from zaoju.contracts import DraftRequest, Proposer
from zaoju.contracts.options import Options
from zaoju.errors import PluginError
from zaoju.generation.faulty_parts import naming
from zaoju.generation.one_at_a_time import OneAtATime
from zaoju.plugins import ResolvedComponent


class SharedProposer:
    """Guards a proposer that loops in several threads use, and holds it to what it may propose."""

    def __init__(self, proposer: Proposer[Options], component: ResolvedComponent, vocabulary_size: int) -> None:
        self._proposer = proposer
        self._component = component
        self._vocabulary_size = vocabulary_size
        self._turn = OneAtATime(self._forget)

    def propose(self, texts: Sequence[DraftRequest]) -> list[list[int]]:
        """For each text the proposed tokens, no more than there is room for. Raises `PluginError` for wrong ones."""
        with self._turn.alone(), naming(self._component):
            drafts = [list(draft) for draft in self._proposer.propose(texts)]
        if len(drafts) != len(texts):
            raise PluginError(
                f"proposer {self._component.name!r} gave {len(drafts)} drafts for {len(texts)} texts: tell its author"
            )
        for draft in drafts:
            strange = [token for token in draft if not 0 <= token < self._vocabulary_size]
            if strange:
                raise PluginError(
                    f"proposer {self._component.name!r} proposed token {strange[0]}, and the model has "
                    f"{self._vocabulary_size}: leave it out, or tell its author"
                )
        return [draft[: text.room] for draft, text in zip(drafts, texts, strict=True)]

    def forget(self, text: int) -> None:
        """The text has ended. Never waits."""
        self._turn.leave([text])

    def _forget(self, texts: list[int]) -> None:
        for text in texts:
            self._proposer.forget(text)
