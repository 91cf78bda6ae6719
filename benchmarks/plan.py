"""What `zaoju plan` predicts beside what is measured on this machine: memory and time of a step, by size.

    python benchmarks/plan.py [--case gpt2:1:50257:1024 ...] [--device cpu] [--markdown]

A case is SIZE:SEQUENCES[:VOCABULARY[:CONTEXT]] of a GPT-2. First the machine is calibrated, as `zaoju plan --calibrate`
does, on sizes that are none of the cases; then each case runs some steps of the real trainer in a process of its own.
The memory is the peak beyond that of the libraries. The time of other programs on the machine is measured too: a figure
that was taken beside others' work is none.
"""

from __future__ import annotations

import argparse
import os
import sys

import torch
from measuring import OtherWork, machine, rendered

from zaoju.pipeline.calibrate import PROBES, Probe, calibrate
from zaoju.planning import Calibration, Sharding, device_memory, taken_from_system

CASES = (
    "nano:16",
    "tiny:64",
    "mini:8",
    "small:8",
    "small:32",
    "medium:4",
    "medium:8:8000:256",
    "gpt2:1:50257:1024",
    "gpt2:4:8000:128",
)


def probe_of(case: str) -> Probe:
    """The case that a user has named."""
    size, sequences, *rest = case.split(":")
    return Probe(size, int(sequences), *map(int, rest))


def line_of(case: str, before: Calibration, found: list[tuple[float, float]]) -> list[str]:
    """Measure one case on the machine that `before` describes; `found` gets the ratios of memory and time."""
    probe = probe_of(case)
    if probe in PROBES:
        raise SystemExit(f"{case} is one of the sizes that the machine is calibrated with")
    with OtherWork() as other:
        (step,) = calibrate(device=before.device, probes=[probe]).steps
    tokens = probe.sequences * step.shape.context
    # On a GPU the peak is that of the tensors; on a CPU it is what the process took from the system.
    memory = device_memory(step.shape, Sharding(), step.one).total
    if before.device == "cpu":
        memory = taken_from_system(memory, step.shape, tokens)
    seconds = before.rate.seconds(step.shape, step.one)
    peak = float("nan") if step.peak_bytes is None else step.peak_bytes
    found.append((memory / peak, seconds / step.seconds))
    print(f"{case}: memory {memory / peak - 1:+.1%}, time {seconds / step.seconds - 1:+.1%}", file=sys.stderr)
    return [
        case,
        f"{step.shape.parameters / 1e6:,.1f}",
        f"{tokens:,}",
        f"{memory / 1e6:,.0f}",
        f"{peak / 1e6:,.0f}",
        f"{memory / peak - 1:+.1%}",
        f"{seconds:,.3f}",
        f"{step.seconds:,.3f}",
        f"{seconds / step.seconds - 1:+.1%}",
        f"{other.share:.0%}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", help="SIZE:SEQUENCES[:VOCABULARY[:CONTEXT]]; repeatable")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    # The measured processes read it when they import torch.
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    torch.set_num_threads(arguments.threads)

    before = calibrate(device=arguments.device)
    ratios: list[tuple[float, float]] = []
    table = [
        ["case", "M weights", "tokens", "MB planned", "MB", "off", "s planned", "s", "off", "others' work"],
        *(line_of(case, before, ratios) for case in arguments.case or CASES),
    ]
    print(machine())
    print(rendered(table, markdown=arguments.markdown))
    worst = [max(abs(ratio[column] - 1) for ratio in ratios) for column in (0, 1)]
    print(f"farthest off: memory {worst[0]:.1%}, time {worst[1]:.1%}")


if __name__ == "__main__":
    main()
