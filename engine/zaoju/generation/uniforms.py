"""Random numbers that are a function: of a seed, of how many tokens came before, and of who asks.

No generator holds a state, so a request draws the same numbers alone, in any batch and in any order.
The mixing is splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014; the constants
are Sebastiano Vigna's public-domain version).
"""

from __future__ import annotations

import copy
import hashlib
import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = "npt.NDArray[np.uint64]"
"""[N]: numbers of 64 bits."""

_MASK = 0xFFFFFFFFFFFFFFFF
_FEW = 12
"""So many rows are quicker drawn one by one than as an array."""

SEED_BITS = 53
"""Seeds that the engine makes have this many bits, so that JSON carries them exactly."""


def mix(number: int) -> int:
    """A 64-bit hash of a 64-bit number: the step and the finaliser of splitmix64."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


def uniform(seed: int, index: int, stream: str) -> float:
    """A number in the open interval (0, 1) for the token number `index` of a text, from the named stream."""
    return _open_unit(mix(mix(mix(seed) ^ index) ^ _name(stream)))


class Uniforms:
    """The random numbers of rows that go on together, each with its own seed: those of `uniform`, at less cost."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._mixed = [mix(seed) for seed in seeds]
        self._words = np.array(self._mixed, dtype=np.uint64)

    def part(self, places: Sequence[int]) -> Self:
        """Those of the rows at `places`."""
        other = copy.copy(self)
        other._mixed = [self._mixed[place] for place in places]
        other._words = np.array(other._mixed, dtype=np.uint64)
        return other

    def at(self, indices: Sequence[int], stream: str) -> npt.NDArray[np.float64]:
        """[N]: for each row the number that belongs to its own one of `indices`, from the named stream."""
        name = _name(stream)
        if len(self._mixed) <= _FEW:
            few = [_open_unit(mix(mix(seed ^ index) ^ name)) for seed, index in zip(self._mixed, indices, strict=True)]
            return np.array(few, dtype=np.float64)
        bits = _mix_words(_mix_words(self._words ^ np.array(indices, dtype=np.uint64)) ^ np.uint64(name))
        return ((bits >> np.uint64(11)) | np.uint64(1)).astype(np.float64) * 2.0**-53


def sample_seeds(seed: int, count: int) -> list[int]:
    """Seeds for `count` texts from one prompt and one seed. The first is `seed` itself, so one text stays the same
    text when more are asked for; each text can be had again alone by its own seed."""
    return [sample_seed(seed, number) for number in range(count)]


def sample_seed(seed: int, number: int) -> int:
    """The seed of the text `number` of those that `sample_seeds` is for."""
    return seed if number == 0 else mix(mix(seed) ^ number) >> (64 - SEED_BITS)


def fresh_seed() -> int:
    """A seed from the operating system."""
    return secrets.randbits(SEED_BITS)


@lru_cache(maxsize=256)
def _name(stream: str) -> int:
    """A stream as a number of 64 bits."""
    return int.from_bytes(hashlib.blake2b(stream.encode(), digest_size=8).digest(), "little")


def _mix_words(words: Words) -> Words:
    """`mix` of each of `words`; arrays of 64 bits drop what `mix` masks."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _open_unit(bits: int) -> float:
    """An odd number of 53 bits over 2**53: exact in a float64, and never 0 or 1."""
    return ((bits >> 11) | 1) * 2.0**-53
