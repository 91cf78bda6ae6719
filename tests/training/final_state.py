"""What a finished training leaves, to the last bit, so that two of them can be compared."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from packed_corpus import hashes

_OF_THE_PROCESS = frozenset({"manifest.json", "training_args.bin"})
"""Hashes of the other files, and the arguments of transformers.Trainer, with paths and times in them."""


def final_state(folder: Path) -> dict[str, str]:
    """Every file of the last checkpoint and of the model that a run in `folder` has left, by its content.

    Weights, the optimiser's tensors, random states and counters; for `transformers` its schedule too.
    """
    last = max((folder / "checkpoints").glob("step-*"))
    files = sorted(path for path in last.iterdir() if path.name not in _OF_THE_PROCESS)
    state = {f"{last.name}/{path.name}": _content(path) for path in files}
    return {**state, **{f"model/{name}": value for name, value in hashes(folder / "model").items()}}


def _content(path: Path) -> str:
    if path.suffix in {".pt", ".pth"}:
        # numpy's random state among them is no tensor.
        return _digest(torch.load(path, weights_only=False))
    if path.suffix == ".json":
        values = json.loads(path.read_text("utf-8"))
        # transformers averages the loss in its own log over the steps since the process began.
        values.pop("log_history", None)
        return _digest(values)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(value: object) -> str:
    """A hash of numbers, tensors and what holds them."""
    if isinstance(value, dict):
        value = [(key, _digest(item)) for key, item in sorted(value.items(), key=lambda pair: str(pair[0]))]
    elif isinstance(value, list | tuple):
        # PEFT keeps names of layers in a set.
        in_any_order = all(isinstance(item, str) for item in value)
        digests = [_digest(item) for item in value]
        value = sorted(digests) if in_any_order else digests
    elif isinstance(value, torch.Tensor):
        value = (str(value.dtype), tuple(value.shape), hashlib.sha256(value.numpy().tobytes()).hexdigest())
    elif isinstance(value, np.ndarray):
        value = (str(value.dtype), value.shape, hashlib.sha256(value.tobytes()).hexdigest())
    return hashlib.sha256(repr(value).encode()).hexdigest()
