"""What is known of a finished model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from zaoju.evaluation import Copied, Score, SourceComparison


@dataclass(frozen=True, slots=True)
class Sample:
    """One continued prompt."""

    strategy: str
    prompt: str
    text: str
    finish_reason: str


@dataclass(frozen=True, slots=True)
class Scores:
    """What is known of a finished model."""

    held_out: Score
    source: SourceComparison | None
    """None where the corpus is no source of known probability."""

    samples: tuple[Sample, ...]
    copied: Copied | None = None
    """What of all texts written here stands in the training text; None for a model that an older zaoju scored."""

    def to_json(self) -> dict[str, object]:
        """Plain data for `scores.json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Scores:
        """The scores that `to_json` wrote."""
        held_out, source, samples = data["held_out"], data["source"], data["samples"]
        copied = data.get("copied")
        assert isinstance(held_out, dict) and isinstance(samples, list)
        return cls(
            held_out=Score(**held_out),
            source=SourceComparison(**source) if isinstance(source, dict) else None,
            samples=tuple(Sample(**sample) for sample in samples),
            copied=Copied(**copied) if isinstance(copied, dict) else None,
        )
