"""Few-shot prompts of one prefix, scored and continued with and without reading the prefix once.

    python benchmarks/prefixes.py [--prefix 900] [--candidates 64] [--answer 10] [--rounds 3] [--markdown]

GPT-2 124M with random weights. Scored are `--candidates` answers of `--answer` tokens after one prefix: by zaoju with
the prefix read once, by the same runner over whole sequences in padded batches, by transformers' forward over whole
sequences in padded batches (as evaluation harnesses do), and by transformers with a cache of the prefix that is copied
for each batch by hand. The ways take turns; ratios are taken within a round. The scores of all ways are compared, and a
difference of more than 0.001 ends the run with an error. Then the time to the first token of a prompt whose prefix an
earlier text had, beside that of a prompt that nothing begins alike.
"""

from __future__ import annotations

import argparse
import copy
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from decoding_models import MODELS, draw_prompts, make
from measuring import Network, device, in_turn, machine, quiet, ratios, rendered, spread

from zaoju import Engine
from zaoju.generation import LeanRunner, SharedPrefixes

if TYPE_CHECKING:
    from transformers import DynamicCache

Scores = list[torch.Tensor]
Score = Callable[[Sequence[Sequence[int]]], Scores]

LARGEST_DIFFERENCE = 1e-3
"""Between two ways to add up the same float32 numbers, in nats."""

AT_ONCE = 8
"""How many whole sequences a pass of transformers takes; a harness's usual batch."""

WHOLE = "zaoju, whole sequences"


def transformers_whole(network: Network) -> Score:
    """Padded batches of whole sequences; the padding stands on the right, where a causal model does not look."""

    @torch.inference_mode()
    def score(sequences: Sequence[Sequence[int]]) -> Scores:
        scores: Scores = []
        for start in range(0, len(sequences), AT_ONCE):
            group = sequences[start : start + AT_ONCE]
            longest = max(map(len, group))
            ids = torch.tensor(
                [[*sequence, *[0] * (longest - len(sequence))] for sequence in group], device=network.device
            )
            logits = network(input_ids=ids[:, :-1], use_cache=False).logits
            chosen = _chosen(logits, ids[:, 1:])
            scores += [row[: len(sequence) - 1] for row, sequence in zip(chosen, group, strict=True)]
        return scores

    return score


def transformers_by_hand(network: Network, prefix: int) -> Score:
    """The prefix is read once, and its cache copied for each batch of answers: what a careful user writes."""

    @torch.inference_mode()
    def score(sequences: Sequence[Sequence[int]]) -> Scores:
        first = torch.tensor([sequences[0][:prefix]], device=network.device)
        read = network(input_ids=first, use_cache=True)
        beginning = _chosen(read.logits[:, :-1], first[:, 1:])
        scores: Scores = []
        for start in range(0, len(sequences), AT_ONCE):
            group = [sequence[prefix:] for sequence in sequences[start : start + AT_ONCE]]
            answers = torch.tensor(group, device=network.device)
            cache = cast("DynamicCache", copy.deepcopy(read.past_key_values))
            cache.batch_repeat_interleave(len(answers))
            logits = network(input_ids=answers[:, :-1], past_key_values=cache, use_cache=True).logits
            whole = torch.cat([read.logits[:, -1:].expand(len(answers), -1, -1), logits], dim=1)
            scores += [torch.cat([beginning[0], row]) for row in _chosen(whole, answers)]
        return scores

    return score


def _chosen(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """[N, T]: the natural log-probability of each of `tokens` [N, T] under `logits` [N, T, V]."""
    flat = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), tokens.flatten(), reduction="none")
    return -flat.view(tokens.shape)


def scoring(folder: Path, given: argparse.Namespace) -> tuple[list[list[str]], float]:
    """The table, and the largest difference between two ways, in nats."""
    from transformers import AutoModelForCausalLM

    draw = random.Random(0)
    runner = LeanRunner.open(folder, device=device())
    network: Network = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    network.to(device()).eval()
    prefix = [draw.randrange(runner.vocabulary_size) for _ in range(given.prefix)]
    answers = [[draw.randrange(runner.vocabulary_size) for _ in range(given.answer)] for _ in range(given.candidates)]
    sequences = [[*prefix, *answer] for answer in answers]
    ways: dict[str, Score] = {
        "zaoju, prefix read once": SharedPrefixes(runner).score,
        WHOLE: runner.score,
        "transformers, whole sequences": transformers_whole(network),
        "transformers, its cache copied by hand": transformers_by_hand(network, given.prefix),
    }
    results: dict[str, Scores] = {}

    def run(name: str) -> Callable[[], None]:
        return lambda: results.update({name: [one.cpu() for one in ways[name](sequences)]})

    seconds = in_turn({name: run(name) for name in ways}, given.rounds)
    far = {
        name: max(float((a - b).abs().max()) for a, b in zip(given_scores, results[WHOLE], strict=True))
        for name, given_scores in results.items()
    }
    lines = [["way", "seconds", "times as fast as zaoju, whole sequences", "largest difference"]]
    lines += [
        [name, spread(own), spread(ratios(seconds[WHOLE], own), 1), f"{far[name]:.1e}"] for name, own in seconds.items()
    ]
    return lines, max(far.values())


def first_tokens(folder: Path, given: argparse.Namespace) -> list[list[str]]:
    """Seconds to the first token of a prompt, with and without another text before it that began alike."""
    engine = Engine.load(folder, device=device())
    known, *fresh = (one.text for one in draw_prompts(folder, [given.prefix] * (given.rounds + 2), seed=3))
    endings = [one.text for one in draw_prompts(folder, [given.answer + 1] * (given.rounds + 1), seed=4)]
    seconds: dict[str, list[float]] = {"prefix known": [], "prefix new": []}
    for start, ending in zip(fresh, endings, strict=True):
        # Only the last texts that ended are kept, so the known one comes just before.
        engine.generate(known, strategy="greedy", max_new_tokens=1, token_healing=False)
        for name, prompt in (("prefix known", known + ending), ("prefix new", start + ending)):
            text = engine.generate(prompt, strategy="greedy", max_new_tokens=1, token_healing=False)
            seconds[name].append(text.first_token_seconds or float("nan"))
    warm = {name: values[1:] for name, values in seconds.items()}
    faster = ratios(warm["prefix new"], warm["prefix known"])
    lines = [["first token of generate", "milliseconds", "times as fast"]]
    for name, values in warm.items():
        lines.append(
            [name, spread([1000 * one for one in values], 1), spread(faster, 1) if name == "prefix known" else "1"]
        )
    return lines


def main() -> int:
    """Print both tables; 1 where two ways give different scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="gpt2", choices=list(MODELS))
    parser.add_argument("--prefix", type=int, default=900)
    parser.add_argument("--candidates", type=int, default=64)
    parser.add_argument("--answer", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--folder", type=Path, help="where the model is kept for the next run")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    quiet()
    print(machine("transformers"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = make(given.model, given.folder or Path(temporary))
        table, far = scoring(folder, given)
        print(f"\n{given.candidates} answers of {given.answer} tokens after one prefix of {given.prefix}:\n")
        print(rendered(table, markdown=given.markdown))
        print(f"\n{rendered(first_tokens(folder, given), markdown=given.markdown)}")
    if far > LARGEST_DIFFERENCE:
        print(f"the ways give scores that differ by up to {far:.1e} nats", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
