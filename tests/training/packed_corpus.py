"""Packed tokens and runs for the tests of training."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from zaoju.contracts import Event, ModelPlan, TrainingRun
from zaoju.files import hash_file
from zaoju.models import CausalLM

VOCABULARY = 40
NUMBERS = {"n_layer": 2, "n_embd": 32, "n_head": 2, "n_positions": 16, "resid_pdrop": 0.1, "attn_pdrop": 0.1}


def write_packed(folder: Path, count: int, documents: int = 1) -> Path:
    """`count` tokens in the packed format: a walk in small steps, which a model learns at once.

    With several documents, each is longer than the one before it.
    """
    folder.mkdir(parents=True)
    steps = np.random.Generator(np.random.Philox(7)).integers(1, 4, count)
    (np.cumsum(steps) % VOCABULARY).astype("<u2").tofile(folder / "tokens.bin")
    shares = np.cumsum(np.arange(1, documents + 1))
    (shares * count // shares[-1]).astype("<u8").tofile(folder / "document_ends.bin")
    files = [folder / "tokens.bin", folder / "document_ends.bin"]
    header = {
        "format": 2,
        "dtype": "<u2",
        "tokens": count,
        "documents": documents,
        "vocabulary_fingerprint": "of no tokenizer",
        "vocabulary_size": VOCABULARY,
        "bytes": {file.name: file.stat().st_size for file in files},
        "sha256": {file.name: hash_file(file) for file in files},
        # Of files as small as these the blocks are the whole.
        "sha256_of_blocks": {file.name: hash_file(file) for file in files},
    }
    (folder / "packed.json").write_text(json.dumps(header), encoding="utf-8")
    return folder


def no_score(step: int, model: CausalLM) -> float:
    """Later models are better."""
    return 100.0 - step


def make_run(
    folder: Path,
    *,
    tokens: int = 2000,
    documents: int = 1,
    emit: Callable[[Event], None] = lambda event: None,
    observe: Callable[[int, CausalLM], float] = no_score,
    model: ModelPlan | None = None,
) -> TrainingRun:
    """A run in `folder`; one that is there is gone on with."""
    train, checkpoints = folder / "train", folder / "checkpoints"
    if not train.exists():
        write_packed(train, tokens, documents)
    checkpoints.mkdir(exist_ok=True, parents=True)
    return TrainingRun(
        model=model or ModelPlan("gpt2", NUMBERS, VOCABULARY, 0),
        train=train,
        held_out=train,
        checkpoints=checkpoints,
        artefact=folder / "model",
        seed=3,
        device="cpu",
        emit=emit,
        observe=observe,
        cancel=threading.Event(),
    )


def hashes(folder: Path) -> dict[str, str]:
    """The hash of every file of a folder, by name."""
    return {path.name: hash_file(path) for path in sorted(folder.iterdir())}
