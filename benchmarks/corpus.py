"""How fast a corpus is prepared, and how much memory it takes.

    python benchmarks/corpus.py FOLDER [--parts reading steps memory] [--megabytes 100] [--rounds 3] [--markdown]

FOLDER holds text: `.jsonl` files with a field `text`, and `.txt` files with a document a paragraph, or a line. From it
two corpora are made, JSON lines and plain text, of about so many megabytes: the documents are gone through again and
again, each time with a number of their own, so that they are no duplicates. Figures are in megabytes of the source,
10^6 bytes. What is timed is the command `zaoju prepare` as a user starts it, its imports and its processes included. A
processor second is one of any core, so that figure holds beside other work, too. The bare loop is what Python itself
needs: each document is parsed, written as JSON and hashed, and nothing else. The peak of memory is that of the largest
of the processes, which is the one that knows all hashes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from measuring import OtherWork, Table, machine, rendered, spread

from zaoju.config import NearDuplicates
from zaoju.corpus.fates import DIGEST_TYPE, different_texts, hold_out, without_duplicates
from zaoju.corpus.held_out import text_digest
from zaoju.corpus.near_duplicates import find_near_duplicates
from zaoju.corpus.sketches import Sketcher
from zaoju.tokenization import PackedTokens
from zaoju.training import PackedBatches

_FILES = 8
_DIGESTS = 1_000_000
_NEAR = 3_000
_TOKENS = 50_000_000
_BATCHES = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--parts", nargs="+", choices=("reading", "steps", "memory"), default=[*_PARTS])
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    if next(_documents(arguments.folder), None) is None:
        parser.error(f"there is no text in .jsonl or .txt files of {arguments.folder}")
    print(f"{machine('numpy', 'rensa')}\n")
    with tempfile.TemporaryDirectory(prefix="zaoju-corpus-") as scratch, OtherWork() as others:
        for part in arguments.parts:
            table = _PARTS[part](arguments.folder, Path(scratch), arguments.megabytes, arguments.rounds)
            print(rendered(table, markdown=arguments.markdown), end="\n\n", flush=True)
    print(f"other programs took {others.share:.0%} of the cores meanwhile")


def _reading(folder: Path, scratch: Path, megabytes: float, rounds: int) -> Table:
    """Read, clean, find exact duplicates, split and write, with all cores and with one."""
    table = [["read, clean, split", "MB/s, all cores", "MB/s, one process", "MB a processor second", "bare loop"]]
    for reader in ("jsonl", "text"):
        corpus = _write_corpus(folder, scratch / reader, megabytes, reader)
        size = sum(path.stat().st_size for path in corpus.iterdir()) / 1e6
        taken: dict[int, list[Prepared]] = {0: [], 1: []}
        bare = []
        for _ in range(rounds):  # in turn
            for workers in taken:
                taken[workers].append(_prepare(corpus, reader, workers, scratch))
            bare.append(_processor_seconds(partial(_bare_loop, corpus, scratch)))
        rates = [[size / one.seconds for one in taken[workers]] for workers in taken]
        rates += [[size / one.processor_seconds for one in taken[1]], [size / seconds for seconds in bare]]
        table.append([f"{reader}, {size:.0f} MB", *(spread(rate, 1) for rate in rates)])
    return table


def _bare_loop(corpus: Path, scratch: Path) -> None:
    with (scratch / "bare.jsonl").open("w", encoding="utf-8") as out:
        for path in sorted(corpus.iterdir()):
            for line in path.open(encoding="utf-8"):
                text = json.loads(line)["text"] if path.suffix == ".jsonl" else line
                hashlib.sha256(text.encode()).digest()
                out.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")


def _steps(folder: Path, _scratch: Path, _megabytes: float, rounds: int) -> Table:
    """What is done over all documents, and what training reads, each by itself in one process."""
    generator = np.random.default_rng(1)
    digests = np.frombuffer(generator.bytes(16 * _DIGESTS), DIGEST_TYPE)
    digests = digests[generator.integers(_DIGESTS, size=_DIGESTS)]
    sketcher = Sketcher(NearDuplicates())
    texts = [text for text in islice(_documents(folder), 200_000) if len(text) >= 200][:_NEAR]
    tokens = generator.integers(0, 8_000, size=_TOKENS).astype(np.uint16)
    with tempfile.TemporaryFile() as file:
        tokens.tofile(file)
        mapped = np.memmap(file, np.uint16, "r")
        batches = PackedBatches(
            PackedTokens(mapped, np.array([_TOKENS], np.uint64), "", 8_000), window=512, batch_size=32, seed=1
        )
        ways = {
            "exact": lambda: _exact(digests),
            "near": lambda: _near(texts, sketcher),
            "batches": lambda: [batches.batch(number) for number in range(_BATCHES)],
        }
        seconds = {name: [_processor_seconds(way) for _ in range(rounds + 1)][1:] for name, way in ways.items()}
    amounts = {"exact": _DIGESTS, "near": len(texts), "batches": _BATCHES * batches.tokens_per_batch}
    per_second = {name: spread([amounts[name] / taken for taken in seconds[name]], 0) for name in ways}
    mean = round(sum(map(len, texts)) / max(1, len(texts)))
    return [
        ["one process", "a processor second"],
        ["exact duplicates found and documents held out, documents", per_second["exact"]],
        [f"near duplicates, documents of {mean:,} characters on average", per_second["near"]],
        ["batches of packed tokens, tokens", per_second["batches"]],
    ]


def _processor_seconds(way: Callable[[], object]) -> float:
    started = time.process_time()
    way()
    return time.process_time() - started


def _exact(digests: np.ndarray[tuple[int], np.dtype[np.void]]) -> None:
    texts = different_texts(digests)
    hold_out(texts, without_duplicates(texts), 0.02, 1)


def _near(texts: list[str], sketcher: Sketcher) -> None:
    sketches = b"".join(sketcher.sketch(text, text_digest(text)) for text in texts)
    find_near_duplicates(np.frombuffer(sketches, sketcher.dtype), texts.__getitem__, sketcher, lambda done, of: None)


def _memory(folder: Path, scratch: Path, megabytes: float, _rounds: int) -> Table:
    """The peak of memory for a corpus, and for one ten times as large."""
    table = [["corpus", "peak of memory, MiB"]]
    peaks = []
    for times in (1, 10):
        corpus = _write_corpus(folder, scratch / f"times-{times}", megabytes * times, "jsonl")
        peaks.append(_prepare(corpus, "jsonl", 0, scratch).peak)
        table.append([f"{megabytes * times:.0f} MB", f"{peaks[-1]:,.0f}"])
    return [*table, ["ratio", f"{peaks[1] / peaks[0]:.2f}"]]


class Prepared(NamedTuple):
    """A run of `zaoju prepare`."""

    seconds: float
    processor_seconds: float
    """Of all its processes."""

    peak: float
    """MiB, of the largest of its processes."""


_COMMAND = """
import re, resource, sys
from pathlib import Path
from zaoju.cli import main

