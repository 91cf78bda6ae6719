"""No n-gram twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zaoju import StepContext, Transform
from zaoju_builtin.decoding.transforms.history_options import LONGEST_NGRAM
from zaoju_builtin.decoding.transforms.host_rows import looks_are_free
from zaoju_builtin.decoding.transforms.past import matches, occurrences
from zaoju_builtin.decoding.transforms.removal import remove

if TYPE_CHECKING:
    from zaoju.contracts import Columns


class NoRepeatNgram(Transform):
    """Removes every token that would complete a sequence of n tokens which already stands in the prompt or the text.

    Where nothing else is left, the row stays as it is, as a row must keep a token. 0 removes nothing.

    Paulus, Xiong and Socher, "A Deep Reinforced Model for Abstractive Summarization", 2017 (arXiv 1705.04304), for
    trigrams; the option is named as in fairseq and transformers.
    """

    neutral: ClassVar[Mapping[str, object]] = {"no_repeat_ngram_size": 0}
    only_removes = True

    def apply(self, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        history, size = context.history, options["no_repeat_ngram_size"].unsqueeze(1)
        # Looking at a number costs nothing on a CPU; an accelerator would have to wait for it.
        longest = max(0, int(size.max()) - 1) if looks_are_free(logits) else LONGEST_NGRAM - 1
        completing = history.valid & (matches(history, history.valid, longest) >= size - 1) & (size > 0)
        tokens, count = occurrences(history, completing, logits.shape[1])
        return remove(logits, tokens, count > 0)
