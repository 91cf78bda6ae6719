"""More rows for the tokens of a trained model: in its embedding, and in its head where that is a matrix of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self, TypeAlias

import torch
from torch import nn

from zaoju.errors import ArtefactError
from zaoju.files import read_json_object, write_text_whole
from zaoju.models.transformers_lm import TransformersLM

RowMaker: TypeAlias = Callable[[torch.Tensor, int], torch.Tensor]
"""From the rows of the old tokens [V, width] and the number of the matrix, the embedding being 0, to the new rows."""

_RECORD = "extension.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Extension:
    """What a model folder says of the tokens that were added to it and not trained yet."""

    first_new: int
    """The id of the first new token."""

    tokens: int
    """All tokens, the new ones included; rows after them are padding."""

    initialiser: str

    def write(self, folder: Path) -> None:
        """Write it into a model folder."""
        record = {"format": _FORMAT, **asdict(self)}
        write_text_whole(folder / _RECORD, json.dumps(record, indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What a folder says; None where nothing was added. Raises `ArtefactError` where the record is damaged."""
        record = read_json_object(folder / _RECORD)
        if record is None:
            return None
        values = [record.get(field.name) for field in fields(cls)]
        if record.get("format") != _FORMAT or not all(map(isinstance, values, (int, int, str))):
            raise ArtefactError(f"{folder / _RECORD} is damaged or of another zaoju; run `zaoju extend` again")
        return cls(*values)  # type: ignore[arg-type]  # the types are checked in the line before


def extend_model(
    folder: Path, parts: Sequence[Sequence[int]], *, first_new: int, multiple: int, make_rows: RowMaker
) -> TransformersLM:
    """The model in `folder` with a row for each of `parts`, from `first_new` on: the old tokens that a new one stands for.

    The number of rows is rounded up to a multiple of `multiple`, as matrices of round sizes are faster; padding that
    the model has already is used first. A row of padding is the mean of the old rows: its logit is then the mean of
    theirs, never the greatest. transformers' `generate` is told to leave it out. transformers knows where each
    architecture keeps its matrices. Raises `ArtefactError` where tokenizer and model do not belong together.
    """
    model = TransformersLM.from_folder(folder)
    rows = _embedding(model).num_embeddings
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
        for number, matrix in enumerate(_matrices(model)):
            old = matrix[:first_new].clone()
            matrix[first_new:last] = make_rows(old, number)
            matrix[last:] = old.mean(dim=0)
        bias = _head_bias(model)
        if bias is not None:
            bias[first_new:last] = torch.stack([bias[list(old_tokens)].mean() for old_tokens in parts])
            bias[last:] = bias[:first_new].mean()
    _never_generate(model, range(last, wanted))
    return model


def _embedding(model: TransformersLM) -> nn.Embedding:
    embedding = model.network.get_input_embeddings()
    if not isinstance(embedding, nn.Embedding):
        raise ArtefactError(f"a {model.architecture} has no plain embedding, so no tokens can be added to it")
    return embedding


def _matrices(model: TransformersLM) -> Iterator[torch.Tensor]:
    """The embedding, and the head where it is not the same."""
    embedding = _embedding(model).weight
    yield embedding
    head = _head(model)
    if head is not None and head.weight is not embedding:
        yield head.weight


def _head(model: TransformersLM) -> nn.Linear | None:
    # transformers leaves this function without annotations.
    head: nn.Linear | None = model.network.get_output_embeddings()  # type: ignore[no-untyped-call]
    return head


def _head_bias(model: TransformersLM) -> torch.Tensor | None:
    bias = getattr(_head(model), "bias", None)
    return bias if isinstance(bias, torch.Tensor) else None


def _never_generate(model: TransformersLM, padding: range) -> None:
    generation = model.network.generation_config
    if generation is not None and padding:
        generation.suppress_tokens = sorted({*(generation.suppress_tokens or ()), *padding})
