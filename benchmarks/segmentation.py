"""What each segmenter costs and how well it cuts, so that one can be chosen by numbers.

    python benchmarks/segmentation.py FOLDER [--prose FILE...] [--rounds 3] [--characters 200000] [--markdown]

FOLDER holds pairs of `NAME.raw.txt` (a sentence a line) and `NAME.gold.txt` (the same, with a blank between words).
Precision, recall and F1 are of words, by their places in the sentence, over all pairs. `agrees with jieba` is the F1 of
a segmenter's words against jieba's on the prose; without prose on the raw sentences. MB/s are of UTF-8, the median of
the rounds in which the segmenters take turns; loading is left out, and for processes all that is done before the first
results come. pkuseg is timed, and compared with jieba, on every tenth line only. Segmenters that are not installed are
named and left out.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

from measuring import OtherWork, Table, machine, ratios, rendered, spread

from zaoju.contracts import Segmenter
from zaoju.errors import PluginError
from zaoju.plugins import PluginManager, ResolvedComponent
from zaoju.tokenization import LosslessSegmenter, segment_documents

_CHOICES: dict[str, tuple[str, dict[str, object]]] = {
    "characters": ("characters", {}),
    "jieba": ("jieba", {}),
    "jieba, no HMM": ("jieba", {"hmm": False}),
    "rjieba": ("rjieba", {}),
    "rjieba, no HMM": ("rjieba", {"hmm": False}),
    "pkuseg": ("pkuseg", {}),
}
_SLOW = {"pkuseg": 10}
"""Of these a part of the text is enough to time: one in so many lines."""

_BATCH = 256
"""So many short texts go to a process at once."""

_LEAST_BATCHES = 24
_SECONDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--prose", nargs="*", type=Path, default=[], metavar="FILE", help="UTF-8, a paragraph a line")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--characters", type=int, default=200_000, help="how much of each prose file is cut")
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    pairs = [pair for raw in sorted(arguments.folder.glob("*.raw.txt")) for pair in _pairs(raw)]
    if not pairs:
        parser.error(f"{arguments.folder} holds no pair of NAME.raw.txt and NAME.gold.txt")
    prose = [line for file in arguments.prose for line in _lines(file, arguments.characters)]
    prose = [part for line in prose for part in _parts(line)] or [raw for raw, _ in pairs]
    choices, missing = _installed(PluginManager.discover())
    print(machine("jieba", "rjieba", "pkuseg"))
    for name, reason in missing.items():
        print(f"left out: {name}: {reason}")
    print(f"{len(pairs):,} sentences with gold words; prose of {sum(map(len, prose)):,} characters\n")
    with OtherWork() as other:
        print(rendered(_table(choices, pairs, prose, arguments.rounds), markdown=arguments.markdown))
    print(f"\nother programs had {other.share:.0%} of the machine meanwhile")


def _table(
    choices: dict[str, ResolvedComponent], pairs: Sequence[tuple[str, list[str]]], prose: Sequence[str], rounds: int
) -> Table:
    """A line for each segmenter."""
    cutters = {name: LosslessSegmenter(one.build(Segmenter), name) for name, one in choices.items()}
    texts = {name: list(prose)[:: _SLOW.get(name, 1)] for name in choices}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    alone: dict[str, list[float]] = {name: [] for name in choices}
    together: dict[str, list[float]] = {name: [] for name in choices}
    for turn in range(rounds):
        for name in reversed(choices) if turn % 2 else choices:
            started = time.perf_counter()
            cutters[name].pieces_of_all(texts[name])
            alone[name].append(_megabytes(texts[name]) / (time.perf_counter() - started))
            together[name].append(_speed_of_processes(choices[name], texts[name], cores, alone[name][-1]))
    jieba = cutters.get("jieba")
    ours = None if jieba is None else [jieba.pieces(text) for text in prose]
    table: list[list[str]] = [
        [
            "segmenter",
            "MB/s, 1 process",
            "times jieba",
            f"MB/s, {cores} processes",
            "precision",
            "recall",
            "F1",
            "agrees with jieba",
        ]
    ]
    for name, cutter in cutters.items():
        precision, recall, f1 = _scores([cutter.pieces(raw) for raw, _ in pairs], [gold for _, gold in pairs])
        own = [cutter.pieces(text) for text in texts[name]]
        agrees = "-" if ours is None else f"{_scores(own, ours[:: _SLOW.get(name, 1)])[2]:.4f}"
        quality = [f"{one:.4f}" for one in (precision, recall, f1)]
        times = spread(ratios(alone[name], alone["jieba"])) if "jieba" in alone else "-"
        table.append([name, spread(alone[name]), times, spread(together[name]), *quality, agrees])
    return table


def _speed_of_processes(choice: ResolvedComponent, texts: Sequence[str], workers: int, speed: float) -> float:
    """MB/s from the first results on; the texts are repeated until they are seconds of work for all at this `speed`."""
    wanted = max(_LEAST_BATCHES * _BATCH, len(texts) * _SECONDS * workers * speed / _megabytes(texts))
    texts = list(islice(cycle(texts), int(wanted)))
    pieces = segment_documents(choice, texts, workers)
    first = [next(pieces) for _ in range(_BATCH)]
    started = time.perf_counter()
    rest = sum(1 for _ in pieces)
    return _megabytes(texts[len(first) : len(first) + rest]) / (time.perf_counter() - started)


def _megabytes(texts: Sequence[str]) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6


def _scores(found: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> tuple[float, float, float]:
    """Precision, recall and F1 of words by their places; white space is no word."""
    right = given = wanted = 0
    for one, other in zip(found, gold, strict=True):
        mine, theirs = set(_places(one)), set(_places(other))
        right, given, wanted = right + len(mine & theirs), given + len(mine), wanted + len(theirs)
    precision, recall = right / max(given, 1), right / max(wanted, 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)


def _places(pieces: Sequence[str]) -> Iterator[tuple[int, int]]:
    start = 0
    for piece in pieces:
        if not piece.isspace():
            yield start, start + len(piece)
        start += len(piece)


def _pairs(raw: Path) -> Iterator[tuple[str, list[str]]]:
    """Each sentence of a file with its gold words."""
    gold = raw.with_name(raw.name.replace(".raw.", ".gold."))
    if not gold.is_file():
        raise SystemExit(f"{raw} has no {gold.name} beside it")
    sentences, cuts = raw.read_text("utf-8").splitlines(), gold.read_text("utf-8").splitlines()
    for number, (sentence, cut) in enumerate(zip(sentences, cuts, strict=True), start=1):
        if "".join(cut.split()) != "".join(sentence.split()):
            raise SystemExit(f"{gold}, line {number}: the characters are not those of {raw.name}")
        yield "".join(sentence.split()), cut.split()


def _lines(file: Path, characters: int) -> Iterator[str]:
    """The first lines of a file, so many characters of them."""
    for line in file.read_text("utf-8").splitlines():
        if line.strip() and characters > 0:
            characters -= len(line)
            yield line


def _parts(line: str) -> Iterator[str]:
    """A line in sentences, so that there are enough texts for all processes."""
    yield from (part for part in re.split(r"(?<=[。！？])", line) if part)


def _installed(plugins: PluginManager) -> tuple[dict[str, ResolvedComponent], dict[str, str]]:
    """The segmenters that can be used, and why the others cannot."""
    found, missing = {}, {}
    for name, (component, options) in _CHOICES.items():
        try:
            found[name] = plugins.resolve("segmenter", component, options)
            found[name].build(Segmenter)
        except PluginError as error:
            found.pop(name, None)
            missing[name] = str(error)
    return found, missing


if __name__ == "__main__":
    main()
