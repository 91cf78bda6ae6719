"""The portable vocabulary against the live one of the same tokens, and against others, on four kinds of text.

    python benchmarks/portable.py FOLDER [--kind wiki='prose/wiki_*.txt'] [--size 8000] [--seen 300000] [--quick]

For each kind of text and each way: characters per token; F1 of the token spans with the live way of the same
vocabulary and with the segmenter's own words; MB/s of encoding on all cores; and bits per character on held-out
paragraphs, twice: of an interpolated trigram model over all training text, and of a small GPT that has seen the same
number of characters with every tokenizer. Every fifteenth paragraph is held out.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from measuring import OtherWork, machine, rendered

from zaoju.contracts import ModelPlan, Segmenter
from zaoju.models import new_model
from zaoju.plugins import PluginManager
from zaoju.tokenization import LosslessSegmenter, Tokenizer, build_tokenizer

Cut: TypeAlias = list[list[int]]
"""The ids of each text."""

KINDS = {
    "wiki": "prose/wiki_*.txt",
    "novel": "prose/novel_*.txt",
    "technical": "prose/docs_*.txt",
    "poetry": "poetry.jsonl",
}
WAYS = {
    "portable": ("portable", False),
    "live": ("portable", True),
    "words": ("words", False),
    "bpe, no segmenter": ("bpe", False),
    "unigram, no segmenter": ("unigram", False),
}
HELD_OUT_EVERY = 15
WINDOW, BATCH, RATE = 96, 8, 3e-3
NUMBERS = {"n_embd": 96, "n_layer": 3, "n_head": 4, "n_positions": WINDOW}
DISCOUNT = 0.75


@dataclass(frozen=True)
class Texts:
    """The paragraphs of one kind, with the segmenter's words of those that are held out."""

    train: list[str]
    held_out: list[str]
    words: list[list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", action="append", metavar="NAME=GLOB", help="instead of the four; may be repeated")
    parser.add_argument("--segmenter", default="jieba")
    parser.add_argument("--size", type=int, default=8000)
    parser.add_argument("--characters", type=int, default=450_000, help="of each kind of text")
    parser.add_argument("--seen", type=int, default=300_000, help="characters that the GPT is trained on; 0: no GPT")
    parser.add_argument("--quick", action="store_true", help="a quarter of the text, and a tenth of the training")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.characters //= 4
        arguments.seen //= 10
    kinds = dict(kind.split("=", 1) for kind in arguments.kind) if arguments.kind else KINDS
    print(machine("tokenizers", arguments.segmenter))
    head = ["", "tokens", "chars/token", "F1 live", "F1 words", "MB/s", "bits/char 3-gram", "bits/char GPT"]
    plugins = PluginManager.discover()
    segmenter = LosslessSegmenter(plugins.resolve("segmenter", arguments.segmenter).build(Segmenter))
    for kind, pattern in kinds.items():
        texts = read(arguments.folder, pattern, arguments.characters, segmenter)
        print(f"\n{kind}: {sum(map(len, texts.train)):,} characters, {sum(map(len, texts.held_out)):,} held out")
        print(rendered([head], markdown=True), flush=True)
        with OtherWork() as others:
            for way in WAYS:
                print(f"| {' | '.join(measure(way, texts, plugins, arguments))} |", flush=True)
        print(f"{others.seconds:.0f} s, other programs took {others.share:.0%} of the cores", flush=True)


def read(folder: Path, pattern: str, characters: int, segmenter: LosslessSegmenter) -> Texts:
    """Paragraphs from the beginning of each file, as many of each."""
    files = sorted(folder.glob(pattern))
    if not files:
        raise SystemExit(f"no file in {folder} is named {pattern}: give --kind NAME=GLOB")
    paragraphs = [text for file in files for text in first_of(file, characters // len(files))]
    held_out = paragraphs[::HELD_OUT_EVERY]
    train = [text for number, text in enumerate(paragraphs) if number % HELD_OUT_EVERY]
    return Texts(train, held_out, segmenter.pieces_of_all(held_out))


def first_of(file: Path, characters: int) -> list[str]:
    """The first paragraphs of a text file, or poems of a JSON Lines file, spread through it."""
    if file.suffix == ".jsonl":
        poems = (json.loads(line) for line in file.read_text("utf-8").splitlines()[::7])
        texts = ["\n".join([poem["title"], *poem["lines"]]) for poem in poems]
    else:
        texts = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
    ends = np.cumsum([len(text) for text in texts])
    return texts[: int(np.searchsorted(ends, characters)) + 1]


def measure(way: str, texts: Texts, plugins: PluginManager, arguments: argparse.Namespace) -> list[str]:
    """One line of the table."""
    builder, live = WAYS[way]
    segmenter = "none" if "no segmenter" in way else arguments.segmenter
    tokenizer = built(texts.train, plugins, segmenter, builder, arguments.size, live=live)
    characters = sum(map(len, texts.held_out))
    train, held_out = tokenizer.encode_batch(texts.train), tokenizer.encode_batch(texts.held_out)
    alive = [tokenizer.encode_pieces(pieces) for pieces in texts.words]
    size = tokenizer.vocabulary_size
    return [
        way,
        f"{size:,}",
        f"{characters / sum(map(len, held_out)):.3f}",
        f"{span_f1(spans(held_out, tokenizer), spans(alive, tokenizer)):.3f}",
        f"{span_f1(spans(held_out, tokenizer), word_spans(texts.words)):.3f}",
        f"{speed(lambda: tokenizer.encode_batch(texts.train), texts.train):.2f}",
        f"{trigram_bits(train, held_out, tokenizer) / characters:.3f}",
        f"{gpt_bits(train, held_out, tokenizer, texts, arguments.seen) / characters:.3f}" if arguments.seen else "-",
    ]


def built(
    texts: Sequence[str], plugins: PluginManager, segmenter: str, builder: str, size: int, *, live: bool
) -> Tokenizer:
    """A tokenizer learned from `texts`."""
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder) / "train.jsonl"
        lines = [json.dumps({"text": text, "source": "benchmark"}, ensure_ascii=False) for text in texts]
        documents.write_text("\n".join(lines) + "\n", "utf-8")
        return build_tokenizer(
            documents,
            plugins.resolve("segmenter", segmenter),
            plugins.resolve("vocabulary", builder, {"size": size}),
            live=live,
            workers=1,
            emit=lambda _: None,
            cancel=threading.Event(),
        )


def spans(cut: Cut, tokenizer: Tokenizer) -> list[set[tuple[int, int]]]:
    """Where the tokens of each text begin and end, in bytes."""
    return [_spans([len(tokenizer.token_bytes(token) or b"") for token in ids]) for ids in cut]


def word_spans(cut: Sequence[Sequence[str]]) -> list[set[tuple[int, int]]]:
    """Where the words of each text begin and end, in bytes."""
    return [_spans([len(word.encode()) for word in words]) for words in cut]


def _spans(lengths: Sequence[int]) -> set[tuple[int, int]]:
    ends = np.cumsum(lengths).tolist()
    return set(zip([0, *ends[:-1]], ends, strict=True)) if ends else set()


def span_f1(ones: list[set[tuple[int, int]]], others: list[set[tuple[int, int]]]) -> float:
    """The harmonic mean of precision and recall of the spans."""
    equal = sum(len(one & other) for one, other in zip(ones, others, strict=True))
    return 2 * equal / (sum(map(len, ones)) + sum(map(len, others)))


def speed(encode: Callable[[], object], texts: Sequence[str]) -> float:
    """MB a second, the best of three."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        encode()
        seconds.append(time.perf_counter() - started)
    return sum(len(text.encode()) for text in texts) / 1e6 / min(seconds)


def trigram_bits(train: Cut, held_out: Cut, tokenizer: Tokenizer) -> float:
    """Bits of the held-out texts under a trigram model with absolute discounting (Ney et al. 1994), interpolated."""
    counts: list[dict[tuple[int, ...], Counter[int]]] = [defaultdict(Counter) for _ in range(3)]
    for ids in train:
        for history, token in trigrams(ids, tokenizer.end_of_text):
            for order, level in enumerate(counts):
                level[history[2 - order :]][token] += 1
    seen = [{history: (level[history].total(), len(level[history])) for history in level} for level in counts]
    bits = 0.0
    for ids in held_out:
        for history, token in trigrams(ids, tokenizer.end_of_text):
            likely = 1 / tokenizer.vocabulary_size
            for order, level in enumerate(counts):
                known = history[2 - order :]
                if known not in seen[order]:
                    break
                total, kinds = seen[order][known]
                likely = (max(level[known][token] - DISCOUNT, 0) + DISCOUNT * kinds * likely) / total
            bits -= math.log2(likely)
    return bits


def trigrams(ids: list[int], end: int) -> list[tuple[tuple[int, ...], int]]:
    """Each token, end-of-text as well, with the two before it."""
    whole = [end, end, *ids, end]
    return [((whole[place - 2], whole[place - 1]), whole[place]) for place in range(2, len(whole))]


def gpt_bits(train: Cut, held_out: Cut, tokenizer: Tokenizer, texts: Texts, seen: int) -> float:
    """Bits of the held-out texts under a small GPT that was trained on `seen` characters."""
    stream, rest = packed(train, tokenizer.end_of_text), packed(held_out, tokenizer.end_of_text)
    per_token = sum(map(len, texts.train)) / len(stream)
    steps = round(seen / per_token / (WINDOW * BATCH))
    torch.manual_seed(1)
    model = new_model(ModelPlan("gpt2", NUMBERS, tokenizer.vocabulary_size, tokenizer.end_of_text), 1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1)
    draw = np.random.default_rng(1)
    model.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / (0.1 * steps), (steps - step) / (0.5 * steps))
        starts = draw.integers(0, len(stream) - WINDOW - 1, BATCH)
        windows = torch.stack([stream[start : start + WINDOW + 1] for start in starts])
        loss = model.loss(windows[:, :-1], windows[:, 1:])
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
    model.eval()
    nats = 0.0
    with torch.no_grad():
        for start in range(0, len(rest) - 1, WINDOW):
            window = rest[start : start + WINDOW + 1][None]
            nats += float(model.loss(window[:, :-1], window[:, 1:])) * (window.shape[1] - 1)
    return nats / math.log(2)


def packed(cut: Cut, end: int) -> torch.Tensor:
    """All texts in one line, end-of-text before, between and after them."""
    return torch.tensor([end] + [token for ids in cut for token in [*ids, end]])


if __name__ == "__main__":
    main()
