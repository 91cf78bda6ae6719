"""What a precision costs in quality and gives in speed: on a trained model and held-out text.

    python benchmarks/precision.py MODEL TEXT [TEXT ...] [--batches 1 8] [--rounds 5] [--documents 200] [--markdown]

MODEL is the folder of a trained model, TEXT are UTF-8 files with one document a line, or JSON lines with a `text`.

bits         per character of the text, as `zaoju evaluate` counts them, and how much more than in float32
same choice  the share of the places of the text at which the most probable token is that of float32
x float32    tok/s of greedy texts after beginnings of the documents, over float32 of the same kind in the same round:
             zaoju's precisions over zaoju, the peers over transformers

Peers: torch's dynamic quantisation of transformers' module (int8 linear layers; GPT-2's own layers are turned into
linear ones first), and llama.cpp with weights of 8 bits, where plugins/zaoju-llamacpp is installed.
"""

from __future__ import annotations

import argparse
import json
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from measuring import Network, NotInstalledError, in_turn, machine, quiet, ratios, rendered, spread

from zaoju import Engine, Request, Runner, Tokenizer
from zaoju.evaluation.bits import bits_per_character
from zaoju.generation.batching import score_sequences
from zaoju.plugins import PluginManager

OURS, THEIRS = "zaoju float32", "transformers float32"
"""What the others are compared with."""

BEGINNING = 24
"""Characters of a prompt."""

Write = Callable[[Sequence[str], int], object]


@dataclass(frozen=True)
class Way:
    """One precision, ready."""

    name: str
    base: str
    runner: Runner
    best: Callable[[Sequence[int]], torch.Tensor]
    """[T]: the most probable token after each of T tokens."""

    write: Write
    """Greedy texts of so many tokens after each prompt."""


