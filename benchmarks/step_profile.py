"""Where the time of one token goes: the operations of a step of the engine's own models, and the share of each.

    python benchmarks/step_profile.py MODEL [--precision int8] [--rows 1] [--prompt 128] [--steps 30] [--markdown]

MODEL is the folder of a GPT-2, Llama or Qwen. A line is what torch's profiler counts for one operation by itself,
without those that it calls. Profiling makes small operations look longer than they are, so the time of a step without
it is printed too.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from measuring import OtherWork, device, machine, rendered, wait_for
from torch.profiler import ProfilerActivity, profile

from zaoju.generation.lean_options import LeanRunnerOptions
from zaoju.generation.lean_runner import LeanRunner

SHOWN = 10
"""Operations that have a line of their own."""

WARM_UP = 3


def one_step(given: argparse.Namespace) -> Callable[[], object]:
    """A step of a runner whose rows have read their prompts."""
    runner = LeanRunner.open(given.model, device=device(), options=LeanRunnerOptions(precision=given.precision))
    draw = torch.Generator().manual_seed(1)
    prompts = torch.randint(runner.vocabulary_size, (given.rows, given.prompt), generator=draw).tolist()
    rows, _ = runner.prefill(prompts)
    tokens = [prompt[-1] for prompt in prompts]
    return lambda: runner.step(rows, tokens)


def seconds_of(step: Callable[[], object], steps: int) -> list[float]:
    """Of each of some steps, without a profiler."""
    seconds = []
    for _ in range(steps):
        began = time.perf_counter()
        step()
        wait_for(device())
        seconds.append(time.perf_counter() - began)
    return seconds


def operations(step: Callable[[], object], steps: int) -> list[tuple[str, float, float]]:
    """The name, the calls a step and the microseconds a step of each operation, the longest first."""
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device() == "cuda" else [])]
    with profile(activities=activities) as profiled:
        for _ in range(steps):
            step()
        wait_for(device())
    on_gpu = device() == "cuda"
    found = [
        (one.key, one.count / steps, (one.self_device_time_total if on_gpu else one.self_cpu_time_total) / steps)
        for one in profiled.key_averages()
    ]
    return sorted(found, key=lambda one: one[2], reverse=True)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16", "int8"])
    parser.add_argument("--rows", type=int, default=1)
    parser.add_argument("--prompt", type=int, default=128, help="tokens that each row has read")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--markdown", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    given = arguments()
    torch.set_num_threads(given.threads)
    print(machine())
    step = one_step(given)
    seconds_of(step, WARM_UP)
    with OtherWork() as work:
        plain = statistics.median(seconds_of(step, given.steps))
    found = operations(step, given.steps)
    whole = sum(microseconds for _, _, microseconds in found)
    shown, rest = found[:SHOWN], found[SHOWN:]
    lines = [
        ["operation", "calls", "ms", "share"],
        *([name, f"{calls:.0f}", f"{micro / 1000:.2f}", f"{micro / whole:.1%}"] for name, calls, micro in shown),
    ]
    if rest:
        time_of_rest = sum(microseconds for _, _, microseconds in rest)
        calls_of_rest = sum(calls for _, calls, _ in rest)
        lines.append(["others", f"{calls_of_rest:.0f}", f"{time_of_rest / 1000:.2f}", f"{time_of_rest / whole:.1%}"])
    print(
        f"\n{given.precision}, {given.rows} rows with {given.prompt} tokens: a step takes {plain * 1000:.2f} ms, and "
        f"{whole / 1000:.2f} ms under the profiler; others took {work.share:.0%} of the machine\n\n"
        f"{rendered(lines, markdown=given.markdown)}"
    )


if __name__ == "__main__":
    main()
