"""How much of llama.cpp's speed is left through zaoju's Engine: greedy texts against a bare loop of llama_decode.

    python benchmarks/engine_share.py FOLDER --make
    python benchmarks/engine_share.py FOLDER --precision f32 q8_0 --batch 1 8 --threads 1 2 --rounds 5

FOLDER holds a model that the runner can convert, and its tokenizer; `--make` first writes a GPT-2 124M of random
weights there. Both ways run in turn, round by round, in one process and over one context of llama.cpp; what counts is
the ratio of a round.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import statistics
import sys
import time
from pathlib import Path

import llama_cpp
import torch
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers
from zaoju_llamacpp.runner import LlamaCppRunner

from zaoju import Engine, Request
from zaoju.models import GPT2, GPT2Config

PROMPT = 128


def make(folder: Path) -> None:
    """GPT-2 124M, random, with a byte-level vocabulary of its size."""
    torch.manual_seed(1)
    GPT2(GPT2Config()).save(folder)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = itertools.chain(alphabet, map("".join, itertools.product(alphabet, repeat=2)))
    vocabulary = {word: number for number, word in enumerate(itertools.islice(words, 50256))}
    backend = Backend(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<|endoftext|>"])
    backend.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>"}', "utf-8")


def bare(runner: LlamaCppRunner, prompts: list[list[int]], new: int) -> float:
    """Tokens a second of `llama_decode` and argmax, after the prompts."""
    context, batch = runner._context, runner._context._batch
    sequences, places = list(range(len(prompts))), list(map(len, prompts))
    tokens = context.decode(sequences, [0] * len(prompts), prompts, every=False).argmax(dim=1).tolist()
    started = time.perf_counter()
    for _ in range(new - 1):
        batch.fill(sequences, places, [[token] for token in tokens], every=False)
        assert llama_cpp.llama_decode(context._handle, batch.native) == 0
        address = ctypes.addressof(llama_cpp.llama_get_logits(context._handle).contents)
        numbers = (ctypes.c_float * (len(tokens) * runner.vocabulary_size)).from_address(address)
        tokens = torch.frombuffer(numbers, dtype=torch.float32).view(len(tokens), -1).argmax(dim=1).tolist()
        places = [place + 1 for place in places]
    seconds = time.perf_counter() - started
    for sequence in sequences:
        context.forget(sequence)
    return len(prompts) * (new - 1) / seconds


def through_engine(engine: Engine, prompts: list[str], new: int) -> float:
    """Tokens a second of greedy texts, after their first token."""
    requests = [
        Request(prompt, strategy="greedy", max_new_tokens=new, seed=1, token_healing=False) for prompt in prompts
    ]
    texts = engine.generate_batch(requests)
    assert all(text.generated_tokens == new and text.prompt_tokens == PROMPT for text in texts)
    seconds = max(text.seconds for text in texts) - max(text.first_token_seconds or 0 for text in texts)
    return len(texts) * (new - 1) / seconds


def main() -> None:
    """Print one line for each precision, number of threads and batch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--precision", nargs="+", default=["f32", "q8_0"])
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--threads", nargs="+", type=int, default=[torch.get_num_threads()])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--new", type=int, default=128, help="tokens of each text")
    given = parser.parse_args()
    if given.make:
        make(given.folder)
    write = sys.stdout.write
    write("median tokens/s bare and through the engine; share: median of the rounds' ratios (lowest to highest)\n")
    for precision, threads in itertools.product(given.precision, given.threads):
        torch.set_num_threads(threads)
        choice = {"name": "llamacpp", "precision": precision, "context": 4096, "threads": threads}
        engine = Engine.load(given.folder, device="cpu", runner=choice, share_prefixes=False)
        runner = engine.runner
        assert isinstance(runner, LlamaCppRunner)
        for batch in given.batch:
            words = [chr(ord("a") + number) * (PROMPT - len(engine.tokenizer.beginning)) for number in range(batch)]
            prompts = [[*engine.tokenizer.beginning, *engine.tokenizer.encode(word)] for word in words]
            rounds = [
                (bare(runner, prompts, given.new), through_engine(engine, words, given.new))
                for _ in range(given.rounds + 1)  # the first one warms up
            ][1:]
            shares = [through / alone for alone, through in rounds]
            plain, own = (statistics.median(column) for column in zip(*rounds, strict=True))
            write(
                f"{precision:5} threads {threads} batch {batch:3}: bare {plain:7.1f}  engine {own:7.1f}  "
                f"share {statistics.median(shares):.3f} ({min(shares):.3f} to {max(shares):.3f})\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
