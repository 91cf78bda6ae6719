"""A vocabulary's report as one HTML page."""

from __future__ import annotations

from pathlib import Path

from zaoju.pages import Fact, Facts, Line, LinePlot, Page, Section, Table, write_page
from zaoju.tokenization import VocabularyReport


def write_vocabulary_page(path: Path | str, found: VocabularyReport) -> None:
    """Write the page of a report to `path`, whole or not at all: its numbers, the plot of Zipf, its tokens.

    Raises `UserError` where matplotlib is not installed.
    """
    kind = "needs its segmenter at run time" if found.live else "portable"
    facts = [
        Fact("characters per token", found.characters_per_token, f"{1 / found.characters_per_token:.3f} tokens each"),
        Fact("tokens of the vocabulary", found.vocabulary_size, kind),
        Fact("never used here", found.never_used, "bytes and special tokens are not counted"),
        Fact("written as bytes", f"{found.byte_characters:.3%}", "of the characters"),
    ]
    if found.window_characters is not None:
        facts.append(Fact("characters in the window", round(found.window_characters), f"{found.window:,} tokens"))
    ranks, counts = zip(*found.zipf, strict=True)
    plot = LinePlot(
        "How often the token of each rank occurs", "rank", "count", [Line("tokens", ranks, counts)], True, True
    )
    sections = [
        Section("Counts by rank", [plot]),
        Section("Most frequent", [Table(["token", "count"], [(repr(text), n) for text, n in found.most_frequent])]),
        Section("Rarest", [Table(["token", "count"], [(repr(text), n) for text, n in found.rarest])]),
        Section("Longest", [Table(["token", "characters"], [(repr(text), len(text)) for text in found.longest])]),
        Section("Never used here", [Table(["token"], [(repr(text),) for text in found.unused])]),
    ]
    if found.overlap is not None:
        sections.append(Section("The other vocabulary", [_overlap(found)]))
    summary = f"{found.characters:,} characters became {found.tokens:,} tokens."
    write_page(Path(path), Page("Vocabulary", summary, sections, [Facts(facts)]))


def _overlap(found: VocabularyReport) -> Facts:
    assert found.overlap is not None
    other = found.overlap
    return Facts(
        [
            Fact("its tokens", other.vocabulary_size),
            Fact("tokens in both", other.shared, f"{other.covered:.1%} of this text"),
            Fact("its characters per token", other.characters_per_token),
        ]
    )
