"""Random numbers that are a function: of a seed, of how many tokens came before, and of who asks.

No generator holds a state, so a request draws the same numbers alone, in any batch and in any order.
The mixing is splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014; the constants
are Sebastiano Vigna's public-domain version).
"""

from __future__ import annotations

import hashlib
import secrets

_MASK = 0xFFFFFFFFFFFFFFFF
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
    name = int.from_bytes(hashlib.blake2b(stream.encode(), digest_size=8).digest(), "little")
    return _open_unit(mix(mix(mix(seed) ^ index) ^ name))


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


def _open_unit(bits: int) -> float:
    """An odd number of 53 bits over 2**53: exact in a float64, and never 0 or 1."""
    return ((bits >> 11) | 1) * 2.0**-53
