"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.segmenters"
_PKUSEG_COMMAND = 'pip install numpy "cython>=3" "setuptools>=70.1" && pip install --no-build-isolation pkuseg==0.0.25'


def segmenters() -> list[Component]:
    """The builtin segmenters."""
    options = f"{_HOME}.options"
    return [
        Component("none", f"{_HOME}.none:NoSegmenter", summary="The whole text is one piece"),
        Component(
            "characters",
            f"{_HOME}.characters:CharacterSegmenter",
            summary="Every character is a piece",
            gives=frozenset({"words"}),
        ),
        Component(
            "whitespace",
            f"{_HOME}.whitespace:WhitespaceSegmenter",
            summary="For text that is already cut: words stand between blanks",
            gives=frozenset({"words"}),
        ),
        Component(
            "jieba",
            f"{_HOME}.jieba_words:JiebaSegmenter",
            options=f"{options}:JiebaOptions",
            summary="Chinese words by jieba: a dictionary and a hidden Markov model",
            gives=frozenset({"words"}),
            requires=("jieba",),
            install="pip install jieba",
        ),
        Component(
            "rjieba",
            f"{_HOME}.rjieba_words:RjiebaSegmenter",
            options=f"{options}:RjiebaOptions",
            summary="Chinese words by jieba's algorithm in Rust: nearly the same words, much faster",
            gives=frozenset({"words"}),
            requires=("rjieba",),
            install="pip install 'zaoju[rjieba]'",
        ),
        Component(
            "pkuseg",
            f"{_HOME}.pkuseg_words:PkusegSegmenter",
            options=f"{options}:PkusegOptions",
            summary="Chinese words by pkuseg: a conditional random field; slow and accurate",
            gives=frozenset({"words"}),
            requires=("pkuseg",),
            install=_PKUSEG_COMMAND,
        ),
    ]
