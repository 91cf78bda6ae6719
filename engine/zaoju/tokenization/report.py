"""What a vocabulary does to texts: how short they become, what is never used, what falls back to bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from zaoju.errors import UserError
from zaoju.tokenization.tokenizer import Tokenizer

EXAMPLES = 10
"""How many tokens of each kind a report names."""

_BATCH_TEXTS = 256
_RANKS_PER_DECADE = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two vocabularies side by side, over the same texts."""

    vocabulary_size: int
    """Tokens of the other vocabulary."""

    shared: int
    """Tokens that both have, compared by their bytes."""

    covered: float
    """The share of the first one's tokens in these texts that the other has as well."""

    characters_per_token: float
    """Of the other vocabulary, on these texts."""


@dataclass(frozen=True, slots=True)
class VocabularyReport:
    """The counts of one vocabulary over some texts."""

    vocabulary_size: int
    live: bool
    characters: int
    tokens: int
    never_used: int
    """Tokens that these texts do not have; the 256 bytes and special tokens are not counted."""

    byte_characters: float
    """The share of characters that no token covers, so that they are written as bytes or parts of characters."""

    window: int | None
    """The model's context in tokens, where the folder names one."""

    most_frequent: tuple[tuple[str, int], ...]
    rarest: tuple[tuple[str, int], ...]
    """Used tokens with their counts, the rarest first."""

    longest: tuple[str, ...]
    """Used or not; most characters first."""

    unused: tuple[str, ...]
    """Some tokens of `never_used`, lowest ids first: builders put the most probable ones there."""

    zipf: tuple[tuple[int, int], ...]
    """Rank and count at the ranks 1, 2, 5, 10, 20 and so on: near a straight line in logarithms (Zipf 1935)."""

    overlap: Overlap | None = None

    @property
    def characters_per_token(self) -> float:
        """How many characters a token stands for, on average."""
        return self.characters / self.tokens

    @property
    def window_characters(self) -> float | None:
        """How many characters of such texts the model sees at once."""
        return None if self.window is None else self.window * self.characters_per_token


def report_vocabulary(
    tokenizer: Tokenizer, texts: Iterable[str], *, window: int | None = None, other: Tokenizer | None = None
) -> VocabularyReport:
    """Count the tokens of `texts`, and of `other` on the same texts where one is given.

    The texts are read once. Raises `UserError` where they have no text, or where a vocabulary's tokens are not bytes:
    those of BERT, for example, do not say which text a token stands for.
    """
    for one in (tokenizer, other):
        if one is not None and not one.byte_level:
            raise UserError("a report needs a byte-level vocabulary, such as those of zaoju and GPT-2; this one is not")
    counts: Counter[int] = Counter()
    characters = in_bytes = other_tokens = 0
    rest = iter(texts)
    while batch := list(islice(rest, _BATCH_TEXTS)):
        characters += sum(map(len, batch))
        for ids in tokenizer.encode_batch(batch):
            counts.update(ids)
            in_bytes += _characters_in_bytes(tokenizer, ids)
        if other is not None:
            other_tokens += sum(map(len, other.encode_batch(batch)))
    if not counts:
        raise UserError("the files have no text: give some that the vocabulary can be measured on")
    words = _words(tokenizer)
    unused = [token for token in words if token not in counts]
    ranked = counts.most_common()
    return VocabularyReport(
        vocabulary_size=tokenizer.vocabulary_size,
        live=tokenizer.live,
        characters=characters,
        tokens=counts.total(),
        never_used=len(unused),
        byte_characters=in_bytes / characters,
        window=window,
        most_frequent=_shown(tokenizer, ranked[:EXAMPLES]),
        rarest=_shown(tokenizer, sorted(ranked, key=lambda pair: (pair[1], pair[0]))[:EXAMPLES]),
        longest=tuple(sorted(map(tokenizer.show, words), key=lambda text: (-len(text), text))[:EXAMPLES]),
        unused=tuple(map(tokenizer.show, unused[:EXAMPLES])),
        zipf=_zipf([count for _, count in ranked]),
        overlap=None if other is None else _overlap(tokenizer, counts, other, characters / other_tokens),
    )


def _characters_in_bytes(tokenizer: Tokenizer, ids: Sequence[int]) -> int:
    """How many characters begin in a token that is not whole characters."""
    found = 0
    for token in ids:
        raw = tokenizer.token_bytes(token) or b""
        if not _is_text(raw):
            found += sum(byte & 0xC0 == 0xC0 for byte in raw)
    return found


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _words(tokenizer: Tokenizer) -> list[int]:
    """The tokens of more than one byte."""
    return [token for token in range(tokenizer.vocabulary_size) if len(tokenizer.token_bytes(token) or b"") > 1]


def _shown(tokenizer: Tokenizer, counted: Sequence[tuple[int, int]]) -> tuple[tuple[str, int], ...]:
    return tuple((tokenizer.show(token), count) for token, count in counted)


def _zipf(falling: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """The counts at the ranks 1, 2, 5, 10, ..., and at the last."""
    ranks = [step * 10**power for power in range(len(str(len(falling)))) for step in _RANKS_PER_DECADE]
    within = [rank for rank in ranks if rank < len(falling)]
    return tuple((rank, falling[rank - 1]) for rank in [*within, len(falling)])


def _overlap(tokenizer: Tokenizer, counts: Counter[int], other: Tokenizer, characters_per_token: float) -> Overlap:
    theirs = {other.token_bytes(token) for token in range(other.vocabulary_size)} - {None}
    ours = {token: tokenizer.token_bytes(token) for token in range(tokenizer.vocabulary_size)}
    covered = sum(count for token, count in counts.items() if ours[token] in theirs)
    return Overlap(
        vocabulary_size=other.vocabulary_size,
        shared=len(theirs & set(ours.values())),
        covered=covered / counts.total(),
        characters_per_token=characters_per_token,
    )
