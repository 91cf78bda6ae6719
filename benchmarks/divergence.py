"""How many texts differ between alone and in a batch, by batch size and number format.

    python benchmarks/divergence.py [--model runs/demo/model] [--texts 64] [--tokens 60] [--formats float32 bfloat16]

A request's tokens are a function of its logits, but matrix products round differently for batches of other shapes, in
every library. This prints what comes of it: the share of sampled texts that differ anywhere from the same request
alone. With `fixed_shapes` the share is 0 by construction, which the last line of each format checks. Without --model
the model is a small random one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from zaoju import Engine, Generation, Request
from zaoju.generation import FixedShapes, LeanRunner
from zaoju.models import GPT2, GPT2Config, load_model
from zaoju.plugins import PluginManager
from zaoju.testing import decoding_engine
from zaoju.tokenization import Tokenizer

PROMPTS = ("我想", "春天", "他们说", "在家里，", "王芳")


def read_model(folder: Path | None) -> tuple[GPT2, Tokenizer, PluginManager]:
    """The model in `folder`, or a random one."""
    plugins = PluginManager.discover()
    if folder is not None:
        model = load_model(folder, "cpu")
        assert isinstance(model, GPT2), "this benchmark is for GPT-2 folders"
        return model, Tokenizer.load(folder, plugins), plugins
    tokenizer = decoding_engine().tokenizer
    torch.manual_seed(1)
    numbers = GPT2Config(
        tokenizer.vocabulary_size, n_positions=128, n_embd=192, n_layer=4, n_head=4, initializer_range=0.1
    )
    return GPT2(numbers), tokenizer, plugins


def requests(count: int, tokens: int, seed_of_first: int = 0) -> list[Request]:
    """Sampled texts, whose every token depends on the last bits of the logits."""
    return [
        Request(PROMPTS[number % len(PROMPTS)], strategy="nucleus", seed=seed_of_first + number, max_new_tokens=tokens)
        for number in range(count)
    ]


def texts(engine: Engine, asked: list[Request], batch_size: int) -> list[tuple[int, ...]]:
    """The tokens of every text."""
    written: list[Generation] = engine.generate_batch(asked, batch_size=batch_size)
    return [one.token_ids for one in written]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--texts", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--batches", type=int, nargs="+", default=[2, 8, 32])
    parser.add_argument("--formats", nargs="+", default=["float32", "bfloat16"])
    chosen = parser.parse_args()
    model, tokenizer, plugins = read_model(chosen.model)
    asked = requests(chosen.texts, chosen.tokens)
    print(f"{sum(p.numel() for p in model.parameters()):,} weights, torch {torch.__version__}, {chosen.texts} texts")
    print("| format | batch | texts that differ from alone |\n|---|---|---|")
    for name in chosen.formats:
        model = model.to(getattr(torch, name)).eval()
        engine = Engine(LeanRunner(model), tokenizer, plugins)
        alone = texts(engine, asked, 1)
        for size in chosen.batches:
            differing = sum(one != other for one, other in zip(alone, texts(engine, asked, size), strict=True))
            print(f"| {name} | {size} | {differing} of {chosen.texts} ({differing / chosen.texts:.0%}) |")
        fixed = Engine(FixedShapes(LeanRunner(model)), tokenizer, plugins)
        differing = sum(
            one != other for one, other in zip(texts(fixed, asked, 1), texts(fixed, asked, 32), strict=True)
        )
        print(f"| {name} | 32, fixed shapes | {differing} of {chosen.texts} ({differing / chosen.texts:.0%}) |")


if __name__ == "__main__":
    main()
