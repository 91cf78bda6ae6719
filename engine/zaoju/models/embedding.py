"""Embeddings that cost nothing where their weights come from a file."""

from __future__ import annotations

import torch
from torch import nn


def new_embedding(rows: int, width: int) -> nn.Embedding:
    """An embedding with drawn weights; on the meta device, where nothing is kept, without.

    torch imports its compiler to draw normal numbers there, which takes as long as to read a small model.
    """
    if on_meta():
        nothing = torch.empty(rows, width)
        empty: nn.Embedding = nn.Embedding.from_pretrained(nothing, freeze=False)  # type: ignore[no-untyped-call]
        return empty
    return nn.Embedding(rows, width)


def on_meta() -> bool:
    """Whether modules are made now whose weights come later."""
    return torch.get_default_device().type == "meta"
