"""Drafts that are copied from the text itself."""

from __future__ import annotations

from collections.abc import Sequence

from zaoju import DraftRequest, Proposer
from zaoju_builtin.decoding.proposers.options import PromptLookupOptions


class PromptLookup(Proposer[PromptLookupOptions]):
    """Looks for the last tokens of a text earlier in it, prompt included, and proposes what followed them there.

    The longest match counts, and among equally long ones the most recent. Where what followed is shorter than the
    draft may be, the text has begun to repeat itself, and the draft goes on with the repetition. Useful where a text
    quotes its prompt: summaries, corrections, translations of names.

    Saxena, "Prompt Lookup Decoding", 2023 (https://github.com/apoorvumang/prompt-lookup-decoding).
    """

    def __init__(self, options: PromptLookupOptions) -> None:
        super().__init__(options)
        self._places: dict[int, _Places] = {}

    def propose(self, texts: Sequence[DraftRequest]) -> Sequence[Sequence[int]]:
        return [self._draft(text) for text in texts]

    def forget(self, text: int) -> None:
        self._places.pop(text, None)

    def _draft(self, text: DraftRequest) -> list[int]:
        sizes = range(self.options.min_ngram, self.options.max_ngram + 1)
        places = self._places.setdefault(text.text, _Places(sizes))
        place = places.last_match(text.tokens)
        if place is None:
            return []
        length = min(self.options.max_tokens, text.room)
        period = len(text.tokens) - place
        return [text.tokens[place + ahead % period] for ahead in range(length)]


class _Places:
    """Where in one text each run of so many tokens last ended. Grows with the text: each token is read once."""

    def __init__(self, sizes: range) -> None:
        self._sizes = sizes
        self._end_of: dict[tuple[int, ...], int] = {}
        self._read = 0

    def last_match(self, tokens: Sequence[int]) -> int | None:
        """Where the last tokens ended before, as many as possible; None where they are new."""
        # The last place is not read yet: there every run would find itself.
        for end in range(self._read + 1, len(tokens)):
            for size in self._sizes:
                if size <= end:
                    self._end_of[tuple(tokens[end - size : end])] = end
            self._read = end
        for size in reversed(self._sizes):
            if size < len(tokens) and (place := self._end_of.get(tuple(tokens[-size:]))) is not None:
                return place
        return None
