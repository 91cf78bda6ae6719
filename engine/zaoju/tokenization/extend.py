"""A larger vocabulary for a tokenizer that a model was trained with: old tokens keep their ids, new ones follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer as Backend
from tokenizers import models

from zaoju.errors import ArtefactError
from zaoju.tokenization.extend_draft import Draft
from zaoju.tokenization.extend_pairs import PairDraft
from zaoju.tokenization.extend_pieces import UnigramDraft, WordPieceDraft
from zaoju.tokenization.folder import read_folder
from zaoju.tokenization.parts import TokenizerParts
from zaoju.tokenization.tokenizer import Tokenizer

if TYPE_CHECKING:
    from zaoju.plugins import PluginManager

_DRAFTS: Mapping[type, Callable[[Backend], Draft]] = {
    models.BPE: PairDraft,
    models.Unigram: UnigramDraft,
    models.WordPiece: WordPieceDraft,
}


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A word of a list that the tokenizer never gives as one token."""

    word: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExtendedTokenizer:
    """A larger tokenizer, and what its new tokens were before."""

    tokenizer: Tokenizer
    first_new: int
    """The id of the first new token."""

    parts: tuple[tuple[int, ...], ...]
    """For each new token the old tokens that were written in its place, never none."""

    splits: tuple[tuple[int, int, int], ...]
    """Old tokens that are two others joined: token, left, right."""

    bytes_added: int
    """How many new tokens are bytes that the old vocabulary lacked, so that it lost text."""

    added: tuple[str, ...] = ()
    """Words of the list that are tokens now, and are found in text."""

    known: tuple[str, ...] = ()
    """Words of the list that were tokens before."""

    unreachable: tuple[Unreachable, ...] = ()


def extend_by_words(folder: Path, plugins: PluginManager, words: Sequence[str], size: int | None) -> ExtendedTokenizer:
    """Make each of `words` one token of the tokenizer in `folder`, as far as at most `size` new tokens go.

    A word may take more than one: a BPE reaches it by merges, and each step is a token. Raises `ArtefactError` for a
    vocabulary that cannot be extended.
    """
    parts = read_folder(folder, plugins)
    words = list(dict.fromkeys(words))
    before = Tokenizer(parts)
    known = dict.fromkeys(word for word in words if _is_token(before, word))
    draft = _draft(parts.backend)
    new = [word for word in words if word not in known]
    refused = draft.add_words(new, size)
    extended = _finish(parts, draft)
    reasons = {word: refused.get(word) or _obstacle(extended.tokenizer, word) for word in new}
    return replace(
        extended,
        added=tuple(word for word, reason in reasons.items() if not reason),
        known=tuple(known),
        unreachable=tuple(Unreachable(word, reason) for word, reason in reasons.items() if reason),
    )


def extend_by_corpus(
    folder: Path, plugins: PluginManager, documents: Iterator[list[str]], size: int
) -> ExtendedTokenizer:
    """Learn at most `size` new tokens of the tokenizer in `folder` from segmented documents.

    A byte-level BPE goes on with its training; tokens never cross the segmenter's pieces. Unigram and WordPiece take
    the most frequent pieces. Raises `ArtefactError` for a vocabulary that cannot be extended.
    """
    parts = read_folder(folder, plugins)
    draft = _draft(parts.backend)
    draft.learn(documents, size)
    return _finish(parts, draft)


def _draft(backend: Backend) -> Draft:
    make = _DRAFTS.get(type(backend.model))
    if make is None:
        raise ArtefactError(
            f"a vocabulary of the kind {type(backend.model).__name__} cannot be extended; byte-level BPE, Unigram and "
            "WordPiece can"
        )
    return make(backend)


def _finish(parts: TokenizerParts, draft: Draft) -> ExtendedTokenizer:
    backend = draft.build()
    ids = backend.get_vocab(with_added_tokens=True)
    if ids != draft.ids:
        raise ArtefactError("the library reads the extended vocabulary back with other ids; this is a fault of zaoju")
    return ExtendedTokenizer(
        Tokenizer(replace(parts, backend=backend)),
        draft.first_new,
        tuple(draft.parts),
        tuple(_splits(draft)),
        draft.bytes_added if isinstance(draft, PairDraft) else 0,
    )


def _splits(draft: Draft) -> Iterator[tuple[int, int, int]]:
    """Every old token that a shorter one begins and another ends, with the longest such beginning."""
    special = set(draft.added_tokens)
    old = {token: number for token, number in draft.ids.items() if number < draft.first_new and number not in special}
    for token, number in old.items():
        for end in range(len(token) - 1, 0, -1):
            left, right = old.get(token[:end]), old.get(token[end:])
            if left is not None and right is not None:
                yield number, left, right
                break


def _is_token(tokenizer: Tokenizer, word: str) -> bool:
    ids = tokenizer.encode(word)
    return len(ids) == 1 and tokenizer.decode(ids) == word


def _obstacle(tokenizer: Tokenizer, word: str) -> str:
    """Why `word` alone is not one token; empty where it is."""
    ids = tokenizer.encode(word)
    return "" if _is_token(tokenizer, word) else f"it is cut into {'/'.join(tokenizer.show(token) for token in ids)}"
