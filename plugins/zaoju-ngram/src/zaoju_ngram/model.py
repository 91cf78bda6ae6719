"""An n-gram model: what follows what, with which probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from zaoju import ArtefactError

FILE = "ngram.safetensors"

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_UNSEEN = -1


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The n-grams of one length; `zaoju_ngram.counts` says how they are numbered."""

    keys: Integers
    """In rising order. Shape [n-grams]."""

    shares: npt.NDArray[np.float32]
    """What each n-gram's last token has of the probability after the tokens before it. Shape [n-grams]."""

    rest: npt.NDArray[np.float32]
    """What is left after each context for shorter contexts to share out. Shape [n-grams of the length below]."""


@dataclass(frozen=True, slots=True, eq=False)
class NgramModel:
    """Probabilities by interpolation: those of a short context, scaled down, plus the shares after a longer one."""

    base: npt.NDArray[np.float32]
    """The probability of each token whatever stands before it. Shape [vocabulary]."""

    levels: tuple[Level, ...]
    """The n-grams of length 2, 3 and so on."""

    @property
    def vocabulary_size(self) -> int:
        """How many tokens there are."""
        return len(self.base)

    @property
    def order(self) -> int:
        """The length of the longest n-grams: the model looks at one token fewer."""
        return len(self.levels) + 1

    def log_probabilities(self, context: Sequence[int]) -> Floats:
        """[vocabulary]: the natural logarithm of each token's probability after `context`."""
        size = self.vocabulary_size
        found = self.base.astype(np.float64)
        for level, number in zip(self.levels, self._contexts(context), strict=False):
            found *= level.rest[number]
            begin, end = np.searchsorted(level.keys, [number * size, (number + 1) * size])
            found[level.keys[begin:end] - number * size] += level.shares[begin:end]
        return np.log(found)

    def score(self, tokens: Sequence[int]) -> Floats:
        """[length - 1]: the natural logarithm of the probability of every token after the first."""
        stream = np.asarray(tokens, dtype=np.int64)
        found = self.base[stream[1:]].astype(np.float64)
        # At each place, the n-gram that ends there: first of length 1, then of 2, and so on.
        numbers = stream
        for level in self.levels:
            contexts = numbers[:-1]
            places = self._find(level, contexts, stream[1:])
            seen = contexts != _UNSEEN
            found *= np.where(seen, level.rest[np.where(seen, contexts, 0)], 1.0)
            known = places != _UNSEEN
            found[known] += level.shares[places[known]]
            numbers = np.concatenate([[_UNSEEN], places])
        return np.log(found)

    def save(self, folder: Path) -> None:
        """Write the model into `folder`."""
        tensors: dict[str, npt.NDArray[np.generic]] = {"base": self.base}
        for length, level in enumerate(self.levels, start=2):
            tensors |= {f"{length}.keys": level.keys, f"{length}.shares": level.shares, f"{length}.rest": level.rest}
        save_file(tensors, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> NgramModel:
        """The model that `save` wrote. Raises `ArtefactError` where there is none, or where it is damaged."""
        path = folder / FILE
        try:
            tensors = load_file(path)
            levels = []
            for length in range(2, 2 + (len(tensors) - 1) // 3):
                parts = (tensors[f"{length}.{name}"] for name in ("keys", "shares", "rest"))
                levels.append(Level(*parts))
            model = cls(tensors["base"], tuple(levels))
        except FileNotFoundError:
            raise ArtefactError(
                f"{folder} holds no n-gram model: there is no {FILE}; the trainer `ngram` leaves one"
            ) from None
        except (OSError, SafetensorError, KeyError) as error:
            raise ArtefactError(f"{path} is damaged ({error}): train the model again") from error
        model._check(path)
        return model

    def _check(self, path: Path) -> None:
        """Refuse arrays that do not belong together, before one of them is looked up in another."""
        below = self.vocabulary_size
        for level in self.levels:
            fits = len(level.shares) == len(level.keys) and len(level.rest) == below
            if not fits or (len(level.keys) and int(level.keys[-1]) >= below * self.vocabulary_size):
                raise ArtefactError(f"{path} is damaged: its tables do not fit together; train the model again")
            below = len(level.keys)
        if not self.levels or not below:
            raise ArtefactError(f"{path} is damaged: it has no n-grams; train the model again")

    def _contexts(self, context: Sequence[int]) -> list[int]:
        """The numbers of the last token, the last two tokens and so on, as far as the corpus has them."""
        tail = list(context[-(self.order - 1) :])
        # ends[k] is the n-gram of length k + 1 that ends at the token last looked at.
        ends: list[int] = []
        for token in tail:
            longer = []
            for level, number in zip(self.levels, ends, strict=False):
                place = int(self._find(level, np.array([number]), np.array([token]))[0])
                if place == _UNSEEN:
                    break
                longer.append(place)
            ends = [token, *longer]
        return ends

    def _find(self, level: Level, contexts: Integers, tokens: Integers) -> Integers:
        """The numbers of the n-grams that are a context and a token after it; `_UNSEEN` where there is none."""
        keys = contexts * self.vocabulary_size + tokens
        places = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
        found = (contexts != _UNSEEN) & (level.keys[places] == keys)
        return np.where(found, places, _UNSEEN)
