"""What the cleaners keep, join, repair and find, and how fast they are.

    python benchmarks/cleaning.py FOLDER [--markdown]

FOLDER holds texts: every `.txt` (blank lines part documents) and every `.jsonl` with a field `lines`, one poem
an object; nothing below `messy` and `segmentation`, except a `mojibake.jsonl` with the fields `kind`, `mojibake` and
`truth`. Speed is in megabytes of UTF-8 for each second of processor time, which other programs disturb little.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from zaoju import Cleaned, Cleaner, Dropped, Options
from zaoju.plugins import PluginManager

ROUNDS = 3
SAMPLE = 700_000
CHAIN = ("mojibake", "basic", "unicode", "language", "quality")
"""Read, repair, normalise and filter: what a corpus from the web needs."""
EACH = (
    "mojibake",
    "basic",
    "unicode",
    "join_lines",
    "repeated_lines",
    "language",
    "quality",
    "personal_data",
    "script",
)
PROFILES = ("web", "prose", "classical_poetry", "dialogue")
NO_LINE_BEGINS_WITH = "，。、；：！？”’」』）》〉】…—·"

Corpus = dict[str, list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--markdown", action="store_true", help="tables for docs/cleaning.md")
    arguments = parser.parse_args()
    corpus = read_corpus(arguments.folder)
    tables = [("Speed, MB/s of one core", speeds(corpus)), ("Kept by `quality`, %", kept(corpus))]
    tables.append(("`join_lines`", joining(corpus)))
    tables += [("`mojibake`", repairs(path)) for path in sorted(arguments.folder.rglob("mojibake.jsonl"))]
    for title, rows in tables:
        print(f"\n{title}\n")
        show(rows, markdown=arguments.markdown)


def read_corpus(folder: Path) -> Corpus:
    """Documents by the name of their file."""
    corpus: Corpus = {}
    for path in sorted(folder.rglob("*.txt")):
        if "messy" not in path.parts and "segmentation" not in path.parts:
            corpus[path.stem] = [text for text in path.read_text("utf-8").split("\n\n") if text.strip()]
    for path in sorted(folder.rglob("*.jsonl")):
        objects = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]
        if objects and "lines" in objects[0]:
            corpus[path.stem] = ["\n".join(item["lines"]) for item in objects]
    return corpus


def build(name: str, **options: object) -> Cleaner[Options]:
    """A builtin cleaner."""
    return PluginManager.discover().resolve("cleaner", name, options).build(Cleaner)


def text_of(found: str | Cleaned | Dropped) -> str | None:
    """The text that a cleaner gave; None where it dropped the document."""
    if isinstance(found, Dropped):
        return None
    return found.text if isinstance(found, Cleaned) else found


def through(chain: Sequence[Cleaner[Options]], texts: Iterable[str]) -> int:
    """How many documents a chain of cleaners leaves."""
    left = 0
    for text in texts:
        current: str | None = text
        for cleaner in chain:
            current = text_of(cleaner.clean(current))
            if current is None:
                break
        left += current is not None
    return left


def speeds(corpus: Corpus) -> list[list[str]]:
    """MB/s of every cleaner and of a chain, by the length of the documents; the median of rounds that take turns."""
    everything = [text for texts in corpus.values() for text in texts]
    lengths = {"below 100 characters": (0, 100), "100 to 1,000": (100, 1000), "above 1,000": (1000, 10**9)}
    ways = {name: [build(name)] for name in EACH} | {" + ".join(CHAIN): [build(name) for name in CHAIN]}
    rows = [["cleaner", *lengths]]
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    for turn in range(ROUNDS + 1):
        for length, (least, most) in lengths.items():
            texts = spread([text for text in everything if least <= len(text) < most])
            size = sum(len(text.encode()) for text in texts) / 1e6
            for name in reversed(ways) if turn % 2 else ways:
                started = time.process_time()
                through(ways[name], texts)
                if turn:
                    rates[name, length].append(size / (time.process_time() - started))
    for name in ways:
        rows.append([f"`{name}`", *(f"{statistics.median(rates[name, length]):.1f}" for length in lengths)])
    return rows


def spread(texts: list[str]) -> list[str]:
    """Texts from all over the list, as many as make about `SAMPLE` characters."""
    every = max(1, sum(map(len, texts)) // SAMPLE)
    return texts[::every]


def kept(corpus: Corpus) -> list[list[str]]:
    """What each profile of `quality` keeps of each file, and what it drops most of under `web`."""
    profiles = {name: build("quality", profile=name) for name in PROFILES}
    rows = [["text", "documents", *PROFILES, "most dropped under `web`"]]
    for name, texts in corpus.items():
        shares = [100 * through([profiles[profile]], texts) / len(texts) for profile in PROFILES]
        reasons = Counter(
            found.reason for text in texts if isinstance(found := profiles["web"].clean(text), Dropped)
        ).most_common(2)
        most = ", ".join(f"{reason} {100 * count / len(texts):.1f}" for reason, count in reasons)
        rows.append([name, f"{len(texts):,}", *(f"{share:.1f}" for share in shares), most])
    return rows


def wrap(paragraph: str, columns: int, indent: int) -> list[str]:
    """Lines of at most so many columns; closing punctuation hangs over by one place, or takes a character with it."""
    lines, line, width = [], "", indent
    for token in re.findall(r"[!-~]+ ?|.", paragraph):
        size = sum(2 if sign > "\u2000" else 1 for sign in token)
        closing = token in NO_LINE_BEGINS_WITH
        if line and width + len(token.rstrip()) * size // len(token) > columns + 2 * closing:
            carried = line[-1] if closing else ""
            lines.append(line[: len(line) - len(carried)].rstrip())
            line, width = carried, 2 * len(carried)
        line, width = line + token, width + size
    return [*lines, line.rstrip()] if line else lines


def joining(corpus: Corpus) -> list[list[str]]:
    """Prose wrapped at a random width and joined again: how many of the cut ends, and how many others."""
    cleaner = build("join_lines")
    rows = [["paragraphs are marked by", "line ends cut", "joined again, %", "wrongly joined, of a million"]]
    prose = [text for name, texts in corpus.items() if "poetry" not in name for text in texts[:150] if "\n" in text]
    for style in ("indents", "blank lines", "nothing"):
        draw = random.Random(1)
        right = wrong = cut = 0
        for text in prose:
            lines, ends = wrapped(text, draw.choice([60, 64, 70, 72, 76, 80]), style)
            found = joined_ends("\n".join(lines), text_of(cleaner.clean("\n".join(lines))) or "", lines)
            cut += sum(not end for end in ends)
            right += sum(joined and not end for joined, end in zip(found, ends, strict=False))
            wrong += sum(joined and end for joined, end in zip(found, ends, strict=False))
        rows.append([style, f"{cut:,}", f"{100 * right / cut:.1f}", f"{1e6 * wrong / max(1, right + wrong):.0f}"])
    return rows


def wrapped(text: str, columns: int, style: str) -> tuple[list[str], list[bool]]:
    """The lines of a wrapped text, and which of them end a paragraph."""
    lines: list[str] = []
    ends: list[bool] = []
    for paragraph in filter(None, map(str.strip, text.split("\n"))):
        parts = wrap(paragraph, columns, 4 if style == "indents" else 0)
        if style == "indents":
            parts[0] = "\u3000\u3000" + parts[0]
        if style == "blank lines" and lines:
            parts[0] = "\n" + parts[0]
        lines += parts
        ends += [*[False] * (len(parts) - 1), True]
    return lines, ends


def joined_ends(before: str, after: str, lines: list[str]) -> list[bool]:
    """For each line but the last whether it goes on in the cleaned text."""
    if before == after:
        return [False] * (len(lines) - 1)
    place, joined = 0, []
    for line in lines[:-1]:
        place = after.index(line.strip(), place) + len(line.strip())
        joined.append(not re.match(r"[^\S\n]*\n", after[place : place + 50]))
    return joined


def repairs(path: Path) -> list[list[str]]:
    """What becomes of each kind of mojibake."""
    cleaner = build("mojibake")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for line in filter(None, path.read_text("utf-8").split("\n")):
        item = json.loads(line)
        text = text_of(cleaner.clean(item["mojibake"]))
        fate = "dropped" if text is None else "repaired" if text == item["truth"] else "neither"
        counts[item["kind"]][fate] += 1
    fates = ("repaired", "dropped", "neither")
    return [["kind", *fates], *([kind, *(str(found[fate]) for fate in fates)] for kind, found in counts.items())]


def show(rows: list[list[str]], *, markdown: bool) -> None:
    """A table, aligned or in Markdown."""
    if markdown:
        print(f"| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
        print("\n".join(f"| {' | '.join(row)} |" for row in rows[1:]))
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
