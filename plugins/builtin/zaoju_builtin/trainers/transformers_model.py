"""The model of a run as a module of transformers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from transformers.utils import logging

from zaoju.contracts import TrainingRun
from zaoju.models import TransformersLM, new_model
from zaoju.training import disk_errors


def first_transformers_model(run: TrainingRun) -> TransformersLM:
    """The model that `lean` begins with, as one of transformers, in training mode."""
    model = new_model(run.model, run.seed)
    if not isinstance(model, TransformersLM):
        with (
            disk_errors(Path(gettempdir()), "the first model, on its way to transformers,"),
            TemporaryDirectory() as folder,
        ):
            model.save(Path(folder))
            model = TransformersLM.from_folder(Path(folder))
    for parameter in model.parameters():
        # Memory mapped from a file begins anywhere; matrix kernels may round otherwise for unaligned memory.
        parameter.data = parameter.data.clone()
    return model.train()


@contextmanager
def without_bars() -> Iterator[None]:
    """transformers shows no bars of its own until the block ends."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves these without annotations
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]  # the same
