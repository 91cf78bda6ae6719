"""Which tokens a watermark favours: a hash of the key, the token before and the token itself."""

from __future__ import annotations

import torch

_LOW = 0xFFFFFFFF


def is_green(key: torch.Tensor, gamma: torch.Tensor, previous: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    """bool, whether each of `candidates` is on the green list after `previous`; the shapes are broadcast.

    `key`, `previous` and `candidates` are int64 from 0 on. A token is on the list with the chance `gamma`, float64.
    """
    state = _mix(_mix(key & _LOW) ^ (key >> 32))
    state = _mix(_mix(state ^ (previous & _LOW)) ^ state)
    # The state goes in twice, so that the lists of two tokens are not one list in another order.
    value = _mix(_mix(state ^ (candidates & _LOW)) ^ state)
    return value.double() < gamma.double() * 2.0**32


def _mix(value: torch.Tensor) -> torch.Tensor:
    """A one-to-one function of the numbers below 2^32 that scatters them.

    The factors are below 2^31, so no product reaches 2^63. They are from https://github.com/skeeto/hash-prospector
    (public domain).
    """
    value = ((value ^ (value >> 16)) * 0x21F0AAAD) & _LOW
    value = ((value ^ (value >> 15)) * 0x735A2D97) & _LOW
    return value ^ (value >> 15)
