"""The builtin strategies: named presets of transforms and a selector."""

from __future__ import annotations

from zaoju import Strategy


class Greedy(Strategy):
    """Always the most probable token."""

    chain = ("repetition_penalty",)
    selector = "argmax"


class SampleStrategy(Strategy):
    """Draws by the model's own probabilities, at a temperature."""

    chain = ("repetition_penalty", "temperature")
    selector = "sample"


class TopKStrategy(Strategy):
    """Draws from the k most probable tokens."""

    chain = ("repetition_penalty", "temperature", "top_k")
    selector = "sample"


class Nucleus(Strategy):
    """Draws from the smallest set of tokens that holds the share p of the probability."""

    chain = ("repetition_penalty", "temperature", "top_p")
    selector = "sample"
