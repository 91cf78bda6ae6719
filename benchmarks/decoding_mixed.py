"""Requests of all kinds at once: strategies, lengths, seeds and stop strings mixed, through the scheduler."""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from decoding_models import Prompt, Shape, draw_prompts
from decoding_peers import Session
from decoding_peers.transformers_ways import scheduling, settings
from decoding_peers.zaoju_ways import load
from measuring import Network, Table, in_turn, ratios, spread, wait_for
from measuring import load as load_average

from zaoju import Engine, Request

STRATEGIES: Sequence[dict[str, object]] = (
    {"strategy": "greedy"},
    {"strategy": "nucleus", "options": {"temperature": 0.8, "top_p": 0.9}},
    {"strategy": "top_k", "options": {"top_k": 40, "temperature": 1.2}},
    {"strategy": "nucleus", "options": {"top_p": 0.7, "repetition_penalty": 1.1}},
    {"chain": ["temperature", "min_p"], "selector": "sample", "options": {"temperature": 1.5, "min_p": 0.1}},
    {"strategy": "sample", "stop": ["zq", "。"]},
)


@dataclass(frozen=True)
class Asked:
    """One request."""

    prompt: Prompt
    new: int
    request: Request


def mixed(
    folder: Path, shape: Shape, device: str, given: argparse.Namespace
) -> tuple[str, Table, dict[str, list[float]]]:
    """Measure `given.mixed` requests: what was measured, the table, and tokens per second by way and round."""
    rows = given.mixed_batch or (256 if device == "cuda" else 32)
    longest_prompt, most_new = (64, 16) if given.quick else (512, 256)
    asked = draw(folder, given.mixed, longest_prompt, most_new)
    session = Session(folder, shape, device, rows, longest_prompt + most_new)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    precision = str(dtype).removeprefix("torch.")
    engine = load(session, {"name": "lean", "precision": precision})
    uniform = draw_prompts(folder, [given.prompt] * rows, seed=rows)
    network = session.network(dtype)
    alone = session.network(dtype, alone="continuous")
    writing: dict[str, Callable[[], int]] = {
        "zaoju, mixed": partial(_zaoju, engine, [one.request for one in asked], rows),
        "zaoju, one full batch of equals": partial(_zaoju, engine, _equals(uniform, given.new), rows),
        "generate, sorted and padded": partial(_generate, network, asked, rows),
        "transformers continuous, greedy": partial(_continuous, session, alone, asked),
    }
    counts: dict[str, list[int]] = {name: [] for name in writing}
    failed: dict[str, str] = {}

    def one(name: str) -> None:
        try:
            counts[name].append(writing[name]())
        except Exception as error:  # noqa: BLE001  # a peer that fails is a line of the table
            counts[name].append(0)
            failed[name] = f"failed: {type(error).__name__}: {str(error)[:100]}"
        wait_for(device)

    seconds = in_turn({name: partial(one, name) for name in writing}, given.rounds)
    rates = {name: ratios(counts[name][1:], seconds[name]) for name in writing}
    base, best = rates["generate, sorted and padded"], rates["zaoju, one full batch of equals"]
    lines = [["way", "tok/s", "x generate", "of a full batch of equals"]]
    for name, own in rates.items():
        if name in failed:
            lines.append([name, failed[name]])
            continue
        lines.append(
            [
                name,
                spread(own, 1),
                "-" if "generate, sorted and padded" in failed else spread(ratios(own, base)),
                spread(ratios(own, best)),
            ]
        )
    written = statistics.mean(counts["zaoju, mixed"])
    title = (
        f"{given.mixed} requests of {len(STRATEGIES)} strategies, prompts of 16 to {longest_prompt} tokens, up to "
        f"{most_new} new ones, at most {rows} at once, {precision}; {written:,.0f} tokens "
        f"came; load {load_average():.1f}"
    )
    return title, lines, rates


def draw(folder: Path, count: int, longest_prompt: int, most_new: int) -> list[Asked]:
    """Random requests, the same in every run."""
    random_numbers = random.Random(1)
    lengths = [random_numbers.randint(16, longest_prompt) for _ in range(count)]
    asked = []
    for number, prompt in enumerate(draw_prompts(folder, lengths, seed=2)):
        new = random_numbers.randint(min(16, most_new // 2), most_new)
        how: Any = STRATEGIES[number % len(STRATEGIES)]
        asked.append(
            Asked(prompt, new, Request(prompt.text, seed=number, max_new_tokens=new, token_healing=False, **how))
        )
    return asked


def _equals(prompts: Sequence[Prompt], new: int) -> list[Request]:
    options = {"min_new_tokens": new}
    return [
        Request(
            one.text,
            chain=["minimum_length"],
            selector="argmax",
            seed=0,
            max_new_tokens=new,
            token_healing=False,
            options=options,
        )
        for one in prompts
    ]


def _zaoju(engine: Engine, requests: Sequence[Request], rows: int) -> int:
    return sum(text.generated_tokens for text in engine.generate_batch(requests, batch_size=rows))


def _generate(network: Network, asked: Sequence[Asked], rows: int) -> int:
    """`generate` has one strategy a call: greedy, in batches of like length. Only tokens that were asked for count."""
    tokens = 0
    order = sorted(asked, key=lambda one: (one.new, len(one.prompt.tokens)))
    for start in range(0, len(order), rows):
        group = order[start : start + rows]
        longest, new = max(len(one.prompt.tokens) for one in group), max(one.new for one in group)
        padding = [longest - len(one.prompt.tokens) for one in group]
        ids = [[*[0] * pad, *one.prompt.tokens] for pad, one in zip(padding, group, strict=True)]
        mask = [[*[0] * pad, *[1] * (longest - pad)] for pad in padding]
        with torch.inference_mode():
            network.generate(
                torch.tensor(ids, device=network.device),
                attention_mask=torch.tensor(mask, device=network.device),
                generation_config=settings(new, "greedy"),
            )
        tokens += sum(one.new for one in group)
    return tokens


def _continuous(session: Session, network: Network, asked: Sequence[Asked]) -> int:
    """transformers' own scheduler; it takes a length for each request, and one strategy for all."""
    how = settings(max(one.new for one in asked), "greedy", min_new_tokens=None, eos_token_id=-1)
    tokens, waiting = 0, len(asked)
    with network.continuous_batching_context_manager(
        generation_config=how, continuous_batching_config=scheduling(session)
    ) as manager:
        for one in asked:
            manager.add_request(list(one.prompt.tokens), max_new_tokens=one.new)
        while waiting:
            result = manager.get_result(timeout=1)
            if result is None:
                if not manager.is_running():
                    raise RuntimeError("the thread of transformers' continuous batching ended")
                continue
            if result.error:
                raise RuntimeError(str(result.error))
            if result.is_finished():
                tokens += len(result.generated_tokens)
                waiting -= 1
    return tokens
