"""Learning the answers of conversations, and only them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zaoju.errors import UserError


def windows_to_learn(
    counts: npt.NDArray[np.bool_], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Which windows predict a token that counts; a window predicts the `lengths` tokens after the one at its start.

    A window of nothing but questions has no loss, and a batch of such windows would have none either. Raises
    `UserError` where no window is left.
    """
    before = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    chosen = np.flatnonzero(before[starts + lengths + 1] > before[starts + 1])
    if not len(chosen):
        raise UserError(
            "the training corpus is made of conversations, and none has an answer to learn: look whether the reader "
            "takes the right fields (`answer:`, `turns:`), or set corpus.held_out lower"
        )
    return chosen
