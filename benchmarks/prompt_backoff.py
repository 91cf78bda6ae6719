"""What token healing is worth: prompts that are cut anywhere, not only where a token ends.

    python benchmarks/prompt_backoff.py MODEL FILE... [--prompts 300] [--before 80] [--after 12] [--seed 1] [--markdown]

FILE is UTF-8, a paragraph a line, of texts that the model was not trained on. Each prompt ends at a random character of
a random paragraph. Measured are the bits per character that the model asks for the next `--after` characters (the
probability that sampling at temperature 1 writes the very characters, by their usual tokens), and how often greedy
writing hits the next character and the next two. Three ways:

- off: the prompt's tokens as they are;
- one token: the last token is taken back, and the next must begin with its text, as guidance and transformers do;
- healing: what zaoju does by default.

`inside` are the prompts that end where the whole text has no token end, `between` the others. A way is compared on the
same prompts; the interval is the 95 % bootstrap interval of the difference to `off`.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, inf, log
from pathlib import Path

import torch
from measuring import Table, machine, rendered

from zaoju.generation import Engine, Request
from zaoju.generation.token_healing import Cut, Cuts, open_end

_BIT = log(2)


@dataclass(frozen=True)
class Sample:
    """A text that was cut at a random character."""

    prompt: str
    after: str
    inside: bool
    """Whether a token of the whole text goes over the cut."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--prompts", type=int, default=300)
    parser.add_argument("--before", type=int, default=80, help="characters of a prompt at most")
    parser.add_argument("--after", type=int, default=12, help="characters that are judged")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    engine = Engine.load(arguments.model, device="cpu")
    lines = [line for file in arguments.files for line in file.read_text("utf-8").splitlines()]
    lines = [line for line in lines if len(line) >= 10 + arguments.after]
    samples = _samples(engine, lines, arguments.prompts, arguments.before, arguments.after, arguments.seed)
    inside = sum(sample.inside for sample in samples)
    print(machine("transformers"))
    print(f"{len(samples)} prompts, {inside} of them end inside a token; {engine.tokenizer.vocabulary_size:,} tokens\n")
    bits = {name: [way(engine, sample) / len(sample.after) for sample in samples] for name, way in WAYS.items()}
    hits = {name: _greedy(engine, samples, healing=name == "healing") for name in ("off", "healing")}
    for name, chosen in (
        ("all", samples),
        ("inside", [one for one in samples if one.inside]),
        ("between", [one for one in samples if not one.inside]),
    ):
        if not chosen:
            continue
        places = [place for place, sample in enumerate(samples) if name == "all" or sample.inside == (name == "inside")]
        print(f"{name}, {len(places)} prompts")
        print(rendered(_table(bits, hits, places), markdown=arguments.markdown) + "\n")


def _table(bits: dict[str, list[float]], hits: dict[str, list[tuple[bool, bool]]], places: Sequence[int]) -> Table:
    table = [["way", "bits per character", "difference to off", "next character", "next two"]]
    for name, all_bits in bits.items():
        some = [all_bits[place] for place in places]
        gains = [all_bits[place] - bits["off"][place] for place in places]
        right = [[hits[name][place][number] for place in places] for number in (0, 1)] if name in hits else []
        table.append(
            [
                name,
                f"{statistics.mean(some):.3f}",
                "-" if name == "off" else f"{statistics.mean(gains):+.3f} ({_interval(gains)})",
                *([f"{statistics.mean(one):.1%}" for one in right] or ["-", "-"]),
            ]
        )
    return table


def _samples(engine: Engine, lines: Sequence[str], count: int, before: int, after: int, seed: int) -> list[Sample]:
    draw = random.Random(seed)
    samples = []
    for _ in range(count):
        line = draw.choice(lines)
        place = draw.randint(8, len(line) - after)
        prompt, rest = line[max(0, place - before) : place], line[place : place + after]
        samples.append(Sample(prompt, rest, _ends_inside(engine, prompt, rest)))
    return samples


def _ends_inside(engine: Engine, prompt: str, after: str) -> bool:
    length, wanted = 0, len(prompt.encode())
    for token in engine.tokenizer.encode(prompt + after):
        if length >= wanted:
            break
        length += len(engine.tokenizer.token_bytes(token) or b"")
    return length > wanted


