"""The options of the vocabulary builders. Every `size` counts all tokens: the 256 bytes and end-of-text as well."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from zaoju import Options

_BYTES_AND_END_OF_TEXT = 257
_LEAST_LEARNED = 15
"""With room for one token only, the unigram trainer never ends."""
_SIZE = "How many tokens in all; 256 bytes and end-of-text are among them."
_COVERAGE = "Characters that make up this share of the text get a token of their own; rarer ones are written as bytes."


class CharacterOptions(Options):
    """Options of `characters`."""

    size: int | None = Field(
        default=None,
        gt=_BYTES_AND_END_OF_TEXT,
        description=f"{_SIZE} The most frequent characters are kept; empty: every character of the corpus.",
    )


class WordOptions(Options):
    """Options of `words`."""

    size: int = Field(default=8000, gt=_BYTES_AND_END_OF_TEXT, description=_SIZE)
    coverage: float = Field(default=0.9995, gt=0, le=1, description=_COVERAGE)


class PortableOptions(Options):
    """Options of `portable`."""

    size: int = Field(default=8000, gt=_BYTES_AND_END_OF_TEXT, description=_SIZE)


class WordListOptions(Options):
    """Options of `word_list`."""

    path: Path = Field(description="A UTF-8 file with one word a line; blank lines are skipped, there are no comments.")
    coverage: float = Field(default=0.9995, gt=0, le=1, description=_COVERAGE)


class BytePairOptions(Options):
    """Options of `bpe`."""

    size: int = Field(default=8000, gt=_BYTES_AND_END_OF_TEXT, description=_SIZE)
    min_frequency: int = Field(default=2, ge=1, description="A pair that is seen less often is not merged.")


class UnigramOptions(Options):
    """Options of `unigram`."""

    size: int = Field(default=8000, gt=_BYTES_AND_END_OF_TEXT + _LEAST_LEARNED, description=_SIZE)
    coverage: float = Field(
        default=0.9995, gt=0, le=1, description=f"{_COVERAGE} Characters never take more than half of the vocabulary."
    )


class WordPieceOptions(Options):
    """Options of `wordpiece`."""

    size: int = Field(default=8000, gt=_BYTES_AND_END_OF_TEXT, description=_SIZE)
    coverage: float = Field(
        default=0.9995, gt=0, le=1, description=f"{_COVERAGE} Characters never take more than half of the vocabulary."
    )
    min_frequency: int = Field(default=2, ge=1, description="A pair that is seen less often is not merged.")
