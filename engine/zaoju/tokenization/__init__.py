"""The tokenization room: segment, build a vocabulary, encode, decode, stream, pack.

Every name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju.lazy import lazy_names

if TYPE_CHECKING:
    from zaoju.tokenization.alignment import align
    from zaoju.tokenization.build import HOSTILE_TEXT, build_tokenizer
    from zaoju.tokenization.byte_level import (
        END_OF_TEXT,
        LONGEST_RUN,
        byte_alphabet,
        byte_level_tokenizer,
        from_byte_level,
        places_taken,
        room_for_words,
        run_splitter,
        to_byte_level,
        unigram_tokenizer,
    )
    from zaoju.tokenization.extend import ExtendedTokenizer, Unreachable, extend_by_corpus, extend_by_words
    from zaoju.tokenization.packed import PackedTokens, pack_documents, pack_random_tokens
    from zaoju.tokenization.report import Overlap, VocabularyReport, report_vocabulary
    from zaoju.tokenization.segmentation import LosslessSegmenter, segment_documents
    from zaoju.tokenization.text_stream import TextStream
    from zaoju.tokenization.tokenizer import Tokenizer
    from zaoju.tokenization.word_list import raise_unseen, read_words

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "zaoju.tokenization.alignment": ("align",),
        "zaoju.tokenization.build": ("HOSTILE_TEXT", "build_tokenizer"),
        "zaoju.tokenization.byte_level": (
            "END_OF_TEXT",
            "LONGEST_RUN",
            "byte_alphabet",
            "byte_level_tokenizer",
            "from_byte_level",
            "places_taken",
            "room_for_words",
            "run_splitter",
            "to_byte_level",
            "unigram_tokenizer",
        ),
        "zaoju.tokenization.extend": ("ExtendedTokenizer", "Unreachable", "extend_by_corpus", "extend_by_words"),
        "zaoju.tokenization.packed": ("PackedTokens", "pack_documents", "pack_random_tokens"),
        "zaoju.tokenization.report": ("Overlap", "VocabularyReport", "report_vocabulary"),
        "zaoju.tokenization.segmentation": ("LosslessSegmenter", "segment_documents"),
        "zaoju.tokenization.text_stream": ("TextStream",),
        "zaoju.tokenization.tokenizer": ("Tokenizer",),
        "zaoju.tokenization.word_list": ("raise_unseen", "read_words"),
    },
)

__all__ = [
    "END_OF_TEXT",
    "HOSTILE_TEXT",
    "LONGEST_RUN",
    "ExtendedTokenizer",
    "LosslessSegmenter",
    "Overlap",
    "PackedTokens",
    "TextStream",
    "Tokenizer",
    "Unreachable",
    "VocabularyReport",
    "align",
    "build_tokenizer",
    "byte_alphabet",
    "byte_level_tokenizer",
    "extend_by_corpus",
    "extend_by_words",
    "from_byte_level",
    "pack_documents",
    "pack_random_tokens",
    "places_taken",
    "raise_unseen",
    "read_words",
    "report_vocabulary",
    "room_for_words",
    "run_splitter",
    "segment_documents",
    "to_byte_level",
    "unigram_tokenizer",
]
