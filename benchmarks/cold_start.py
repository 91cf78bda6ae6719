"""How long `zaoju generate` takes to its first text, beside the least that any program over torch takes.

    python benchmarks/cold_start.py MODEL [MODEL ...] [--rounds 15]

Every number is the ratio of two fresh processes that ran one after the other: the command until its first character
beyond the prompt, over `import torch` plus reading the weights into memory of one's own. Prints the median of the
ratios, and the spread. Byte code is kept in a folder of its own, as an installed package has it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROMPT = "我想"
FLOOR = """
import sys, torch
from safetensors.torch import load_file
weights = {name: tensor.clone() for name, tensor in load_file(sys.argv[1]).items()}
print("read", flush=True)
"""


def seconds(command: list[str], environment: dict[str, str], skip: bytes) -> float:
    """From the start of a process to its first byte beyond `skip` on standard output."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        seen = b""
        while len(seen) <= len(skip):
            byte = os.read(process.stdout.fileno(), 1)
            assert byte, f"{command} ended without writing"
            seen += byte
        took = time.perf_counter() - start
        process.stdout.read()
    assert process.returncode == 0, command
    return took


def main() -> None:
    """Print one line for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = cache
        for model in arguments.models:
            floor = [sys.executable, "-c", FLOOR, str(model / "model.safetensors")]
            command = [sys.executable, "-m", "zaoju", "generate", str(model), "--prompt", PROMPT, "--stream"]
            command += ["--max-new-tokens", "8", "--seed", "1"]
            bare, ours = [], []
            for turn in range(arguments.rounds + 1):
                row = seconds(floor, environment, b""), seconds(command, environment, PROMPT.encode())
                if turn:  # the first one writes the byte code
                    bare.append(row[0])
                    ours.append(row[1])
            ratios = sorted(one / other for one, other in zip(ours, bare, strict=True))
            spread = f"{ratios[len(ratios) // 4]:.2f} to {ratios[-1 - len(ratios) // 4]:.2f}"
            print(
                f"{model}: first text after {statistics.median(ratios):.2f} times `import torch` and reading weights "
                f"({spread} in the middle half of {len(ratios)} rounds)"
            )


if __name__ == "__main__":
    main()