class NetworkScores:
    """What `bits_per_character` asks of a runner, by a network of transformers."""

    def __init__(self, network: Network) -> None:
        self.network: Any = network
        self.context_length = int(network.config.max_position_embeddings)

    @torch.inference_mode()
    def score(self, sequences: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """`Runner.score`."""

        def forward(ids: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.network(input_ids=ids, attention_mask=valid.long(), use_cache=False).logits
            return logits

        return score_sequences(forward, sequences, int(self.network.config.vocab_size), torch.device("cpu"))

    @torch.inference_mode()
    def best(self, tokens: Sequence[int]) -> torch.Tensor:
        """The most probable token after each."""
        logits: torch.Tensor = self.network(input_ids=torch.tensor([list(tokens)]), use_cache=False).logits
        return logits[0].argmax(dim=1)


def ours(folder: Path, name: str, runner: dict[str, object]) -> Way:
    """A precision of one of zaoju's runners."""
    engine = Engine.load(folder, device="cpu", runner=runner, share_prefixes=False)

    def best(tokens: Sequence[int]) -> torch.Tensor:
        [row], first = engine.runner.prefill([tokens[:1]])
        [rest] = engine.runner.extend([row], [tokens[1:]])
        engine.runner.drop([row])
        return torch.cat([first, rest]).argmax(dim=1)

    def write(prompts: Sequence[str], new: int) -> None:
        chain: dict[str, Any] = {"chain": ["minimum_length"], "selector": "argmax", "options": {"min_new_tokens": new}}
        engine.generate_batch(
            [Request(prompt, seed=0, max_new_tokens=new, token_healing=False, **chain) for prompt in prompts]
        )

    return Way(name, OURS, engine.runner, best, write)


def theirs(folder: Path, name: str, tokenizer: Tokenizer, *, quantised: bool) -> Way:
    """transformers' module, as it is or quantised by torch."""
    from transformers import AutoModelForCausalLM

    network: Network = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    network.eval()
    if quantised:
        from torch.ao.quantization import quantize_dynamic

        _with_linear_layers(network)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch announces that it will give this way up
            network = quantize_dynamic(network, {torch.nn.Linear}, dtype=torch.qint8)  # type: ignore[no-untyped-call]  # torch
    scores = NetworkScores(network)

    @torch.inference_mode()
    def write(prompts: Sequence[str], new: int) -> None:
        beginning = tokenizer.beginning or [tokenizer.end_of_text]
        fed = [[*beginning, *tokenizer.encode(prompt)] for prompt in prompts]
        longest = max(map(len, fed))
        ids = torch.tensor([[*[0] * (longest - len(one)), *one] for one in fed])
        mask = torch.tensor([[*[0] * (longest - len(one)), *[1] * len(one)] for one in fed])
        network.generate(
            ids, attention_mask=mask, do_sample=False, max_new_tokens=new, min_new_tokens=new, pad_token_id=0
        )

    return Way(name, THEIRS, cast("Runner", scores), scores.best, write)


def _with_linear_layers(network: torch.nn.Module) -> None:
    """GPT-2 keeps its weights as [in, out] in a layer of its own, which torch would not quantise."""
    from transformers.pytorch_utils import Conv1D

    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, Conv1D):
                linear = torch.nn.Linear(*child.weight.shape)
                linear.weight.data, linear.bias.data = child.weight.data.t().contiguous(), child.bias.data
                setattr(module, name, linear)


def ways(folder: Path) -> Iterator[tuple[str, Callable[[], Way]]]:
    """Every precision by name, not opened yet."""
    tokenizer = Tokenizer.load(folder, PluginManager.discover())
    for precision in ("float32", "bfloat16", "int8"):
        yield (
            f"zaoju {precision}",
            partial(ours, folder, f"zaoju {precision}", {"name": "lean", "precision": precision}),
        )
    name = "zaoju over llama.cpp q8_0"
    yield name, partial(_over_llama_cpp, folder, name)
    yield THEIRS, partial(theirs, folder, THEIRS, tokenizer, quantised=False)
    name = "transformers, torch's dynamic int8"
    yield name, partial(theirs, folder, name, tokenizer, quantised=True)


def _over_llama_cpp(folder: Path, name: str) -> Way:
    try:
        import zaoju_llamacpp.runner  # noqa: F401  # so that what is missing is known before anything is read
    except ImportError as error:
        raise NotInstalledError("./plugins/zaoju-llamacpp") from error
    return ours(folder, name, {"name": "llamacpp", "precision": "q8_0"})


def read_documents(files: Sequence[Path], most: int) -> list[str]:
    """The first documents of all files, empty ones left out."""
    texts: list[str] = []
    for file in files:
        for line in file.read_text("utf-8").splitlines():
            text = json.loads(line)["text"] if file.suffix == ".jsonl" and line.strip() else line
            if text.strip():
                texts.append(text)
    return texts[:most]


def open_ways(folder: Path) -> tuple[dict[str, Way], list[list[str]]]:
    """What can be had here, and a line of the table for what cannot."""
    opened, missing = {}, []
    for name, make in ways(folder):
        try:
            opened[name] = make()
        except Exception as error:  # noqa: BLE001  # what is refused here stands in its line of the table
            first = str(error).splitlines()[0][:110]
            missing.append(
                [name, first if isinstance(error, NotInstalledError) else f"{type(error).__name__}: {first}"]
            )
    return opened, missing


def quality(opened: dict[str, Way], tokenizer: Tokenizer, documents: Sequence[str]) -> dict[str, tuple[float, float]]:
    """By way: bits per character, and the share of places with the choice of its float32."""
    beginning = tokenizer.beginning or [tokenizer.end_of_text]
    context = min(way.runner.context_length for way in opened.values())
    framed = [[*beginning, *tokenizer.encode(text)][:context] for text in documents]
    chosen = {name: [way.best(tokens) for tokens in framed if len(tokens) > 1] for name, way in opened.items()}
    found = {}
    for name, way in opened.items():
        score = bits_per_character(
            way.runner, tokenizer, documents, emit=lambda _: None, cancel=threading.Event()
        ).bits_per_character
        same = torch.cat([a == b for a, b in zip(chosen[name], chosen[way.base], strict=True)])
        found[name] = (score, float(same.float().mean()))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("text", type=Path, nargs="+")
    parser.add_argument("--documents", type=int, default=200, help="so many of them at most")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--new", type=int, default=64, help="tokens of each text, as far as the context goes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    quiet()
    print(machine("transformers", "llama-cpp-python"))
    documents = read_documents(given.text, given.documents)
    opened, missing = open_ways(given.model)
    tokenizer = Tokenizer.load(given.model, PluginManager.discover())
    found = quality(opened, tokenizer, documents)
    lines = [["precision", "bits", "more", "same choice", *(f"batch {batch}: x float32" for batch in given.batches)]]
    context = min(way.runner.context_length for way in opened.values())
    longest = max(len(tokenizer.encode(text[:BEGINNING])) for text in documents)
    new = min(given.new, context - longest - len(tokenizer.beginning) - 1)
    speeds: dict[str, list[str]] = {name: [] for name in opened}
    for batch in given.batches:
        prompts = [documents[number % len(documents)][:BEGINNING] for number in range(batch)]
        seconds = in_turn({name: partial(way.write, prompts, new) for name, way in opened.items()}, given.rounds)
        for name, way in opened.items():
            speeds[name].append(spread(ratios(seconds[way.base], seconds[name])))
    for name, way in opened.items():
        bits, same = found[name]
        lines.append([name, f"{bits:.4f}", f"{bits - found[way.base][0]:+.4f}", f"{same:.2%}", *speeds[name]])
    characters = sum(map(len, documents))
    print(
        f"\n{len(documents)} documents, {characters:,} characters; {new} greedy tokens after {BEGINNING} characters\n"
    )
    print(rendered([*lines, *missing], markdown=given.markdown))


if __name__ == "__main__":
    main()
