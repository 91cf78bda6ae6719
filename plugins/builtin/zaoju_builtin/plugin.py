"""The builtin plugin: every builtin component, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component, hookimpl
from zaoju_builtin.decoding.constraints.components import constraints
from zaoju_builtin.decoding.proposers.components import proposers
from zaoju_builtin.decoding.searches.components import searches
from zaoju_builtin.decoding.selectors.components import selectors
from zaoju_builtin.decoding.strategies.components import strategies
from zaoju_builtin.decoding.transforms.components import transforms

ZAOJU_CONTRACT = 1

_HOME = "zaoju_builtin"
_PKUSEG_COMMAND = 'pip install numpy "cython>=3" "setuptools>=70.1" && pip install --no-build-isolation pkuseg==0.0.25'


@hookimpl
def zaoju_readers() -> list[Component]:
    options = f"{_HOME}.readers.options"
    return [
        Component(
            "text",
            f"{_HOME}.readers.text:TextReader",
            options=f"{options}:TextOptions",
            summary="Plain text files and folders of them",
        ),
        Component(
            "jsonl",
            f"{_HOME}.readers.jsonl:JsonLinesReader",
            options=f"{options}:JsonLinesOptions",
            summary="Files with one JSON object a line",
        ),
        Component(
            "stories",
            f"{_HOME}.readers.stories:StoriesReader",
            options=f"{options}:StoriesOptions",
            summary="Small Chinese stories from a bundled grammar, any amount, of known entropy",
        ),
    ]


@hookimpl
def zaoju_cleaners() -> list[Component]:
    return [
        Component(
            "basic",
            f"{_HOME}.cleaners.basic:BasicCleaner",
            options=f"{_HOME}.cleaners.options:BasicOptions",
            summary="Line ends, control characters and stray white space; drops what is empty or too short",
        )
    ]


@hookimpl
def zaoju_segmenters() -> list[Component]:
    options = f"{_HOME}.segmenters.options"
    return [
        Component("none", f"{_HOME}.segmenters.none:NoSegmenter", summary="The whole text is one piece"),
        Component(
            "characters",
            f"{_HOME}.segmenters.characters:CharacterSegmenter",
            summary="Every character is a piece",
            gives=frozenset({"words"}),
        ),
        Component(
            "whitespace",
            f"{_HOME}.segmenters.whitespace:WhitespaceSegmenter",
            summary="For text that is already cut: words stand between blanks",
            gives=frozenset({"words"}),
        ),
        Component(
            "jieba",
            f"{_HOME}.segmenters.jieba_words:JiebaSegmenter",
            options=f"{options}:JiebaOptions",
            summary="Chinese words by jieba: a dictionary and a hidden Markov model",
            gives=frozenset({"words"}),
            requires=("jieba",),
            install="pip install jieba",
        ),
        Component(
            "pkuseg",
            f"{_HOME}.segmenters.pkuseg_words:PkusegSegmenter",
            options=f"{options}:PkusegOptions",
            summary="Chinese words by pkuseg: a conditional random field; slow and accurate",
            gives=frozenset({"words"}),
            requires=("pkuseg",),
            install=_PKUSEG_COMMAND,
        ),
    ]


@hookimpl
def zaoju_vocabularies() -> list[Component]:
    options = f"{_HOME}.vocabularies.options"
    words = frozenset({"words"})
    return [
        Component(
            "characters",
            f"{_HOME}.vocabularies.characters:CharacterVocabulary",
            options=f"{options}:CharacterOptions",
            summary="One token a character",
        ),
        Component(
            "words",
            f"{_HOME}.vocabularies.words:WordVocabulary",
            options=f"{options}:WordOptions",
            summary="The segmenter's most frequent words, and characters for the rest",
            needs=words,
        ),
        Component(
            "bpe",
            f"{_HOME}.vocabularies.bpe:BytePairVocabulary",
            options=f"{options}:BytePairOptions",
            summary="Byte-pair encoding; merges never cross the segmenter's pieces",
        ),
        Component(
            "unigram",
            f"{_HOME}.vocabularies.unigram:UnigramVocabulary",
            options=f"{options}:UnigramOptions",
            summary="A unigram language model over subwords",
        ),
        Component(
            "wordpiece",
            f"{_HOME}.vocabularies.wordpiece:WordPieceVocabulary",
            options=f"{options}:WordPieceOptions",
            summary="WordPiece: the longest known piece first",
        ),
        Component(
            "word_list",
            f"{_HOME}.vocabularies.word_list:WordListVocabulary",
            options=f"{options}:WordListOptions",
            summary="The words of a file, one a line, and characters for the rest",
        ),
    ]


@hookimpl
def zaoju_trainers() -> list[Component]:
    return [
        Component(
            "lean",
            f"{_HOME}.trainers.lean:LeanTrainer",
            options=f"{_HOME}.trainers.options:LeanOptions",
            summary="A plain training loop on Accelerate, exact on resume",
        )
    ]


@hookimpl
def zaoju_runners() -> list[Component]:
    return [
        Component(
            "lean",
            "zaoju.generation:LeanRunner",
            options="zaoju.generation:LeanRunnerOptions",
            summary="Folders of the GPT-2 and Llama families, with the engine's own modules",
        ),
        Component(
            "transformers",
            "zaoju.generation:TransformersRunner",
            summary="Any causal language model that transformers can load",
        ),
    ]


@hookimpl
def zaoju_transforms() -> list[Component]:
    return transforms()


@hookimpl
def zaoju_selectors() -> list[Component]:
    return selectors()


@hookimpl
def zaoju_strategies() -> list[Component]:
    return strategies()


@hookimpl
def zaoju_searches() -> list[Component]:
    return searches()


@hookimpl
def zaoju_proposers() -> list[Component]:
    return proposers()


@hookimpl
def zaoju_constraints() -> list[Component]:
    return constraints()
