"""Handing a model to other programs: a plain Hugging Face folder, checked against the one it was made from."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from zaoju.errors import ArtefactError, UserError
from zaoju.files import whole_folder
from zaoju.generation import Engine, TransformersRunner
from zaoju.plugins import PluginManager
from zaoju.tokenization import Tokenizer

LOGITS_TOLERANCE = 1e-4
_PROBE = "我想去看看外面的世界。I want to see the world. 1984\n"
_NEEDED = ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json")


@dataclass(frozen=True, slots=True)
class Exported:
    """A folder that plain transformers loads, and how far its scores are from the original's."""

    folder: Path
    largest_difference: float
    """In natural log-probability, float32, over a probe text."""


def export(model: Path, folder: Path, plugins: PluginManager | None = None) -> Exported:
    """Copy a model to `folder` as a plain Hugging Face folder, and check it there with transformers itself.

    Raises `ArtefactError` where the tokenizer needs a segmenter at run time and so cannot be exported, or where the
    copy does not agree with the original; `UserError` where `folder` is there already.
    """
    if folder.exists():
        raise UserError(f"{folder} exists already; name a folder that does not, or remove this one")
    plugins = plugins or PluginManager.discover()
    engine = Engine.load(model, device="cpu", plugins=plugins)
    if engine.tokenizer.live:
        raise ArtefactError(
            f"{model} has a live tokenizer: it needs its segmenter whenever text is encoded, and no other program has "
            "that. Train with `tokenization: {live: false}`, best with the vocabulary `portable`, for a model that "
            "can be exported"
        )
    with whole_folder(folder) as copy:
        for path in sorted(model.iterdir()):
            if path.name in _NEEDED or path.suffix == ".safetensors" or path.name.endswith(".safetensors.index.json"):
                shutil.copyfile(path, copy / path.name)
        difference = _difference(engine, copy, plugins)
    return Exported(folder, difference)


def _difference(engine: Engine, copy: Path, plugins: PluginManager) -> float:
    """How far the copy, read by transformers, is from the original on a probe text."""
    ids = [*engine.tokenizer.beginning, *engine.tokenizer.encode(_PROBE)][: engine.runner.context_length]
    copied = [*engine.tokenizer.beginning, *Tokenizer.load(copy, plugins).encode(_PROBE)][: len(ids)]
    if copied != ids:
        raise ArtefactError(f"the exported tokenizer in {copy} cuts text differently; this is a fault of zaoju")
    (original,) = engine.runner.score([ids])
    (exported,) = TransformersRunner.open(copy, device="cpu").score([ids])
    difference = float((original - exported).abs().max())
    if difference > LOGITS_TOLERANCE:
        raise ArtefactError(
            f"the exported model differs from {copy} by {difference:.2g} in log-probability, more than "
            f"{LOGITS_TOLERANCE}; this is a fault of zaoju"
        )
    return difference
