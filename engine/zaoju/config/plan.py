"""What a checked config comes to: every component chosen, every option settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zaoju.config.schema import Config
from zaoju.plugins import ResolvedComponent


@dataclass(frozen=True, slots=True)
class DecodingPlan:
    """How text is written: which transforms in which order, which selector, and every number that acts.

    It holds names and plain values only, so it can be pickled and recorded.
    """

    strategy: str
    """What the user named; for an explicit chain its parts, such as `temperature+top_k+sample`."""

    chain: tuple[ResolvedComponent, ...]
    """The transforms, in the order in which they are applied, each with its own options."""

    selector: ResolvedComponent

    options: Mapping[str, float]
    """The options of the whole chain by name: nothing acts that is not listed here."""

    max_new_tokens: int
    stop: tuple[str, ...]
    seed: int | None

    def identity(self) -> dict[str, object]:
        """What an artefact records of the plan, and what decides whether texts must be written again."""
        return {
            "strategy": self.strategy,
            "chain": [component.identity() for component in self.chain],
            "selector": self.selector.identity(),
            "max_new_tokens": self.max_new_tokens,
            "stop": list(self.stop),
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """A config that can run: all of it has been checked against the installed plugins."""

    config: Config
    """The effective config: every default filled in, every path absolute."""

    readers: tuple[ResolvedComponent, ...]
    cleaners: tuple[ResolvedComponent, ...]
    segmenter: ResolvedComponent
    vocabulary: ResolvedComponent
    trainer: ResolvedComponent
    decoding: DecodingPlan
