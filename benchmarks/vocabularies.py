"""Characters per token of every builtin vocabulary on the given texts.

    python benchmarks/vocabularies.py FILE... [--size 8000] [--segmenter jieba] [--words FILE]

Every twentieth paragraph is held out and measured; the vocabularies are built from the rest. `portable` is the
vocabulary alone, `live` the same with its segmenter.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from zaoju.contracts import Segmenter
from zaoju.plugins import PluginManager, ResolvedComponent
from zaoju.tokenization import LosslessSegmenter, build_tokenizer

_HELD_OUT_EVERY = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="UTF-8 text, one paragraph a line")
    parser.add_argument("--size", type=int, default=8000)
    parser.add_argument("--segmenter", default="jieba")
    parser.add_argument("--words", type=Path, metavar="FILE", help="a list for word_list, one word a line")
    arguments = parser.parse_args()
    paragraphs = [line for file in arguments.files for line in file.read_text("utf-8").splitlines() if line.strip()]
    held_out = paragraphs[::_HELD_OUT_EVERY]
    plugins = PluginManager.discover()
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder) / "train.jsonl"
        with documents.open("w", encoding="utf-8") as file:
            for number, text in enumerate(paragraphs):
                if number % _HELD_OUT_EVERY:
                    file.write(json.dumps({"text": text, "source": str(number)}, ensure_ascii=False) + "\n")
        print(f"{sum(map(len, paragraphs)):,} characters, {sum(map(len, held_out)):,} of them held out\n")
        print("| segmenter | vocabulary | tokens | segment and build, s | characters per token, portable | live |")
        print("|---|---|---|---|---|---|")
        for segmenter, name, options in _choices(arguments.segmenter, arguments.size, arguments.words):
            cutter, builder = plugins.resolve("segmenter", segmenter), plugins.resolve("vocabulary", name, options)
            _measure(cutter, builder, documents, held_out)


def _choices(segmenter: str, size: int, words: Path | None) -> list[tuple[str, str, dict[str, object]]]:
    """Every builder with the segmenter, and those that can do without one with `none`."""
    sized = ("characters", "words", "bpe", "unigram", "wordpiece")
    choices: list[tuple[str, str, dict[str, object]]] = [(segmenter, name, {"size": size}) for name in sized]
    if words is not None:
        choices.append((segmenter, "word_list", {"path": str(words.resolve())}))
    return choices + [("none", name, {"size": size}) for name in ("bpe", "unigram", "wordpiece")]


def _measure(cutter: ResolvedComponent, builder: ResolvedComponent, documents: Path, held_out: Sequence[str]) -> None:
    started = time.perf_counter()
    tokenizer = build_tokenizer(
        documents, cutter, builder, live=False, workers=0, emit=lambda _: None, cancel=threading.Event()
    )
    seconds = time.perf_counter() - started
    characters = sum(map(len, held_out))
    portable = characters / sum(map(len, tokenizer.encode_batch(held_out)))
    segmenter = LosslessSegmenter(cutter.build(Segmenter))
    live = characters / sum(len(tokenizer.encode_pieces(segmenter.pieces(text))) for text in held_out)
    size = tokenizer.vocabulary_size
    print(f"| {cutter.name} | {builder.name} | {size:,} | {seconds:.0f} | {portable:.3f} | {live:.3f} |", flush=True)


if __name__ == "__main__":
    main()
