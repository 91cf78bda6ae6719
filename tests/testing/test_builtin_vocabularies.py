"""Every builtin vocabulary builder keeps its contract."""

from __future__ import annotations

from pathlib import Path

from zaoju.testing import VocabularyContract
from zaoju_builtin.vocabularies.options import (
    BytePairOptions,
    PortableOptions,
    UnigramOptions,
    WordListOptions,
    WordOptions,
    WordPieceOptions,
)


class TestCharacters(VocabularyContract):
    component = "characters"


class TestWords(VocabularyContract):
    component = "words"
    options = WordOptions(size=400)


class TestPortable(VocabularyContract):
    component = "portable"
    options = PortableOptions(size=400)


class TestBytePairs(VocabularyContract):
    component = "bpe"
    options = BytePairOptions(size=500)


class TestUnigram(VocabularyContract):
    component = "unigram"
    options = UnigramOptions(size=400)


class TestWordPiece(VocabularyContract):
    component = "wordpiece"
    options = WordPieceOptions(size=500)


class TestWordList(VocabularyContract):
    component = "word_list"
    options = WordListOptions(path=Path(__file__).with_name("words.txt"))
