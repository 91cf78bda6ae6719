"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.vocabularies"


def vocabularies() -> list[Component]:
    """The builtin vocabulary builders."""
    options = f"{_HOME}.options"
    words = frozenset({"words"})
    return [
        Component(
            "characters",
            f"{_HOME}.characters:CharacterVocabulary",
            options=f"{options}:CharacterOptions",
            summary="One token a character",
        ),
        Component(
            "words",
            f"{_HOME}.words:WordVocabulary",
            options=f"{options}:WordOptions",
            summary="The segmenter's most frequent words, and characters for the rest",
            needs=words,
        ),
        Component(
            "portable",
            f"{_HOME}.portable:PortableVocabulary",
            options=f"{options}:PortableOptions",
            summary="The most frequent of the segmenter's words and of all characters",
            needs=words,
        ),
        Component(
            "bpe",
            f"{_HOME}.bpe:BytePairVocabulary",
            options=f"{options}:BytePairOptions",
            summary="Byte-pair encoding; merges never cross the segmenter's pieces",
        ),
        Component(
            "unigram",
            f"{_HOME}.unigram:UnigramVocabulary",
            options=f"{options}:UnigramOptions",
            summary="A unigram language model over subwords",
        ),
        Component(
            "wordpiece",
            f"{_HOME}.wordpiece:WordPieceVocabulary",
            options=f"{options}:WordPieceOptions",
            summary="WordPiece: the longest known piece first",
        ),
        Component(
            "word_list",
            f"{_HOME}.word_list:WordListVocabulary",
            options=f"{options}:WordListOptions",
            summary="The words of a file, one a line, and characters for the rest",
        ),
    ]
