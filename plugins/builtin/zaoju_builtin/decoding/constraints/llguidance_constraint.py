"""What the builtin constraints share: a grammar, compiled and followed by llguidance on the bytes of the tokens."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Self, TypeVar

import llguidance
import numpy
import torch

from zaoju import Constraint, Matcher, Options, TokenTable, UserError

OptionsT = TypeVar("OptionsT", bound=Options)

# Without it, text that can only go on in one way would have to be written in the one way in which the tokenizer cuts
# that piece of it alone. With it, a token may come exactly where its bytes may.
_EVERY_SPELLING = '%llguidance {"no_forcing": true}'

_DEAD_END = "NoExtensionBias"
"""How the library's error begins where no token may come."""

_AFTER_MESSAGE = re.compile(r"\n *\d+ \| |<non-verbose/>|<backtrace>")


class LLGuidanceConstraint(Constraint[OptionsT]):
    """A form that can be said as a grammar in llguidance's notation.

    The library follows a lexer of derivatives of regular expressions and an Earley parser along a trie of the tokens'
    bytes (https://github.com/guidance-ai/llguidance, MIT).
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """What the user calls the constraint."""

    @abstractmethod
    def grammar(self) -> str:
        """The grammar of the texts. Raises `UserError` where it cannot be had."""

    def compile(self, table: TokenTable) -> Matcher:
        tokenizer = table.derived("llguidance", _tokenizer)
        source = json.dumps({"grammars": [{"lark_grammar": f"{self.grammar()}\n{_EVERY_SPELLING}"}]})
        limits = llguidance.LLParserLimits(verbose_errors=False)
        follower = llguidance.LLMatcher(tokenizer, source, log_level=0, limits=limits)
        if follower.is_error():
            raise UserError(f"constraint {self.name}: {_message(follower)}")
        matcher = LLGuidanceMatcher(self.name, follower, table.size)
        if not matcher.allowed().any():
            raise UserError(f"constraint {self.name}: no text that this vocabulary can write has the form asked for")
        return matcher


class LLGuidanceMatcher(Matcher):
    """Follows one text along a grammar."""

    def __init__(self, name: str, follower: llguidance.LLMatcher, size: int) -> None:
        self._name = name
        self._follower = follower
        self._size = size

    def allowed(self) -> torch.Tensor:
        mask = numpy.frombuffer(self._follower.compute_bitmask(), dtype=numpy.uint8)
        if not self._follower.is_error():
            return torch.from_numpy(numpy.unpackbits(mask, bitorder="little", count=self._size).astype(bool))
        if not _message(self._follower).startswith(_DEAD_END):
            raise self._error()
        # The library's mask would allow the end of the text here.
        return torch.zeros(self._size, dtype=torch.bool)

    def accept(self, token: int) -> None:
        if not self._follower.consume_token(token):
            raise self._error()

    def fork(self) -> Self:
        return type(self)(self._name, self._follower.deep_copy(), self._size)

    def _error(self) -> UserError:
        """For a form that is too much for the library's limits, or for a token that is not allowed."""
        return UserError(f"constraint {self._name}: the text cannot be followed further: {_message(self._follower)}")


class _Vocabulary:
    """The vocabulary in the shape in which the library takes it."""

    bos_token_id = None

    def __init__(self, table: TokenTable) -> None:
        # A token without bytes is never allowed, and a special one never for its bytes.
        self.tokens = [_usable(table.bytes_of(token)) for token in range(table.size)]
        self.eos_token_id = table.end_of_text
        self.special_token_ids: Sequence[int] = [table.end_of_text]
        self._encode = table.encode

    def __call__(self, text: str) -> list[int]:
        return self._encode(text)


def _usable(piece: bytes | None) -> bytes:
    """The bytes of a token; none where no UTF-8 can hold them: the library marks its own tokens with 0xFF."""
    return b"" if piece is None or piece.startswith(b"\xff") else piece


def _tokenizer(table: TokenTable) -> llguidance.LLTokenizer:
    return llguidance.LLTokenizer(llguidance.TokenizerWrapper(_Vocabulary(table)))


def _message(follower: llguidance.LLMatcher) -> str:
    """The library's message without the source, the state or the trace that may follow it."""
    return _AFTER_MESSAGE.split(follower.get_error(), maxsplit=1)[0].strip()
