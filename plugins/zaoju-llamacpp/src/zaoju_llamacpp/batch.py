"""The tokens of one pass, in the arrays that llama.cpp reads."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import llama_cpp
import numpy as np


class Batch:
    """Room for `capacity` tokens, filled anew for each pass."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._tokens = np.zeros(capacity, np.int32)
        self._places = np.zeros(capacity, np.int32)
        self._sequences = np.zeros(capacity, np.int32)
        self._outputs = np.zeros(capacity, np.int8)
        # Each token belongs to one sequence: a list of length one, which lies in `_sequences`.
        self._counts = np.ones(capacity, np.int32)
        self._lists = (self._sequences.ctypes.data + 4 * np.arange(capacity)).astype(np.uintp)
        self.native = llama_cpp.llama_batch(
            n_tokens=0,
            token=_pointer(self._tokens, ctypes.c_int32),
            pos=_pointer(self._places, ctypes.c_int32),
            n_seq_id=_pointer(self._counts, ctypes.c_int32),
            seq_id=_pointer(self._lists, ctypes.POINTER(ctypes.c_int32)),
            logits=_pointer(self._outputs, ctypes.c_int8),
        )
        """What `llama_decode` takes."""

    def fill(
        self, sequences: Sequence[int], starts: Sequence[int], tokens: Sequence[Sequence[int]], *, every: bool
    ) -> int | None:
        """Put in the next tokens of some sequences, which are `starts` tokens long; None where they are too many.

        Gives the number of tokens whose logits are asked for: all with `every`, else the last of each sequence.
        """
        count = sum(map(len, tokens))
        if count > self._capacity:
            return None
        place = 0
        self._outputs[:count] = every
        for sequence, start, new in zip(sequences, starts, tokens, strict=True):
            end = place + len(new)
            self._tokens[place:end] = new
            self._places[place:end] = np.arange(start, start + len(new))
            self._sequences[place:end] = sequence
            self._outputs[end - 1] = True
            place = end
        self.native.n_tokens = count
        return count if every else len(tokens)


def _pointer(array: np.ndarray, kind: type) -> object:
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))
