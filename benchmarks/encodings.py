"""Which encoding a text is in: how often zaoju's detection is right, and charset-normalizer, chardet and cchardet.

    python benchmarks/encodings.py FOLDER [--texts 300] [--seed 1] [--markdown]
    python benchmarks/encodings.py --manifest messy/MANIFEST.json

FOLDER holds Chinese texts in UTF-8, simplified (`*.txt`). Passages from them are written in each encoding (for Big5, in
traditional characters, by OpenCC), whole or damaged, and a detector is right where its answer makes of the whole bytes
the text that was written. A mixed passage is UTF-8 and then, on a new line, the encoding of its row; there, right is to
say that it is mixed, which only zaoju does. The detectors see the same bytes. Speeds are those of 2,000 characters at a
time, by the processor's time, the detectors taking turns.

With `--manifest`, files with a known encoding are read as the `text` reader does, and each is right or wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from measuring import machine, rendered
from opencc import OpenCC

from zaoju.contracts import Problem
from zaoju.corpus import Line, SourceFile, TextLines
from zaoju.corpus.encodings import Encoding, detect_encoding

ENCODINGS = ("utf-8", "gb18030", "gb18030 4-byte", "gbk", "big5", "big5hkscs", "utf-16-le", "utf-16-be", "hz")
LENGTHS = (20, 60, 2000)
DAMAGE = ("none", "one bad byte", "cut last character", "two encodings")
_TRADITIONAL = ("big5", "big5hkscs")
_RARE = "㐂䶮𠮷𡈽"
_HONG_KONG = "嘅喺咗啲嚟"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--manifest", type=Path)
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--markdown", action="store_true")
    asked = parser.parse_args()
    if asked.manifest:
        print(rendered(known_files(asked.manifest), markdown=asked.markdown))
    if asked.folder:
        print(machine("charset-normalizer", "chardet", "faust-cchardet", "cchardet"))
        texts = list(passages(asked.folder, asked.texts, random.Random(asked.seed)))
        print(rendered(accuracy(texts, random.Random(asked.seed)), markdown=asked.markdown), "\n", sep="")
        print(rendered(speeds(texts), markdown=asked.markdown))


def passages(folder: Path, count: int, chance: random.Random) -> Iterator[str]:
    """Passages of 2,000 characters, every file alike."""
    texts = [path.read_text("utf-8") for path in sorted(folder.rglob("*.txt"))]
    long = [text for text in texts if len(text) > 2 * LENGTHS[-1]]
    for index in range(count):
        text = long[index % len(long)]
        start = chance.randrange(len(text) - LENGTHS[-1])
        yield text[start : start + LENGTHS[-1]]


def written(text: str, encoding: str, convert: Callable[[str], str], chance: random.Random) -> tuple[bytes, str]:
    """The bytes of `text`, and the text that they hold: what the encoding does not have is left out."""
    name = encoding.split()[0]
    if encoding in _TRADITIONAL:
        text = convert(text)
    extra = {"gb18030 4-byte": _RARE, "big5hkscs": _HONG_KONG}.get(encoding)
    if extra:
        place = chance.randrange(len(text))
        text = text[:place] + chance.choice(extra) + text[place + 1 :]
    if name == "hz":
        text = text.replace("~", "").encode("gb2312", "ignore").decode("gb2312")
        return b"\n".join(line.encode("hz") for line in text.split("\n")), text
    data = text.encode("cp950" if name == "big5" else name, errors="ignore")
    return data, data.decode("cp950" if name == "big5" else name)


def detectors() -> dict[str, Callable[[bytes], str | None]]:
    """What is installed, by name and version."""
    found: dict[str, Callable[[bytes], str | None]] = {"zaoju": _ours}
    for package, module in (
        ("charset-normalizer", "charset_normalizer"),
        ("chardet", "chardet"),
        ("cchardet", "cchardet"),
    ):
        try:
            detect = importlib.import_module(module).detect
        except ImportError:
            print(f"{package}: not installed")
            continue
        found[package] = lambda data, detect=detect: detect(data)["encoding"]
    return found


def _ours(data: bytes) -> str | None:
    found = detect_encoding([data])
    return found.name if isinstance(found, Encoding) else None


def accuracy(texts: list[str], chance: random.Random) -> list[list[str]]:
    """A line for each encoding and damage: the share of right answers of each detector at each length."""
    convert = OpenCC("s2t").convert
    ways = detectors()
    right: dict[tuple[str, str, str, int], list[bool]] = defaultdict(list)
    for passage in texts:
        for length in LENGTHS:
            start = chance.randrange(len(passage) - length + 1)
            text = passage[start : start + length].replace("\r", "")
            for encoding in ENCODINGS:
                data, truth = written(text, encoding, convert, chance)
                if data.isascii() and encoding != "hz":
                    continue  # every answer is right
                for damage in DAMAGE[:3]:
                    damaged = _damaged(data, damage, encoding, chance)
                    for name, detect in ways.items():
                        right[encoding, damage, name, length].append(_is_right(detect(damaged), data, truth))
                if not encoding.startswith(("utf", "hz")):
                    first = text.encode() + b"\n"
                    right[encoding, DAMAGE[3], "zaoju", length].append(_says_mixed(first + data))
    head = ["encoding", "damage", *(f"{name} {length}" for name in ways for length in LENGTHS)]
    table = [head]
    for encoding in ENCODINGS:
        for damage in DAMAGE:
            cells = [right.get((encoding, damage, name, length)) for name in ways for length in LENGTHS]
            if any(cells):
                table.append([encoding, damage, *(f"{statistics.mean(cell):.1%}" if cell else "-" for cell in cells)])
    return table


def _damaged(data: bytes, damage: str, encoding: str, chance: random.Random) -> bytes:
    if damage == "one bad byte":
        place = chance.randrange(len(data))
        return data[:place] + b"\xff" + data[place + 1 :]
    return data[:-1] if damage == "cut last character" else data


def _is_right(encoding: str | None, data: bytes, truth: str) -> bool:
    """Whether the answer leads from the whole bytes to the text that was written."""
    try:
        return encoding is not None and data.decode(encoding).removeprefix("\ufeff") == truth
    except (LookupError, UnicodeDecodeError):
        return False


def _read(path: Path) -> tuple[list[Line], list[Problem], str]:
    lines = TextLines(SourceFile(path, path.name, path.stat().st_size), encoding="auto", maximum_characters=10_000_000)
    items = list(lines)
    problems = [item for item in items if isinstance(item, Problem)]
    return [item for item in items if isinstance(item, Line)], problems, lines.encoding


def _says_mixed(data: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mixed.txt")
        path.write_bytes(data)
        return any("several encodings" in problem.reason for problem in _read(path)[1])


def speeds(texts: list[str]) -> list[list[str]]:
    """Megabytes a second of each detector, and of reading a file in lines."""
    table = [["", "MB/s of processor time, median of 5"]]
    sample = [text.encode("gb18030") for text in texts[:100]]
    size = sum(map(len, sample))
    seconds = defaultdict(list)
    ways = detectors()
    for _ in range(5):
        for name, detect in ways.items():
            started = time.process_time()
            for data in sample:
                detect(data)
            seconds[f"{name}, GB 18030"].append(time.process_time() - started)
    table += [[name, f"{size / 1e6 / statistics.median(taken):.1f}"] for name, taken in seconds.items()]
    with tempfile.TemporaryDirectory() as folder:
        for encoding in ("utf-8", "gb18030", "cp950", "utf-16-le"):
            path = Path(folder, "text.txt")
            data = "\n".join(texts).encode(encoding, errors="ignore")
            path.write_bytes(data * (20_000_000 // len(data) + 1))
            taken = []
            for _ in range(5):
                started = time.process_time()
                _read(path)
                taken.append(time.process_time() - started)
            table.append(
                [f"zaoju, lines of a file in {encoding}", f"{path.stat().st_size / 1e6 / statistics.median(taken):.0f}"]
            )
    return table


def known_files(manifest: Path) -> list[list[str]]:
    """A line for each file of a manifest: what it is in, what it was read as, and whether the text is right."""
    table = [["file", "known to be", "read as", "U+FFFD", "text"]]
    for entry in json.loads(manifest.read_text("utf-8")):
        lines, problems, encoding = _read(manifest.parent / entry["file"])
        text = "\n".join(str(line.text) for line in lines)
        told = [problem.reason for problem in problems if "several encodings" in problem.reason]
        table.append(
            [
                entry["file"],
                entry.get("encoding", "utf-8")[:50],
                f"{encoding}{', mixed' if told else ''}",
                f"{sum(line.replaced for line in lines)}",
                _verdict(text, entry.get("truth_utf8_sha256")),
            ]
        )
    return table


def _verdict(text: str, truth: str | None) -> str:
    """The hash is of the text with its own line ends, with or without one at the end."""
    if truth is None:
        return "not known"
    ends = (text, text + "\n", text.replace("\n", "\r\n"), text.replace("\n", "\r\n") + "\r\n")
    return "right" if truth in {hashlib.sha256(one.encode()).hexdigest() for one in ends} else "WRONG"


if __name__ == "__main__":
    main()
