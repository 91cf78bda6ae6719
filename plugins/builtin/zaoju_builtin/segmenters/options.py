"""The options of the segmenters."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from zaoju import Options

_DICTIONARY = "A UTF-8 file of your own words, one a line"


class JiebaOptions(Options):
    """Options of the `jieba` segmenter."""

    hmm: bool = Field(True, description="Find words that are not in the dictionary, by a hidden Markov model")
    dictionary: Path | None = Field(None, description=f"{_DICTIONARY}: `word [frequency [tag]]`, added to jieba's")


class RjiebaOptions(Options):
    """Options of the `rjieba` segmenter."""

    hmm: bool = Field(True, description="Find words that are not in the dictionary, by a hidden Markov model")
    dictionary: Path | None = Field(None, description=f"{_DICTIONARY}: `word [frequency [tag]]`, added to jieba's")


class PkusegOptions(Options):
    """Options of the `pkuseg` segmenter."""

    model: Path | None = Field(None, description="A folder with a pkuseg model; the one that pkuseg brings by default")
    dictionary: Path | None = Field(
        None, description=f"{_DICTIONARY}, kept whole wherever they stand; frequencies and tags are read over"
    )
