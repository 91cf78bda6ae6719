"""Words that must not come to stand in the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

import torch

from zaoju import StepContext, TokenTable, Transform
from zaoju_builtin.decoding.transforms.removal import remove
from zaoju_builtin.decoding.transforms.word_tables import ANYWHERE, word_tables

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class BadWords(Transform):
    """Removes every token that would complete one of the `bad_words`, however the text is cut into tokens.

    A word is found by its bytes: it may begin or end in the middle of a token, and it may begin in the prompt. So no
    word comes to stand in prompt and text where it did not stand in the prompt. There is one exception: where only such
    tokens are left, the row stays as it is, as a row must keep a token. Tokens that write nothing, such as special
    ones, neither complete nor interrupt a word.

    The state is that of an automaton on the words' bytes, after Aho and Corasick, 1975. The tables of a list of words
    are made once for a vocabulary. Needs a byte-level vocabulary.
    """

    neutral: ClassVar[Mapping[str, object]] = {"bad_words": ()}
    only_removes = True

    def prepare(self, options: Mapping[str, object], prompt: Sequence[int], table: TokenTable) -> Columns:
        tables = word_tables(table, cast("list[str]", options["bad_words"]))
        return {**tables.tensors, "first_state": torch.tensor([tables.state_after(prompt, table)])}

    def init_state(self, options: Columns) -> Columns:
        return {"written": options["first_state"][:, 0].clamp(min=0)}

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        rows, width = logits.shape
        tokens = options["ban_token"]
        banned = _at(options["ban_state"], context.state["written"]) & (tokens >= 0)
        # A token may stand in several entries, of which one bans it; what is not banned marks a column of its own.
        marks = torch.zeros(rows, width + 1, dtype=torch.bool, device=logits.device)
        marks = marks.scatter(1, tokens.masked_fill(~banned, width), True)
        tokens = tokens.clamp(min=0)
        return remove(logits, tokens, marks.gather(1, tokens))

    def observe(
        self, state: Columns, tokens: torch.Tensor, before: torch.Tensor, after: torch.Tensor, options: Columns
    ) -> Columns:
        written, token = state["written"], tokens.unsqueeze(1)
        moves = _at(options["move_state"], written) & (options["move_token"] == token)
        reached = options["move_next"].masked_fill(~moves, 0)
        # A row without any entry needs a column for its largest.
        following = torch.nn.functional.pad(reached, (0, 1)).amax(dim=1)
        silent = (options["silent"] == token).any(dim=1)
        return {"written": torch.where(silent, written, following)}


def _at(states: torch.Tensor, written: torch.Tensor) -> torch.Tensor:
    """[N, K] bool: which entries of a table with `states` [N, K] are for the states `written` [N]."""
    return (states == written.unsqueeze(1)) | (states == ANYWHERE)
