"""Token healing: a prompt that ends inside a token of the model.

Where a vocabulary has 「图书馆」 as one token, the model has never seen the tokens 「图书」 and 「馆」 in a row. A
prompt that ends with 「图书」 then hides from it what it knows best. So the end of the prompt is taken back, as far as
the tokens there may be the beginning of a longer one, and the model itself says how it is to be cut: as it stands, or
as the beginning of one of the longer tokens, with other tokens before that one where need be.

The idea of healing is that of Lundberg's guidance (2023), which takes back one token and restricts the next choice.
Here the probability of each cut is that of all its tokens, so several tokens can be taken back, and a cut is not
preferred because its first token is frequent. It is the sum over the cover of a prefix of Vieira et al. (2024, "From
Language Models over Tokens to Language Models over Characters"), from the last place that no longer token reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import torch

from zaoju.generation.columns import whole_numbers

if TYPE_CHECKING:
    from zaoju.tokenization import Tokenizer
    from zaoju.tokenization.prefixes import TokenPrefixes

_TOLERANCE = log(0.01)
"""A cut is not looked at that can have no hundredth of the probability of those that are known."""

_MOST_READ = 6
"""So many cuts beside the prompt's own are looked at, the most probable ones."""


@dataclass(frozen=True, slots=True)
class OpenEnd:
    """The end of a prompt at which a longer token may stand."""

    tokens: tuple[int, ...]
    """The tokens that are taken back, as the tokenizer cut them."""

    text: bytes
    """What they say."""

    prefixes: TokenPrefixes
    size: int
    """Tokens from here on the model does not know."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A way to cut the end of a prompt into tokens."""

    tokens: tuple[int, ...]
    """Those that end within the prompt."""

    rest: bytes
    """The last bytes of the prompt, which the next token begins with; none where `tokens` are all of the end."""

    first: tuple[int, ...]
    """The tokens that begin with `rest` and go on; empty where any may come."""

    score: float
    """Natural log-probability of `tokens`, and of one of `first` after them."""


def open_end(tokenizer: Tokenizer, tokens: Sequence[int], *, keep: int, size: int) -> OpenEnd | None:
    """The end of a prompt at which a longer token may stand; None where there is no such token.

    At least the first `keep` tokens are left as they are. Only for a tokenizer whose tokens are known as bytes.
    """
    prefixes = tokenizer.prefixes
    text, starts, start = b"", list[tuple[int, int]](), len(tokens)
    while start > keep and len(text) < prefixes.longest:
        raw = tokenizer.token_bytes(tokens[start - 1])
        if raw is None or len(raw) > prefixes.longest:
            break
        start, text = start - 1, raw + text
        starts.append((start, len(text)))
    # A longer token begins with a character, or where one of the prompt's own tokens does.
    lengths = {length for _, length in starts} | {
        len(text) - place for place, byte in enumerate(text) if byte & 0xC0 != 0x80
    }
    reach = max((length for length in lengths if prefixes.has_longer(text[len(text) - length :])), default=0)
    if reach == 0:
        return None
    start, length = next(one for one in starts if one[1] >= reach)
    return OpenEnd(tuple(tokens[start:]), text[len(text) - length :], prefixes, size)


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    """A place within the end of a prompt, and how a text comes there."""

    score: float
    tokens: tuple[int, ...]
    rest: bytes


class Cuts:
    """Looks for the cuts of one prompt's end, the most probable first. `read_next` says what the model must read."""

    def __init__(self, end: OpenEnd, logits: torch.Tensor) -> None:
        """`logits` [V] are those of the token that the end begins with."""
        self._end = end
        self.found: list[Cut] = []
        self._waiting: list[_Place] = []
        self._reads = 0
        self._look(_Place(0.0, (), end.text), logits)

    def read_next(self) -> tuple[int, ...] | None:
        """Tokens that the model is to read after what stands before the end; None where enough is known."""
        if self._reads == 0 and len(self._end.tokens) > 1:
            # First the prompt's own cut, which is most often the best: its last token needs no look beyond.
            return self._end.tokens[:-1]
        if self._reads > _MOST_READ or not self._waiting:
            return None
        best = max(self._waiting)
        known = torch.tensor([cut.score for cut in self.found], dtype=torch.float64).logsumexp(0)
        return None if best.score < float(known) + _TOLERANCE else best.tokens

    def take(self, tokens: tuple[int, ...], logits: torch.Tensor) -> None:
        """Take in `logits` [len(tokens), V] after each of the `tokens` that were asked for."""
        self._reads += 1
        for length in range(1, len(tokens) + 1):
            for place in [one for one in self._waiting if one.tokens == tokens[:length]]:
                self._waiting.remove(place)
                self._look(place, logits[length - 1])

    def _look(self, place: _Place, logits: torch.Tensor) -> None:
        """Note what may stand at a place: longer tokens, the last one of the end, or one within it."""
        end, rest = self._end, place.rest
        probable = logits[: end.size].double().log_softmax(0)
        longer = tuple(token for token in end.prefixes.longer(rest) if token < end.size)
        if longer:
            mass = float(probable[whole_numbers(longer, logits.device)].logsumexp(0))
            self.found.append(Cut(place.tokens, rest, longer, place.score + mass))
        within = [
            (token, rest[length:])
            for length in range(1, len(rest) + 1)
            for token in end.prefixes.exactly(rest[:length])
            if token < end.size and len(place.tokens) < len(end.tokens)
        ]
        if not within:
            return
        scores = probable[whole_numbers([token for token, _ in within], logits.device)].tolist()
        for (token, left), score in zip(within, scores, strict=True):
            tokens = (*place.tokens, token)
            if not left:
                self.found.append(Cut(tokens, left, (), place.score + score))
            elif len(tokens) < len(end.tokens) or end.prefixes.has_longer(left):
                self._waiting.append(_Place(place.score + score, tokens, left))
