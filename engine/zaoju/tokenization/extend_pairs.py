"""More merges for a byte-level BPE.

New merges come after the old ones, so text in which no new token occurs is cut as before, and every old token stays
what it was. Continuing the merge list instead of appending whole words as added tokens keeps every new token within
reach of the algorithm; it is the idea of continued BPE training (arXiv:2512.03989).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any, TypeAlias

from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers, trainers

from zaoju.errors import ArtefactError
from zaoju.tokenization.byte_level import byte_alphabet
from zaoju.tokenization.extend_draft import NO_PLACE, Draft

Pair: TypeAlias = tuple[str, str]

_CACHED_PIECES = 1 << 16
_LEAST_FREQUENCY = 2
_SPARE = 1.125
"""Some learned merges spell a token that is there already, and cost no place."""

_APART = "\n"
_NEVER_IN_UTF8 = frozenset({0xC0, 0xC1, *range(0xF5, 0x100)})


class PairDraft(Draft):
    """A byte-level BPE that is being extended.

    Bytes that the old alphabet lacks become tokens first: without them some text is lost. Raises `ArtefactError` for a
    BPE over characters.
    """

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        model = self.raw["model"]
        if not self.byte_level or model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
            raise ArtefactError(
                "this tokenizer is a BPE over characters; byte-level BPE, as of GPT-2, Llama 3 and Qwen, Unigram and "
                "WordPiece can be extended"
            )
        self.merges: dict[Pair, int] = {}
        for merge in model["merges"]:
            # Older files write a merge as one text with a blank between.
            left, right = merge.split(" ") if isinstance(merge, str) else merge
            self.merges[left, right] = len(self.merges)
        self.bytes_added = self._complete_alphabet()
        self.backend = self.build()

    def write_model(self, model: dict[str, Any]) -> None:
        model["vocab"] = self.ids
        model["merges"] = [list(pair) for pair in self.merges]

    def add_words(self, words: Sequence[str], size: int | None) -> dict[str, str]:
        """Each word gets the merges that it lacks, characters first: they serve other words too."""
        refused = {}
        wanted = frozenset(map(self.spell, words))
        before = len(self.parts)
        for word in words:
            reason = self.whole_before_the_model(word)
            pairs = [] if reason else self._missing_merges(word, wanted)
            places = len({"".join(pair) for pair in pairs} - self.ids.keys())
            if size is not None and len(self.parts) - before + places > size:
                reason, pairs = NO_PLACE, []
            if reason:
                refused[word] = reason
            for pair in pairs:
                self._merge(pair)
        return refused

    def learn(self, documents: Iterator[list[str]], size: int) -> None:
        """Train on, from the old merges: the old tokens are the alphabet of a new BPE, learned by `tokenizers`."""
        letters = {token: _letter(number) for number, token in enumerate(sorted(self.ids.values()))}
        token_of = {letter: token for token, letter in letters.items()}
        spelling = {number: token for token, number in self.ids.items()}
        learner = Backend(models.BPE())
        learner.pre_tokenizer = pre_tokenizers.CharDelimiterSplit(_APART)
        trainer = trainers.BpeTrainer(
            vocab_size=len(letters) + round(size * _SPARE) + 1,
            min_frequency=_LEAST_FREQUENCY,
            initial_alphabet=list(token_of),
            show_progress=False,
        )
        learner.train_from_iterator(self._in_letters(documents, letters), trainer)
        last = len(self.parts) + size
        for left, right in json.loads(learner.to_str())["model"]["merges"]:
            spelled = ["".join(spelling[token_of[letter]] for letter in part) for part in (left, right)]
            if "".join(spelled) not in self.ids and len(self.parts) == last:
                break
            self._merge((spelled[0], spelled[1]), [token_of[letter] for letter in left + right])

    def _in_letters(self, documents: Iterable[list[str]], letters: dict[int, str]) -> Iterator[str]:
        """Every document as the old tokenizer cuts it, a letter for a token; what may not be merged is kept apart."""

        def written(piece: str) -> str:
            encoding = self.backend.encode(piece, add_special_tokens=False)
            runs = groupby(zip(encoding.word_ids, encoding.ids, strict=True), key=lambda pair: pair[0])
            return _APART.join("".join(letters[token] for _, token in run) for _, run in runs)

        remembered = lru_cache(_CACHED_PIECES)(written)
        for pieces in documents:
            yield _APART.join(map(remembered, pieces))

    def _complete_alphabet(self) -> int:
        """Add the bytes that UTF-8 can have and the old alphabet lacks; each begins as the next byte that it has."""
        alphabet = byte_alphabet()
        known = [byte for byte, letter in enumerate(alphabet) if letter in self.ids]
        missing = [byte for byte, letter in enumerate(alphabet) if letter not in self.ids]
        missing = [byte for byte in missing if byte not in _NEVER_IN_UTF8]
        for byte in missing:
            nearest = min(known, key=lambda other: abs(other - byte))
            self.add(alphabet[byte], [self.ids[alphabet[nearest]]])
        return len(missing)

    def _missing_merges(self, word: str, wanted: frozenset[str]) -> list[Pair]:
        """The merges that make `word` one token, after the ones that are there."""
        first_bytes = _first_bytes(word)
        extra: dict[Pair, int] = {}
        symbols = _merged(list(self.spell(word)), self.merges, extra)
        pairs = []
        while len(symbols) > 1:
            place = self._best_place(symbols, first_bytes, wanted)
            pair = symbols[place], symbols[place + 1]
            extra[pair] = len(self.merges) + len(extra)
            pairs.append(pair)
            symbols = _merged(symbols, self.merges, extra)
        return pairs

    def _best_place(self, symbols: list[str], first_bytes: frozenset[int], wanted: frozenset[str]) -> int:
        """Which neighbours to merge: those that make a token which is there, then those within a character, then those
        that make a word of the list, then the first."""
        ranked = []
        begin = 0
        for place, (left, right) in enumerate(pairwise(symbols)):
            end = begin + len(left) + len(right)
            crosses = any(begin < byte < end for byte in first_bytes)
            ranked.append((left + right not in self.ids, crosses, left + right not in wanted, place))
            begin += len(left)
        return min(ranked)[-1]

    def _merge(self, pair: Pair, parts: Sequence[int] | None = None) -> None:
        joined = "".join(pair)
        if joined not in self.ids:
            self.add(joined, parts or [self.ids[part] for part in pair])
        self.merges.setdefault(pair, len(self.merges))


def _merged(symbols: list[str], merges: dict[Pair, int], extra: dict[Pair, int]) -> list[str]:
    """`symbols` after every merge that applies, the lowest rank first, as BPE does it; `extra` ranks after `merges`."""
    none = len(merges) + len(extra)
    while len(symbols) > 1:
        ranks = [merges.get(pair, extra.get(pair, none)) for pair in pairwise(symbols)]
        if min(ranks) == none:
            break
        place = ranks.index(min(ranks))
        symbols = [*symbols[:place], symbols[place] + symbols[place + 1], *symbols[place + 2 :]]
    return symbols


def _first_bytes(word: str) -> frozenset[int]:
    """Where the characters of `word` begin in its UTF-8."""
    lengths = [len(character.encode()) for character in word]
    return frozenset(sum(lengths[:number]) for number in range(len(lengths)))


def _letter(number: int) -> str:
    """A character for each number that is no line break and no surrogate."""
    code = number + 0x100
    return chr(code if code < 0xD800 else code + 0x800)
