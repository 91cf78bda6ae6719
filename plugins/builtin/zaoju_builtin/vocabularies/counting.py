"""What the builders count in the documents, and what they leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby

from zaoju import UserError
from zaoju.contracts import PieceStream
from zaoju.tokenization import END_OF_TEXT, places_taken


def count_pieces(documents: PieceStream) -> Counter[str]:
    """How often each piece occurs."""
    counts: Counter[str] = Counter()
    for pieces in documents():
        counts.update(pieces)
    del counts[""]
    return counts


def count_characters(documents: PieceStream) -> Counter[str]:
    """How often each character occurs. Raises `UserError` where the documents have no text at all."""
    counts: Counter[str] = Counter()
    for pieces in documents():
        for piece in pieces:
            counts.update(piece)
    if not counts:
        raise no_text()
    return counts


def no_text() -> UserError:
    """The error of a builder that was given nothing to count."""
    return UserError("the documents have no text to build a vocabulary from: give a corpus that is not empty")


def by_frequency(counts: Mapping[str, int]) -> list[str]:
    """The keys, most frequent first; equally frequent ones in the order of their code points."""
    return sorted(counts, key=lambda key: (-counts[key], key))


def covering_characters(characters: Mapping[str, int], coverage: float) -> list[str]:
    """The most frequent characters that together make up the share `coverage` of the text."""
    wanted = coverage * sum(characters.values())
    chosen: list[str] = []
    covered = 0
    for character in by_frequency(characters):
        if covered >= wanted:
            break
        chosen.append(character)
        covered += characters[character]
    return chosen


def first_that_fit(words: list[str], room: int) -> list[str]:
    """The first of `words` that fill `room` places; one-byte characters take none, being among the 256 bytes."""
    chosen: list[str] = []
    for word in words:
        places = places_taken([word])
        if places > room:
            break
        if word != END_OF_TEXT:
            chosen.append(word)
            room -= places
    return chosen


def token_counts(pieces: Mapping[str, int], vocabulary: frozenset[str]) -> Counter[str]:
    """How often each token is used when a piece is one token where it can, and its characters where it cannot."""
    counts: Counter[str] = Counter()
    for piece, count in pieces.items():
        if piece in vocabulary:
            counts[piece] += count
        else:
            for character in piece:
                if character in vocabulary:
                    counts[character] += count
    return counts


def known_parts(documents: PieceStream, characters: frozenset[str]) -> Iterator[list[str]]:
    """The pieces without what is not in `characters`; a piece ends where such a character stood."""
    for pieces in documents():
        yield [run for piece in pieces for run in known_runs(piece, characters)]


def known_runs(piece: str, characters: frozenset[str]) -> list[str]:
    """What is left of a piece without what is not in `characters`."""
    if characters.issuperset(piece):
        return [piece]
    return ["".join(run) for known, run in groupby(piece, characters.__contains__) if known]
