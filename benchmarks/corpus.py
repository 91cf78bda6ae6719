"""How fast a corpus is prepared, and how much memory it takes.

    python benchmarks/corpus.py FOLDER [--parts reading steps memory] [--megabytes 20] [--rounds 3] [--markdown]

FOLDER holds text: `.jsonl` files with a field `text`, and `.txt` files with a document a paragraph, or a line. From it
two corpora are made, JSON lines and plain text, of about so many megabytes: the documents are gone through again and
again, each time with a number of their own, so that they are no duplicates. Figures are in megabytes of the source,
10^6 bytes. Reading and cleaning includes everything that `zaoju prepare` does, the start of processes too. A processor
second is one of any core, so that figure holds beside other work, too. The peak of memory is that of the largest of the
processes, which is the one that knows all hashes.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, islice
from pathlib import Path

import numpy as np
from measuring import OtherWork, Table, in_turn, machine, rendered, spread

from zaoju.config import NearDuplicates
from zaoju.contracts import Cleaner, Executor, Reader
from zaoju.corpus import Elsewhere, prepare
from zaoju.corpus.fates import DIGEST_TYPE, different_texts, hold_out, without_duplicates
from zaoju.corpus.held_out import text_digest
from zaoju.corpus.near_duplicates import find_near_duplicates
from zaoju.corpus.sketches import Sketcher
from zaoju.plugins import PluginManager
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
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--prepare", nargs=3, metavar=("READER", "WORKERS", "OUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.prepare:
        _prepare(arguments.folder, *arguments.prepare)
        return
    print(f"{machine('numpy', 'rensa')}\n")
    with tempfile.TemporaryDirectory(prefix="zaoju-corpus-") as scratch, OtherWork() as others:
        for part in arguments.parts:
            table = _PARTS[part](arguments.folder, Path(scratch), arguments.megabytes, arguments.rounds)
            print(rendered(table, markdown=arguments.markdown), end="\n\n", flush=True)
    print(f"other programs took {others.share:.0%} of the cores meanwhile")


def _reading(folder: Path, scratch: Path, megabytes: float, rounds: int) -> Table:
    """Read, clean, find exact duplicates, split and write, with all cores and with one."""
    table = [["read, clean, split", "MB/s, all cores", "MB/s, one process", "MB a processor second"]]
    for reader in ("jsonl", "text"):
        corpus = _write_corpus(folder, scratch / reader, megabytes, reader)
        size = sum(path.stat().st_size for path in corpus.iterdir()) / 1e6
        ways = {workers: partial(_in_a_process, corpus, reader, workers, scratch) for workers in "01"}
        seconds = in_turn(ways, rounds)
        rates = [[size / taken for taken in seconds[workers]] for workers in "01"]
        rates.append([size / _in_a_process(corpus, reader, "1", scratch)[1] for _ in range(rounds)])
        table.append([f"{reader}, {size:.0f} MB", *(spread(rate, 1) for rate in rates)])
    return table


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
        peaks.append(_in_a_process(corpus, "jsonl", "0", scratch)[0])
        table.append([f"{megabytes * times:.0f} MB", f"{peaks[-1] / 2**10:,.0f}"])
    return [*table, ["ratio", f"{peaks[1] / peaks[0]:.2f}"]]


def _in_a_process(corpus: Path, reader: str, workers: str, scratch: Path) -> tuple[float, float]:
    """Prepare a corpus in a process of its own; the peak of its memory, in KiB, and its processor seconds."""
    with tempfile.TemporaryDirectory(dir=scratch) as out:
        command = [sys.executable, __file__, str(corpus), "--prepare", reader, workers, out]
        peak, seconds = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        return float(peak), float(seconds)


def _prepare(corpus: Path, reader_name: str, workers: str, out: str) -> None:
    plugins = PluginManager.discover()
    options = {"paths": [str(corpus)], **({"documents": "line"} if reader_name == "text" else {})}
    reader, cleaner = plugins.resolve("reader", reader_name, options), plugins.resolve("cleaner", "basic")
    executor = plugins.resolve("executor", "processes").build(Executor)
    done = Path(out) / "done"
    done.mkdir()
    started = time.process_time()
    prepare(
        [reader.build(Reader)],
        [("basic", cleaner.build(Cleaner))],
        done,
        work=Path(out) / "work",
        drop_duplicates=True,
        held_out=0.02,
        seed=1,
        skip_unreadable=True,
        emit=lambda event: None,
        cancel=threading.Event(),
        elsewhere=Elsewhere(executor, int(workers), (reader,), (cleaner,)),
    )
    seconds = time.process_time() - started
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(max(peaks), seconds)


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
