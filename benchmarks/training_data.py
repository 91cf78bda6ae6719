"""What the benchmarks of training train on: one prepared corpus, the same batches and the same model for every way."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from measuring import device

from zaoju.contracts import ModelPlan
from zaoju.corpus import read_documents
from zaoju.evaluation import bits_per_character
from zaoju.generation import runner_over
from zaoju.models import CausalLM, model_numbers, new_model
from zaoju.pipeline.api import open_pipeline
from zaoju.plugins import PluginManager
from zaoju.tokenization import PackedTokens, Tokenizer
from zaoju.training import PackedBatches

SEED = 1
LOOKED_AT = 30_000
"""Characters of held-out text that a look scores."""


@dataclass(frozen=True)
class Task:
    """What is to be trained, and how."""

    config: Path
    """A `config.yaml` whose corpus and vocabulary are made already."""

    encoded: Path
    """The folder of its packed tokens."""

    vocabulary: Path
    """The folder of its tokenizer."""

    held_out: Path
    """The documents that no way trains on."""

    vocabulary_size: int
    end_of_text: int
    numbers: dict[str, int | float | bool | str]
    batch_size: int
    window: int
    steps: int
    """How many there will be at most."""

    precision: str
    device: str
    folder: Path
    """Where a way may write."""

    @property
    def plan(self) -> ModelPlan:
        """The model, a new one."""
        return ModelPlan("gpt2", self.numbers, self.vocabulary_size, self.end_of_text)

    @property
    def tokens_per_step(self) -> int:
        """How many tokens a step reads."""
        return self.batch_size * self.window

    def batches(self) -> PackedBatches:
        """The training text, batch by batch."""
        return PackedBatches(
            PackedTokens.open(self.encoded / "train"), window=self.window, batch_size=self.batch_size, seed=SEED
        )

    def windows(self) -> torch.Tensor:
        """[windows, T] int64: the training text cut without gaps, for a loader that brings an order of its own."""
        tokens = PackedTokens.open(self.encoded / "train").tokens
        whole = len(tokens) // self.window * self.window
        return torch.from_numpy(tokens[:whole].astype(np.int64)).view(-1, self.window)

    def copied_run(self) -> Path:
        """A run of its own in which the corpus and the vocabulary are made already."""
        number = len(list(self.folder.glob("run-*")))
        return Path(shutil.copytree(self.folder / "run", self.folder / f"run-{number}"))

    def lean_model(self) -> CausalLM:
        """zaoju's own module."""
        return new_model(self.plan, SEED).to(self.device).train()

    def score(self, model: CausalLM) -> float:
        """Bits per character of the first held-out documents under `model`, by zaoju's own measure."""
        tokenizer = Tokenizer.load(self.vocabulary, PluginManager.discover())
        training = model.training
        model.eval()
        score = bits_per_character(
            runner_over(model), tokenizer, held_out_texts(self.held_out), emit=_silent, cancel=threading.Event()
        )
        model.train(training)
        return score.bits_per_character


def held_out_texts(documents: Path) -> list[str]:
    """The first documents, `LOOKED_AT` characters in all."""
    texts: list[str] = []
    left = LOOKED_AT
    for document in read_documents(documents):
        if left <= 0:
            break
        texts.append(document.text[:left])
        left -= len(texts[-1])
    return texts


def prepare(
    folder: Path,
    texts: Sequence[Path],
    *,
    vocabulary: int,
    size: str,
    batch_size: int,
    steps: int,
    precision: str = "float32",
) -> Task:
    """Make corpus, vocabulary and tokens in `folder`; `zaoju.train` on the same configuration finds them done.

    Without `texts` the corpus is a grammar's stories, of which there is no end.
    """
    numbers = model_numbers("gpt2", size, {})
    readers: list[dict[str, object]] = [{"name": "stories", "documents": 20_000}]
    if texts:
        readers = [{"name": "text", "paths": [str(path.resolve()) for path in texts]}]
    config = {
        "run": str(folder / "run"),
        "seed": SEED,
        "corpus": {"readers": readers, "cleaners": []},
        "tokenization": {"segmenter": "jieba", "vocabulary": {"name": "words", "size": vocabulary}},
        "model": {"architecture": "gpt2", "size": size},
        "evaluation": {"prompts": ["我想"]},
    }
    written = folder / "config.yaml"
    written.write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    pipeline = open_pipeline(config)
    made, encoded = pipeline.vocabulary(), pipeline.encode()
    tokenizer = Tokenizer.load(made, PluginManager.discover())
    return Task(
        config=written,
        encoded=encoded,
        vocabulary=made,
        held_out=pipeline.prepare() / "held_out.jsonl",
        vocabulary_size=tokenizer.vocabulary_size,
        end_of_text=tokenizer.end_of_text,
        numbers=numbers,
        batch_size=batch_size,
        window=int(numbers["n_positions"]),
        steps=steps,
        precision=precision,
        device=device(),
        folder=folder,
    )


def _silent(event: object) -> None:
    """Scoring is off the clock."""
