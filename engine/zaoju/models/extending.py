"""More rows for the tokens of a trained model: in its embedding, and in its head where that is a matrix of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import torch

from zaoju.errors import ArtefactError
from zaoju.models.transformers_lm import TransformersLM

RowMaker: TypeAlias = Callable[[torch.Tensor, int], torch.Tensor]
"""From the rows of the old tokens [V, width] and the number of the matrix, the embedding being 0, to the new rows."""


def extend_model(
    folder: Path, parts: Sequence[Sequence[int]], *, first_new: int, multiple: int, make_rows: RowMaker
) -> TransformersLM:
    """The model in `folder` with a row from `first_new` on for each of `parts`, the old tokens in place of a new one.

    The number of rows is rounded up to a multiple of `multiple`, as matrices of round sizes are faster; padding that
    the model has already is used first. A row of padding is the mean of the old rows: its logit is then the mean of
    theirs, never the greatest. transformers' `generate` is told to leave it out. A bias of the head begins as the mean
    of its parts'. Raises `ArtefactError` where tokenizer and model do not belong together.
    """
    model = TransformersLM.from_folder(folder)
    rows = len(model.token_parameters()[0])
    if rows < first_new:
        raise ArtefactError(
            f"the tokenizer in {folder} has {first_new:,} tokens and the model {rows:,} rows, so they do not belong "
            "together; get the folder again from its source"
        )
    last = first_new + len(parts)
    wanted = max(rows, -(-last // multiple) * multiple)
    if wanted != rows:
        model.network.resize_token_embeddings(wanted, mean_resizing=False)
        model = TransformersLM(model.network)
    with torch.no_grad():
        for number, parameter in enumerate(model.token_parameters()):
            old = parameter[:first_new].clone()
            parameter[last:] = old.mean(dim=0)
            if parameter.dim() == 2:
                parameter[first_new:last] = make_rows(old, number)
            else:
                parameter[first_new:last] = torch.stack([old[list(old_tokens)].mean() for old_tokens in parts])
    _never_generate(model, range(last, wanted))
    return model


def _never_generate(model: TransformersLM, padding: range) -> None:
    generation = model.network.generation_config
    if generation is not None and padding:
        generation.suppress_tokens = sorted({*(generation.suppress_tokens or ()), *padding})