def _off(engine: Engine, sample: Sample) -> float:
    tokens = engine.tokenizer.encode(sample.prompt)
    return -_score(engine, tokens, engine.tokenizer.encode(sample.after)) / _BIT


def _one_token(engine: Engine, sample: Sample) -> float:
    """The next token after all but the last one must begin with the last one's text; no other cut is thought of."""
    tokens = engine.tokenizer.encode(sample.prompt)
    text = engine.tokenizer.token_bytes(tokens[-1]) or b""
    logits = _logits(engine, tokens[:-1])
    may = [*engine.tokenizer.prefixes.exactly(text), *engine.tokenizer.prefixes.longer(text)]
    whole = float(logits[may].logsumexp(0))
    again = [tokens[-1], *engine.tokenizer.encode(sample.after)]
    healed = engine.tokenizer.encode(text.decode("utf-8", errors="ignore") + sample.after)
    ways = {tuple(one) for one in (again, healed) if one[0] in may}
    return -(_added([_score(engine, tokens[:-1], one) for one in ways]) - whole) / _BIT


def _healing(engine: Engine, sample: Sample) -> float:
    tokens = engine.tokenizer.encode(sample.prompt)
    keep = 0 if engine.tokenizer.beginning else 1
    end = open_end(engine.tokenizer, tokens, keep=keep, size=engine.tokenizer.vocabulary_size)
    if end is None:
        return _off(engine, sample)
    settled = tokens[: len(tokens) - len(end.tokens)]
    cuts = Cuts(end, _logits(engine, settled))
    while (wanted := cuts.read_next()) is not None:
        after = [_logits(engine, [*settled, *wanted[: length + 1]]) for length in range(len(wanted))]
        cuts.take(wanted, torch.stack(after))
    whole = _added([cut.score for cut in cuts.found])
    ways = {way for cut in cuts.found if (way := _continued(engine, cut, sample.after)) is not None}
    return -(_added([_score(engine, settled, way) for way in ways]) - whole) / _BIT


def _continued(engine: Engine, cut: Cut, after: str) -> tuple[int, ...] | None:
    """The tokens of a cut and of what follows; None where the usual tokens do not go over the end as the cut does."""
    try:
        rest = cut.rest.decode("utf-8")
    except UnicodeDecodeError:
        return None
    tokens = engine.tokenizer.encode(rest + after)
    return (*cut.tokens, *tokens) if not rest or tokens[0] in cut.first else None


WAYS: dict[str, Callable[[Engine, Sample], float]] = {"off": _off, "one token": _one_token, "healing": _healing}


def _logits(engine: Engine, tokens: Sequence[int]) -> torch.Tensor:
    """Natural log-probabilities [V] of the token after `tokens`."""
    rows, logits = engine.runner.prefill([[*engine.tokenizer.beginning, *tokens]])
    engine.runner.drop(rows)
    return logits[0].double().log_softmax(0)


def _score(engine: Engine, tokens: Sequence[int], after: Sequence[int]) -> float:
    """The natural log-probability of `after`."""
    (scores,) = engine.runner.score([[*engine.tokenizer.beginning, *tokens, *after]])
    return float(scores[-len(after) :].double().sum())


def _added(scores: Sequence[float]) -> float:
    """The logarithm of the sum of what has these logarithms."""
    most = max(scores, default=-inf)
    return most if most == -inf else most + log(sum(exp(score - most) for score in scores))


def _greedy(engine: Engine, samples: Sequence[Sample], *, healing: bool) -> list[tuple[bool, bool]]:
    """For each sample whether the next character is right, and the next two."""
    texts = engine.generate_batch(
        [
            Request(sample.prompt, strategy="greedy", max_new_tokens=3, token_healing=healing, seed=0)
            for sample in samples
        ]
    )
    return [
        (text.text[:1] == sample.after[:1], text.text[:2] == sample.after[:2])
        for text, sample in zip(texts, samples, strict=True)
    ]


def _interval(values: Sequence[float]) -> str:
    draw = random.Random(0)
    means = sorted(statistics.fmean(draw.choices(values, k=len(values))) for _ in range(1000))
    return f"{means[25]:+.3f}..{means[974]:+.3f}"


if __name__ == "__main__":
    main()
