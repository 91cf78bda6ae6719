"""Segmenters that behave badly, importable in worker processes."""

from __future__ import annotations

import os
from collections.abc import Sequence

from zaoju import Options, Segmenter, UserError
from zaoju.plugins import ResolvedComponent


class Dropping(Segmenter[Options]):
    """Drops all white space, as pkuseg does."""

    def segment(self, text: str) -> list[str]:
        return text.split()


class Changing(Segmenter[Options]):
    """Writes full-width letters as ASCII, as some libraries do."""

    def segment(self, text: str) -> list[str]:
        return text.replace("Ａ", "A").split()


class Dying(Segmenter[Options]):
    """Takes its process with it, as one that runs out of memory does."""

    def segment(self, text: str) -> list[str]:
        if "死" in text:
            os._exit(9)
        return [text]


class Unwilling(Segmenter[Options]):
    """Cannot be built."""

    def __init__(self, options: Options) -> None:
        raise UserError("the dictionary is missing")

    def segment(self, text: str) -> list[str]:
        return [text]


class Forgetful(Segmenter[Options]):
    """Loses a text of each batch."""

    def segment(self, text: str) -> list[str]:
        return [text]

    def segment_batch(self, texts: Sequence[str]) -> list[list[str]]:
        return [[text] for text in texts[1:]]


def component(name: str, options_target: str | None = None, **options: str | bool) -> ResolvedComponent:
    """A segmenter as the plugin manager would resolve it: a class of this file, or an import string."""
    target = name if ":" in name else f"odd_segmenters:{name}"
    return ResolvedComponent("segmenter", name.lower(), "tests", "1", target, options_target, options)
