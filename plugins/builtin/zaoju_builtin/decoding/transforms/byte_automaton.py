"""Aho and Corasick's automaton: which of many words a stream of bytes is in the middle of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


class ByteAutomaton:
    """States are the prefixes of the words. The state after some bytes is their longest suffix that is such a prefix.

    State 0 is the empty prefix, and a longer prefix has a higher number than a shorter one.

    Aho and Corasick, "Efficient String Matching: An Aid to Bibliographic Search", 1975.
    """

    def __init__(self, words: Sequence[bytes]) -> None:
        self.words = words
        self.paths: list[list[int]] = [[0] for _ in words]
        """For each word the states along it, from 0 to the state in which it is complete."""
        self.depths = [0]
        self._children: list[dict[int, int]] = [{}]
        self._fallbacks = [0]
        # Byte by byte over all words, so that states are numbered by their depth, and fallbacks are known when needed.
        for position in range(max(map(len, words), default=0)):
            for word, path in zip(words, self.paths, strict=True):
                if position < len(word):
                    path.append(self._child(path[-1], word[position]))

    @property
    def size(self) -> int:
        """How many states there are."""
        return len(self.depths)

    def after(self, text: bytes) -> int:
        """The state after `text`, from state 0."""
        state = 0
        for byte in text:
            state = self._step(state, byte)
        return state

    def suffixes(self, state: int) -> Iterator[int]:
        """`state` and every other state but 0 that is a suffix of it."""
        while state:
            yield state
            state = self._fallbacks[state]

    def _step(self, state: int, byte: int) -> int:
        while state and byte not in self._children[state]:
            state = self._fallbacks[state]
        return self._children[state].get(byte, 0)

    def _child(self, state: int, byte: int) -> int:
        known = self._children[state].get(byte)
        if known is not None:
            return known
        # All shorter prefixes are there already, and so is the longest one that this prefix ends in.
        self._fallbacks.append(self._step(self._fallbacks[state], byte) if state else 0)
        self.depths.append(self.depths[state] + 1)
        self._children.append({})
        child = self._children[state][byte] = self.size - 1
        return child
