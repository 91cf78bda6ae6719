"""What each token does to a half-written word: the steps of an automaton on bytes, put together for whole tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from zaoju import TokenTable
from zaoju_builtin.decoding.transforms.byte_automaton import ByteAutomaton
from zaoju_builtin.decoding.transforms.vocabulary_bytes import VocabularyBytes

ANYWHERE = -1
"""In a table of states: whatever the state is."""


@dataclass(frozen=True, slots=True)
class WordTables:
    """The words against a vocabulary."""

    automaton: ByteAutomaton

    tensors: Mapping[str, torch.Tensor]
    """All int64. `ban_state`, `ban_token` [B]: in that state, or ANYWHERE, that token completes a word.

    `move_state`, `move_token`, `move_next` [M]: the state after a token is the largest `move_next` among the entries
    for it, or 0. Most entries are for ANYWHERE: after most tokens the state depends on the token alone. A token that
    lies wholly inside a word that began before it has an entry for each such state. `silent` [S]: the tokens that leave
    every state as it is.
    """

    def state_after(self, prompt: Sequence[int], table: TokenTable) -> int:
        """The state after the tokens of a prompt."""
        text = b"".join(table.bytes_of(token) or b"" for token in prompt)
        longest = max(self.automaton.depths)
        return self.automaton.after(text[max(0, len(text) - longest) :])


def word_tables(table: TokenTable, words: Sequence[str]) -> WordTables:
    """The tables of `words` for a vocabulary, which keeps them for other requests with the same words."""
    forbidden = tuple(sorted({word.encode() for word in words}))
    return table.derived(("bad_words", forbidden), partial(_make, forbidden))


def _make(words: tuple[bytes, ...], table: TokenTable) -> WordTables:
    vocabulary = table.derived("vocabulary_bytes", VocabularyBytes)
    automaton = ByteAutomaton(words)
    holders = _holders(automaton)
    bans = torch.tensor(_bans(vocabulary, automaton, holders), dtype=torch.int64).view(-1, 2)
    moves = torch.tensor(_moves(vocabulary, automaton, holders), dtype=torch.int64).view(-1, 3)
    names = ("ban_state", "ban_token", "move_state", "move_token", "move_next")
    columns = (column.contiguous() for column in (*bans.unbind(1), *moves.unbind(1)))
    silent = torch.tensor(vocabulary.silent, dtype=torch.int64)
    return WordTables(automaton, {**dict(zip(names, columns, strict=True)), "silent": silent})


def _holders(automaton: ByteAutomaton) -> list[list[int]]:
    """For each state the states that end in it, itself among them."""
    holders: list[list[int]] = [[] for _ in range(automaton.size)]
    for state in range(automaton.size):
        for suffix in automaton.suffixes(state):
            holders[suffix].append(state)
    return holders


def _bans(
    vocabulary: VocabularyBytes, automaton: ByteAutomaton, holders: Sequence[Sequence[int]]
) -> list[tuple[int, int]]:
    """Each (state, token) that completes a word: the word lies inside the token, or its rest begins the token."""
    anywhere = {token for word in automaton.words for token in vocabulary.containing(word)}
    bans = {(ANYWHERE, token) for token in anywhere}
    for word, path in zip(automaton.words, automaton.paths, strict=True):
        for done in range(1, len(word)):
            tokens = [token for token in vocabulary.beginning_with(word[done:]) if token not in anywhere]
            bans.update((state, token) for state in holders[path[done]] for token in tokens)
    return sorted(bans)


def _moves(
    vocabulary: VocabularyBytes, automaton: ByteAutomaton, holders: Sequence[Sequence[int]]
) -> list[tuple[int, int, int]]:
    """Each (state, token, next state) that does not lead to 0.

    Longer prefixes have higher numbers, so the largest next state is that of the longest prefix.
    """
    moves: dict[tuple[int, int], int] = {}

    def add(state: int, token: int, following: int) -> None:
        moves[state, token] = max(following, moves.get((state, token), 0))

    for word, path in zip(automaton.words, automaton.paths, strict=True):
        for end in range(1, len(word) + 1):
            if end <= vocabulary.longest:
                for token in vocabulary.ending_in(word[:end]):
                    add(ANYWHERE, token, path[end])
            for start in range(max(1, end - vocabulary.longest), end):
                for token in vocabulary.equal_to(word[start:end]):
                    for state in holders[path[start]]:
                        add(state, token, path[end])
    return [(state, token, following) for (state, token), following in sorted(moves.items())]
