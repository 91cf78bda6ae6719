"""Keeps the texts of the evaluation out of the corpus."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zaoju import Cleaned, Cleaner, CorpusError, Dropped
from zaoju.corpus import parse_object
from zaoju_builtin.cleaners.character_classes import Codes, codes_of
from zaoju_builtin.cleaners.characters import variants
from zaoju_builtin.cleaners.grams import Hashes, gram_hashes
from zaoju_builtin.cleaners.options import DecontaminateOptions

_SIEVE_BITS = 24
_SENTENCE_ENDS = "。！？!?\n"
_CLOSING = "”’」』）)》"


class DecontaminateCleaner(Cleaner[DecontaminateOptions]):
    """Finds every run of `length` characters that also stands in an evaluation text, as GPT-3 did with words.

    Compared are letters, digits and hanzi alone: without punctuation and blanks, in lower case, full-width as half-
    width, and all forms of a hanzi as one, so that a traditional copy is a hit. The index takes 8 bytes for each
    character of the evaluation, and 16 MB. Equal 64-bit hashes count as equal runs.

    Raises `CorpusError` where a file cannot be read or has no text of that length.
    """

    def __init__(self, options: DecontaminateOptions) -> None:
        super().__init__(options)
        self._hashes = _index(options)
        self._sieve = np.zeros(1 << _SIEVE_BITS, dtype=np.bool_)
        self._sieve[_sieve_places(self._hashes)] = True

    def clean(self, text: str) -> str | Cleaned | Dropped:
        """The text, without the sentences that hold a hit, or `in_evaluation`."""
        cut = 0
        while len(places := self._hits(text)):
            if self.options.action == "drop":
                return Dropped("in_evaluation")
            text, times = _without(text, places)
            cut += times
        if not cut:
            return text
        return Cleaned(text, {"sentences_cut": cut}) if text.strip() else Dropped("in_evaluation")

    def _hits(self, text: str) -> NDArray[np.int64]:
        """The places of all characters that belong to a hit, in order."""
        folded, places = _folded(text)
        hashes = gram_hashes(folded, self.options.length)
        starts = np.flatnonzero(self._sieve[_sieve_places(hashes)])
        if not len(starts):
            return starts
        found = np.searchsorted(self._hashes, hashes[starts])
        found[found == len(self._hashes)] = 0
        starts = starts[self._hashes[found] == hashes[starts]]
        hits: NDArray[np.int64] = places[np.unique(starts[:, None] + np.arange(self.options.length))]
        return hits


def _sieve_places(hashes: Hashes) -> Hashes:
    return hashes >> np.uint64(64 - _SIEVE_BITS)


def _without(text: str, places: NDArray[np.int64]) -> tuple[str, int]:
    """The text without each sentence that one of the places is in, and how many went; no empty line is left."""
    parts: list[str] = []
    done = times = 0
    whole_line = True
    for place in places.tolist():
        if place < done:
            continue
        start = max(text.rfind(end, done, place) + 1 for end in _SENTENCE_ENDS) or done
        parts.append(text[done:start])
        whole_line = start == 0 or text[start - 1] == "\n" or (whole_line and start == done)
        done = _end_of_sentence(text, place)
        if whole_line and text[done : done + 1] == "\n":
            done += 1
        times += 1
    return "".join([*parts, text[done:]]), times


def _end_of_sentence(text: str, place: int) -> int:
    """Where the sentence is over: after its closing quotes, before a line end."""
    ends = [found for end in _SENTENCE_ENDS if (found := text.find(end, place)) >= 0]
    end = min(ends, default=len(text))
    while text[end : end + 1] and text[end] in _SENTENCE_ENDS.strip() + _CLOSING:
        end += 1
    return end


@cache
def _fold_table() -> NDArray[np.uint32]:
    """Every code point in the form that is compared; 0 for what is passed over.

    A character that Unicode takes apart in lower case, such as İ, counts by the first character of it.
    """
    table = np.zeros(0x110000, dtype=np.uint32)
    forms = variants()
    for code in range(0x110000):
        if unicodedata.category(chr(code))[0] not in "LN":
            continue
        plain = ord(unicodedata.normalize("NFKC", chr(code)).lower()[0])
        table[code] = forms.get(plain, plain)
    return table


def _folded(text: str) -> tuple[Codes, NDArray[np.int64]]:
    """The characters that are compared, and where each stands in the text."""
    folded = _fold_table()[codes_of(text)]
    places = np.flatnonzero(folded)
    return folded[places], places


def _index(options: DecontaminateOptions) -> Hashes:
    """The hashes of every run in the evaluation's texts, in order, each once."""
    index = np.zeros(0, dtype=np.uint64)
    for path in options.files:
        found = [gram_hashes(_folded(text)[0], options.length) for text in _texts(path, options.fields)]
        hashes = np.concatenate([np.zeros(0, dtype=np.uint64), *found])
        if not len(hashes):
            raise CorpusError(
                f"decontaminate: {path} has no text of {options.length} characters, so it would protect nothing; lower "
                "`length`, or look at `fields`"
            )
        index = np.union1d(index, hashes)
    return index


def _texts(path: Path, fields: list[str]) -> Iterator[str]:
    """The texts of one file. Raises `CorpusError` where it cannot be read."""
    try:
        content = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it is not UTF-8 (byte {error.start:,})"
        raise CorpusError(f"decontaminate: cannot read {path}: {reason}") from error
    if path.suffix not in {".jsonl", ".ndjson"}:
        yield from content.split("\n\n")
        return
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found = parse_object(line)
        except ValueError as error:
            raise CorpusError(f"decontaminate: {path} line {number:,} {error}") from error
        yield from _strings({name: value for name, value in found.items() if not fields or name in fields})


def _strings(value: object) -> Iterator[str]:
    """Every text inside a JSON value. A list of texts counts as one, since the lines of a poem follow each other."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield "\n".join(value)
        else:
            for item in value:
                yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
