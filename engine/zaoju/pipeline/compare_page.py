"""Compared runs as one HTML page."""

from __future__ import annotations

from pathlib import Path

from zaoju.pages import Bar, Bars, Block, Page, Paragraph, Section, Table, write_page
from zaoju.pipeline.compare import Comparison
from zaoju.pipeline.duration import duration


def write_comparison_page(path: Path | str, found: Comparison) -> None:
    """Write the page of a comparison to `path`, whole or not at all: bars, all the numbers, a text of each run."""
    bars = [Bar(run.name, run.bits_per_character, (round(run.bits_per_character, 3),)) for run in found.runs]
    rows = [
        (
            run.name,
            run.trainer,
            run.architecture,
            f"{run.segmenter}, {run.vocabulary}" if run.segmenter else run.vocabulary,
            run.characters_per_token,
            run.parameters,
            None if run.training_seconds is None else duration(run.training_seconds),
        )
        for run in found.runs
    ]
    headings = ["run", "trainer", "model", "tokens", "characters per token", "weights", "training"]
    lead: list[Block] = [Paragraph(f"Warning: {warning}.") for warning in found.warnings]
    sections = [
        Section("Bits per character of held-out text", [Bars(["run", "bits per character"], bars)]),
        Section("What they are", [Table(headings, rows)]),
    ]
    texts = [(run.name, f"{run.sample.prompt}│{run.sample.text}") for run in found.runs if run.sample is not None]
    if texts:
        strategy = next(run.sample.strategy for run in found.runs if run.sample is not None)
        sections.append(Section(f"What they write, by {strategy}", [Table(["run", "text"], texts)]))
    write_page(Path(path), Page("Runs compared", _summary(found), sections, lead))


def _summary(found: Comparison) -> str:
    best = found.runs[0]
    if len(found.runs) == 1 or found.warnings:
        return "Fewer bits per character are better, where the text is the same."
    second = found.runs[1]
    return (
        f"{best.name} needs the fewest bits per character: {best.bits_per_character:.3f}, where {second.name} needs"
        f" {second.bits_per_character:.3f}. All were scored on the same {best.characters:,} characters."
    )