try:
    main(["prepare"], standalone_mode=True)
except SystemExit as ended:
    assert not ended.code, ended.code
usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
# Not its own ru_maxrss: there the process counts, too, from which this one was started.
own = int(re.findall(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[0])
print(sum(one.ru_utime + one.ru_stime for one in usage), max(own, usage[1].ru_maxrss) / 1024, file=sys.stderr)
"""


def _prepare(corpus: Path, reader: str, workers: int, scratch: Path) -> Prepared:
    """`zaoju prepare` with the cleaner `basic`, in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        options = {"name": reader, "paths": [str(corpus)], **({"documents": "line"} if reader == "text" else {})}
        config = {"run": "run", "corpus": {"readers": [options], "cleaners": ["basic"], "workers": workers}}
        Path(folder, "config.yaml").write_text(json.dumps(config), "utf-8")
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", _COMMAND], cwd=folder, check=True, capture_output=True, text=True)
        processor_seconds, peak = map(float, done.stderr.splitlines()[-1].split())
        return Prepared(time.perf_counter() - started, processor_seconds, peak)


def _write_corpus(folder: Path, target: Path, megabytes: float, reader: str) -> Path:
    """Some files with the documents of `folder`, until they are large enough together."""
    target.mkdir()
    documents = (f"{text}{number}" for number in count() for text in _documents(folder))
    for number in range(_FILES):
        path = target / f"{number}.{'jsonl' if reader == 'jsonl' else 'txt'}"
        written = 0
        with path.open("wb") as file:
            while written < megabytes * 1e6 / _FILES:
                text = next(documents)
                line = json.dumps({"text": text}, ensure_ascii=False) if reader == "jsonl" else text.replace("\n", " ")
                written += file.write(f"{line}\n".encode())
    return target


def _documents(folder: Path) -> Iterator[str]:
    """The documents of all files, in the order of their names."""
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.open(encoding="utf-8"):
            text = json.loads(line).get("text")
            if isinstance(text, str) and text.strip():
                yield text
    for path in sorted(folder.rglob("*.txt")):
        yield from filter(str.strip, path.read_text("utf-8").split("\n\n"))


_PARTS = {"reading": _reading, "steps": _steps, "memory": _memory}

if __name__ == "__main__":
    main()
