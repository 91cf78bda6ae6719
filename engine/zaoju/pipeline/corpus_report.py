"""The page of a prepared corpus: what was read, what is kept, and what became of the rest, with examples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from zaoju.corpus import (
    Account,
    Count,
    Lengths,
    NearPair,
    Report,
    SourceAccount,
    read_near_pairs,
    read_report,
    read_sources,
)
from zaoju.pages import (
    Bar,
    Bars,
    Block,
    Example,
    Examples,
    Fact,
    Facts,
    Histogram,
    Page,
    Paragraph,
    Section,
    Share,
    Table,
    write_page,
)

REPORT_PAGE = "report.html"

_SOURCES_LISTED = 300
_PAIRS_LISTED, _PAIRS_SHOWN = 100, 10


def write_corpus_report(folder: Path) -> Path:
    """Write the page into the folder of a prepared corpus, and return its path.

    Raises `CorpusError` where what `prepare` wrote there cannot be read.
    """
    account = Account.from_json(json.loads((folder / "account.json").read_text("utf-8")))
    path = folder / REPORT_PAGE
    write_page(path, corpus_page(account, read_report(folder), read_sources(folder), read_near_pairs(folder)))
    return path


def corpus_page(account: Account, report: Report, sources: Iterator[SourceAccount], pairs: Iterator[NearPair]) -> Page:
    """The page, from the account, the report, the account of each source, and the near-duplicates."""
    left_out = account.read.documents - account.kept.documents
    return Page(
        "What became of the corpus",
        f"{account.read.documents:,} documents were read; {account.kept.documents:,} are kept, {left_out:,} are left"
        " out. Every character is accounted for.",
        [
            Section("Where the characters went", [_characters(account)]),
            Section("Length of the documents", list(_lengths(report))),
            Section("Left out, by rule", list(_left_out(account, report))),
            *_near_duplicates(pairs),
            Section("Changed by cleaners", list(_changes(account))),
            Section("Sources", list(_sources(sources))),
            Section("What could not be read", list(_problems(account))),
        ],
        lead=[_facts(account)],
    )


def _facts(account: Account) -> Facts:
    size = "" if account.bytes_read is None else f"from {account.bytes_read:,} bytes"
    return Facts(
        [
            Fact("characters read", account.read.characters, size),
            Fact("survive the cleaners", Share(account.share_kept), "of the characters, duplicates aside"),
            Fact("for training", account.train.characters, f"characters in {account.train.documents:,} documents"),
            Fact("held out", account.held_out.characters, f"characters in {account.held_out.documents:,} documents"),
        ]
    )


def _rules(account: Account) -> list[tuple[str, Count]]:
    """Every rule that left documents out, the one that left out the most first."""
    rules = [*account.dropped.items(), ("exact duplicate", account.duplicates)]
    rules += [("near duplicate", account.near_duplicates)]
    return sorted((rule for rule in rules if rule[1].documents), key=lambda rule: (-rule[1].documents, rule[0]))


def _characters(account: Account) -> Bars:
    """Kept, left out and removed: together they are what was read."""
    parts = [("kept for training", account.train), ("kept held out", account.held_out), *_rules(account)]
    bars = [_bar(name, count.characters, count.documents, account) for name, count in parts]
    bars += [_bar(f"removed by {name}", count, None, account) for name, count in account.removed.items() if count]
    return Bars(["", "characters", "share", "documents"], bars)


def _bar(name: str, characters: int, documents: int | None, account: Account) -> Bar:
    share = characters / account.read.characters if account.read.characters else 0.0
    return Bar(name, characters, (characters, Share(share), documents))


def _lengths(report: Report) -> Iterator[Block]:
    yield _histogram("Documents as they were read, by their length", report.read_lengths)
    yield _histogram("Documents that are kept, by their length", report.kept_lengths)


def _histogram(title: str, lengths: Lengths) -> Histogram:
    """Columns from the first to the last class that has documents."""
    there = [place for place, count in enumerate(lengths.classes) if count]
    places = range(there[0], there[-1] + 1) if there else range(0)
    labels = [_length_class(place) for place in places]
    return Histogram(title, "characters", labels, [lengths.classes[place] for place in places])


def _length_class(place: int) -> str:
    """`64–127`, and `1,024 …` for the longer ones, whose end is the beginning of the next."""
    first, last = (2 ** (place - 1), 2**place - 1) if place else (0, 0)
    if first == last:
        return str(first)
    return f"{first}–{last}" if last < 1000 else f"{first:,} …"


def _left_out(account: Account, report: Report) -> Iterator[Block]:
    rules = _rules(account)
    if not rules:
        yield Paragraph("No document is left out.")
        return
    bars = [Bar(rule, count.documents, (count.documents, count.characters)) for rule, count in rules]
    yield Bars(["rule", "documents", "characters"], bars)
    yield Paragraph("A few documents of each rule, as they begin; they are chosen by a hash, not picked.")
    for rule, _ in rules:
        examples = [Example(one.source, one.text) for one in report.examples.of.get(rule, ())]
        if examples:
            yield Examples(rule, examples)


def _near_duplicates(pairs: Iterator[NearPair]) -> Iterator[Section]:
    """Nothing where there is none, or where none was looked for."""
    listed = list(islice(pairs, _PAIRS_LISTED))
    more = sum(1 for _ in pairs)
    if not listed:
        return
    rows = [(pair.source, pair.stays, Share(pair.similarity)) for pair in listed]
    blocks: list[Block] = [Table(["left out", "stays", "in common"], rows)]
    if more:
        blocks.append(Paragraph(f"And {more:,} more; `near_duplicates.jsonl` beside this page has all of them."))
    for pair in listed[:_PAIRS_SHOWN]:
        examples = [Example(pair.source, pair.text, "left out"), Example(pair.stays, pair.staying_text, "stays")]
        blocks.append(Examples(f"{pair.similarity:.1%} in common: {pair.source}", examples))
    yield Section("Near duplicates", blocks)


def _changes(account: Account) -> Iterator[Block]:
    """How often, for the cleaners that say so."""
    rows = [(rule, count) for rule, count in sorted(account.changes.items(), key=lambda item: -item[1]) if count]
    if rows:
        yield Bars(["rule", "times in kept documents"], [Bar(rule, count, (count,)) for rule, count in rows])
    else:
        yield Paragraph("No cleaner says how often its rules changed a text that is kept.")
    if account.replaced_bytes:
        yield Paragraph(f"{account.replaced_bytes:,} bytes of the source were no text and stand as U+FFFD.")


def _sources(sources: Iterator[SourceAccount]) -> Iterator[Block]:
    listed = list(islice(sources, _SOURCES_LISTED))
    more = sum(1 for _ in sources)
    headings = ["source", "documents", "kept", "dropped", "duplicates", "near", "characters", "kept", "problems"]
    yield Table(headings, [_source_row(source) for source in listed])
    if more:
        yield Paragraph(f"And {more:,} more; `sources.jsonl` beside this page has all of them.")


def _source_row(source: SourceAccount) -> Sequence[str | int]:
    kept = source.train + source.held_out
    return (
        source.source,
        source.read.documents,
        kept.documents,
        source.dropped.documents,
        source.duplicates.documents,
        source.near_duplicates.documents,
        source.read.characters,
        kept.characters,
        source.problems,
    )


def _problems(account: Account) -> Iterator[Block]:
    if not account.problem_count:
        yield Paragraph("Nothing: the whole source was read.")
        return
    yield Table(
        ["where", "why", "bytes"],
        [(problem.source, problem.reason, problem.bytes) for problem in account.problems],
    )
    more = account.problem_count - len(account.problems)
    total = f"{account.problem_count:,} in all, with {account.problem_bytes:,} bytes where that is known."
    yield Paragraph(f"And {more:,} more: {total}" if more else total)
