"""What the user may write."""

from __future__ import annotations

from pydantic import Field

from zaoju import Options


class TopNSigmaOptions(Options):
    """How far below the largest logit a token may lie."""

    top_n_sigma: float = Field(default=1.0, ge=0, description="In standard deviations of the logits; 0 keeps all")
