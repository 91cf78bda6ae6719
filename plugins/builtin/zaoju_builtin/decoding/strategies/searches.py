"""The builtin strategies that keep several texts at once: presets of transforms, a search, and a selector if asked."""

from __future__ import annotations

from zaoju import Strategy


class Beam(Strategy):
    """The most probable text that a beam of texts finds."""

    chain = ("repetition_penalty",)
    search = "beam"


class DiverseBeam(Strategy):
    """Beam search in groups that shun one another's tokens."""

    chain = ("repetition_penalty",)
    search = "diverse_beam"


class Contrastive(Strategy):
    """Probable tokens that are unlike the text so far."""

    chain = ("repetition_penalty",)
    search = "contrastive"


class BestOfN(Strategy):
    """The most probable of several texts that are drawn as by `nucleus`."""

    chain = ("repetition_penalty", "temperature", "top_p")
    selector = "sample"
    search = "best_of_n"


class Guidance(Strategy):
    """A text drawn as by `nucleus` that follows its prompt more strictly, away from another one."""

    chain = ("repetition_penalty", "temperature", "top_p")
    selector = "sample"
    search = "guidance"
