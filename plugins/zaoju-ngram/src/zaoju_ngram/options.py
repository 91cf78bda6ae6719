"""What the user may write."""

from __future__ import annotations

from pydantic import Field

from zaoju import Options


class NgramOptions(Options):
    """Options of the trainer `ngram`."""

    order: int = Field(
        default=4, ge=2, le=10, description="The model looks at this many tokens, the one that it predicts included"
    )
    context: int = Field(
        default=4096, ge=16, description="How many tokens a text may have in all; the model looks at the last few only"
    )
