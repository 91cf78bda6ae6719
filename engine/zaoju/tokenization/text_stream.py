"""Tokens to text, one at a time, in whole characters."""

from __future__ import annotations

import codecs
import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

from tokenizers import Tokenizer as Backend
from tokenizers.decoders import DecodeStream


class TextStream(ABC):
    """Turns token ids into text as they come. All chunks together equal the text decoded at once."""

    @abstractmethod
    def push(self, token: int) -> str:
        """The text that `token` completes; empty while a character is unfinished."""

    @abstractmethod
    def flush(self) -> str:
        """What is left at the end: an unfinished character becomes U+FFFD. Call it once, after the last token."""

    @abstractmethod
    def fork(self) -> Self:
        """A stream at the same place that goes on by itself."""


class ByteStream(TextStream):
    """For tokens that are bytes: constant work for each token, and a character appears with its last byte."""

    def __init__(self, token_bytes: Callable[[int], bytes | None], skip: int = 0) -> None:
        """The first `skip` bytes of the tokens are left out: they were there before."""
        self._token_bytes = token_bytes
        self._skip = skip
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        raw = self._token_bytes(token) or b""
        if self._skip:
            raw, self._skip = raw[self._skip :], max(0, self._skip - len(raw))
        return self._decoder.decode(raw)

    def flush(self) -> str:
        return self._decoder.decode(b"", final=True)

    def fork(self) -> Self:
        other = type(self)(self._token_bytes, self._skip)
        other._decoder.setstate(self._decoder.getstate())
        return other


class BackendStream(TextStream):
    """For any other tokenizer: the streaming decoder of `tokenizers`, which knows the tokenizer's own rules."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._stream = DecodeStream(skip_special_tokens=True)
        self._tokens: list[int] = []
        self._emitted = 0

    def push(self, token: int) -> str:
        self._tokens.append(token)
        chunk = self._stream.step(self._backend, token) or ""
        self._emitted += len(chunk)
        return chunk

    def flush(self) -> str:
        return str(self._backend.decode(self._tokens, skip_special_tokens=True))[self._emitted :]

    def fork(self) -> Self:
        other = copy.copy(self)
        other._stream, other._tokens = copy.copy(self._stream), list(self._tokens)
        return other
