"""Attention over new tokens alone, and over what a cache holds; several query heads may share a head of keys."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def causal_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, scale: float, dropout: float = 0.0
) -> torch.Tensor:
    """[N, T, heads, D]: each token looks at itself and at those before it.

    `query` is [N, T, heads, D], `key` and `value` are [N, T, key heads, D], where `heads` is a multiple of `key heads`
    (grouped-query attention: Ainslie et al., 2023).
    """
    mixed = F.scaled_dot_product_attention(
        query.transpose(1, 2),
        key.transpose(1, 2),
        value.transpose(1, 2),
        dropout_p=dropout,
        is_causal=True,
        scale=scale,
        enable_gqa=query.shape[2] != key.shape[2],
    )
    return mixed.transpose(1, 2)


def cached_attention(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, *, scale: float
) -> torch.Tensor:
    """[N, T, heads, D]: new tokens look at a cache.

    `query` is [N, T, heads, D], `keys` and `values` are [N, key heads, used, D]; `mask` [N, 1, T, used] bool is True
    where attention may look, None where it may look everywhere.
    """
    rows, length, heads, width = query.shape
    shared = heads // keys.shape[1]
    if length == 1 and shared > 1:
        # One new token: the heads that share keys stand where the tokens would, so no key is read or copied twice.
        folded = query.view(rows, keys.shape[1], shared, width)
        mixed = F.scaled_dot_product_attention(folded, keys, values, attn_mask=mask, scale=scale)
        return mixed.reshape(rows, 1, heads, width)
    mixed = F.scaled_dot_product_attention(
        query.transpose(1, 2), keys, values, attn_mask=mask, scale=scale, enable_gqa=shared > 1
    )
    return mixed.transpose(1, 2)
