"""What a checked config comes to: every component chosen, every option settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zaoju.config.schema import Config
from zaoju.plugins import JSON, ResolvedComponent


@dataclass(frozen=True, slots=True)
class DecodingPlan:
    """How text is written: which transforms in which order, who chooses, and every option that acts.

    It holds names and plain values only, so it can be pickled and recorded.
    """

    strategy: str
    """What the user named; for an explicit chain its parts, such as `temperature+top_k+sample`."""

    chain: tuple[ResolvedComponent, ...]
    """The transforms, in the order in which they are applied, each with its own options."""

    selector: ResolvedComponent | None
    """Takes one token; None where the search chooses by itself."""

    search: ResolvedComponent | None
    """Keeps several texts at once; None where a text is written token by token."""

    proposer: ResolvedComponent | None
    """Guesses at next tokens, which change the speed and never the text."""

    constraint: ResolvedComponent | None
    """The form that the text must have."""

    options: Mapping[str, JSON]
    """The options of the chain and of the search by name: nothing acts that is not listed here."""

    needs: Mapping[str, frozenset[str]]
    """By the name of each component that asks anything of the model and its vocabulary: `bytes`, `hidden`, `rewind`."""

    token_healing: bool
    """Whether the end of a prompt is cut anew where a longer token may stand."""

    max_new_tokens: int
    stop: tuple[str, ...]
    seed: int | None

    logprobs: int | None
    """How many alternatives are reported with the log-probability of each token; None reports none at all."""

    @property
    def choosers(self) -> tuple[ResolvedComponent, ...]:
        """Who decides which token comes: the selector, the search, or a search that asks the selector."""
        return tuple(part for part in (self.search, self.selector) if part is not None)

    @property
    def keeps_hidden(self) -> bool:
        """Whether the search looks at the model's hidden states."""
        return self.search is not None and "hidden" in self.needs.get(self.search.name, ())

    @property
    def parts(self) -> tuple[ResolvedComponent, ...]:
        """Every component that acts."""
        others = (self.proposer, self.constraint)
        return (*self.chain, *self.choosers, *(part for part in others if part is not None))

    def identity(self) -> dict[str, object]:
        """What an artefact records of the plan, and what decides whether texts must be written again."""
        return {
            "strategy": self.strategy,
            "chain": [component.identity() for component in self.chain],
            **{part.kind: part.identity() for part in self.parts if part.kind != "transform"},
            "token_healing": self.token_healing,
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
    executor: ResolvedComponent
    segmenter: ResolvedComponent
    vocabulary: ResolvedComponent
    trainer: ResolvedComponent
    trackers: tuple[ResolvedComponent, ...]
    runner: ResolvedComponent | None
    """Who computes with the finished model; None leaves it to the model's folder."""

    decoding: DecodingPlan
