"""Scores and samples as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator

import zaoju


def score_lines(scores: zaoju.Scores) -> list[str]:
    """The scores, then the texts of every strategy side by side, prompt by prompt."""
    return [held_out_line(scores.held_out), *_source_lines(scores), *_copied_lines(scores), *_sample_lines(scores)]


def held_out_line(score: zaoju.Score) -> str:
    """Bits per character, and of how much text."""
    return (
        f"{score.bits_per_character:.3f} bits per character "
        f"({score.documents:,} documents, {score.characters:,} characters)"
    )


def _source_lines(scores: zaoju.Scores) -> Iterator[str]:
    source = scores.source
    if source is None:
        return
    yield (
        f"{source.entropy:.3f} bits per character is the entropy of the source; "
        f"the model is {source.gap:.3f} away from it"
    )
    yield f"{source.accepted} of {source.samples} generated texts are such as the source writes"


def _copied_lines(scores: zaoju.Scores) -> Iterator[str]:
    if scores.copied is not None and scores.copied.passages:
        yield f"{scores.copied.share:.1%} of the 20-character passages of generated texts stand in the training text"


def _sample_lines(scores: zaoju.Scores) -> Iterator[str]:
    for prompt in dict.fromkeys(sample.prompt for sample in scores.samples):
        yield ""
        yield prompt or "(no prompt)"
        for sample in scores.samples:
            if sample.prompt == prompt:
                text = " ".join(sample.text.split())
                yield f"  {sample.strategy:<10} {prompt}│{text}"
