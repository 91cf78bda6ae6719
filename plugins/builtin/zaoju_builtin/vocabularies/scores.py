"""Log-probabilities for the tokens of a word vocabulary."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

_UNSEEN = 0.5


def log_frequencies(vocabulary: Iterable[str], counts: Mapping[str, int]) -> dict[str, float]:
    """The natural logarithm of each token's share of all tokens; a token that was never used counts as half a use."""
    total = sum(counts.values())
    return {token: math.log((counts.get(token) or _UNSEEN) / (total or 1)) for token in vocabulary}
