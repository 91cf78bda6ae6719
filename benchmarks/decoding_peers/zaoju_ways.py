"""zaoju: the whole engine over each of its runners, and the lean runner alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import torch
from decoding_models import Prompt

from decoding_peers.way import TEMPERATURE, TOP_P, Mode, Session, Way, Write
from zaoju import Engine, Request, Tokenizer
from zaoju.generation import TransformersRunner
from zaoju.models import TransformersLM

WEIGHT_BYTES = {"float32": 4.0, "bfloat16": 2.0, "int8": 1.0}


def ways(device: str) -> Iterator[Way]:
    """Those that there are on `device`."""
    yield from (_lean_ways("float32", 8 if device == "cpu" else 4) if device == "cpu" else ())
    yield from _lean_ways("bfloat16", 4)
    if device == "cpu":
        yield from _lean_ways("int8", 5)
    else:
        yield from _lean_ways("bfloat16", 4, compiled=True)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    name = str(dtype).removeprefix("torch.")
    yield Way(
        f"zaoju over transformers {name}",
        partial(_over_transformers, dtype=dtype),
        weight_bytes=dtype.itemsize,
        kept=f"network {dtype}",
        kept_bytes=dtype.itemsize,
        number_bytes=dtype.itemsize,
        exact=device == "cpu",
    )


def _lean_ways(precision: str, kept_bytes: float, *, compiled: bool = False) -> Iterator[Way]:
    options: dict[str, object] = {"name": "lean", "precision": precision, **({"compile": True} if compiled else {})}
    label = f"{precision} compiled" if compiled else precision
    common = {
        "weight_bytes": WEIGHT_BYTES[precision],
        "kept": f"lean {label}",
        "kept_bytes": kept_bytes,
        "number_bytes": 2 if precision == "bfloat16" else 4,
        "exact": precision == "float32",
        "compiles": compiled,
    }
    yield Way(f"zaoju {label}", partial(_engine, choice=options), part_of=f"bare lean {label}", **common)  # type: ignore[arg-type]
    yield Way(f"bare lean {label}", partial(_bare, choice=options), **common)  # type: ignore[arg-type]


def load(session: Session, choice: Mapping[str, object]) -> Engine:
    """The engine over a runner, opened once.

    Without sharing: no two prompts are alike, so there is nothing to look for.
    """
    return session.once(
        f"engine {choice}",
        lambda: Engine.load(
            session.folder, device=session.device, plugins=session.plugins, runner=choice, share_prefixes=False
        ),
    )


def _engine(session: Session, choice: Mapping[str, object]) -> Write:
    return partial(through_engine, load(session, choice))


def _over_transformers(session: Session, dtype: torch.dtype) -> Write:
    runner = TransformersRunner(TransformersLM(session.network(dtype)))
    tokenizer = Tokenizer.load(session.folder, session.plugins)
    return partial(through_engine, Engine(runner, tokenizer, session.plugins, device=session.device))


def through_engine(engine: Engine, prompts: Sequence[Prompt], new: int, mode: Mode) -> list[list[int]]:
    """Write all texts in one batch: scheduler, chain, selector, text, reports."""
    # All ways write the same number of tokens, so nobody may end a text.
    chain, selector = ["minimum_length"], "argmax"
    options: dict[str, object] = {"min_new_tokens": new}
    if mode == "nucleus":
        chain, selector = ["minimum_length", "temperature", "top_p"], "sample"
        options |= {"temperature": TEMPERATURE, "top_p": TOP_P}
    # Nor do the others heal the end of a prompt.
    how = {"chain": chain, "selector": selector, "token_healing": False}
    requests = [
        Request(prompt.text, seed=number, max_new_tokens=new, options=options, **how)
        for number, prompt in enumerate(prompts)
    ]
    return [list(text.token_ids) for text in engine.generate_batch(requests, batch_size=len(requests))]


def _bare(session: Session, choice: Mapping[str, object]) -> Write:
    """The shortest loop over the same runner: prefill, step and argmax, whatever the mode."""
    runner = load(session, choice).runner

    def write(prompts: Sequence[Prompt], new: int, _: Mode) -> list[list[int]]:
        rows, logits = runner.prefill([prompt.tokens for prompt in prompts])
        chosen = [logits.argmax(dim=1).tolist()]
        while len(chosen) < new:
            chosen.append(runner.step(rows, chosen[-1]).argmax(dim=1).tolist())
        runner.drop(rows)
        return [list(text) for text in zip(*chosen, strict=True)]

    return write
