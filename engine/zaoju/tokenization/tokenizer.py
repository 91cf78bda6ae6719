"""The one tokenizer class: text to token ids and back, whatever made the vocabulary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from zaoju.contracts import Segmenter
from zaoju.errors import UserError
from zaoju.files import by_content, hash_json
from zaoju.tokenization.byte_level import to_byte_level
from zaoju.tokenization.byte_table import ByteTable
from zaoju.tokenization.conversations import ConversationEncoder, chat_template
from zaoju.tokenization.folder import read_folder, write_folder
from zaoju.tokenization.parts import TokenizerParts, with_marks
from zaoju.tokenization.prefixes import TokenPrefixes
from zaoju.tokenization.text_stream import BackendStream, ByteStream, TextStream

if TYPE_CHECKING:
    from zaoju.plugins import PluginManager, ResolvedComponent
    from zaoju.tokenization.segmentation import LosslessSegmenter

_CACHED_PIECES = 1 << 16
_LONGEST_CACHED_PIECE = 32


class Tokenizer:
    """Turns text into token ids and back, losslessly for every vocabulary that zaoju builds.

    A *portable* tokenizer is its vocabulary alone, and gives the same ids in transformers. A *live* one first cuts the
    text with its segmenter and encodes each piece on its own, so it needs the segmenter wherever it runs.

    Text is always text: a literal `<|endoftext|>` in it never becomes the token of that name. Threads may share one
    object.
    """

    def __init__(self, parts: TokenizerParts) -> None:
        self._parts = parts
        self._backend = parts.backend
        self._backend.encode_special_tokens = True
        self._remembered_piece = lru_cache(maxsize=_CACHED_PIECES)(self._encode_piece)

    @classmethod
    def load(cls, folder: Path, plugins: PluginManager) -> Tokenizer:
        """The tokenizer of a model folder, made by zaoju or by anyone else for Hugging Face transformers.

        Raises `ArtefactError` where the folder has no tokenizer, where it is damaged, or where it is live and its
        segmenter is not installed. Another version of the segmenter's package is a warning in the log.
        """
        return cls(read_folder(folder, plugins))

    def save(self, folder: Path) -> None:
        """Write the tokenizer into `folder`, beside whatever is there. A live one is kept under `live/`."""
        write_folder(self._parts, folder)

    @property
    def end_of_text(self) -> int:
        """The id of the token that ends a text."""
        return self._parts.end_of_text

    @property
    def beginning(self) -> list[int]:
        """The ids that start a text, before its first token; may be empty for a tokenizer of others."""
        return list(self._parts.beginning)

    @property
    def segmenter(self) -> ResolvedComponent | None:
        """What cuts the text of a live tokenizer; None for a portable one."""
        return self._parts.segmenter

    @property
    def live(self) -> bool:
        """Whether the tokenizer needs its segmenter to encode."""
        return self._parts.segmenter is not None

    @property
    def chat_template(self) -> str | None:
        """The template, in Jinja, that conversations are written by; None for a tokenizer that knows no turns."""
        return chat_template(self._parts.settings)

    @cached_property
    def conversations(self) -> ConversationEncoder:
        """Encodes conversations. Raises `UserError` where the tokenizer has no chat template."""
        return ConversationEncoder(self._parts, self)

    def for_conversations(self) -> Tokenizer:
        """This tokenizer, fit for training on conversations: a text ends where an answer does.

        Without a chat template it gets one, with marks that are new tokens. Raises `UserError` for one that cannot be
        trained with.
        """
        if self.chat_template is None:
            return Tokenizer(with_marks(self._parts))
        self.conversations.check()
        end = self.conversations.end
        if end == self.end_of_text:
            return self
        settings = {**self._parts.settings, "eos_token": self._backend.id_to_token(end)}
        return Tokenizer(replace(self._parts, end_of_text=end, settings=settings))

    @cached_property
    def vocabulary_size(self) -> int:
        """One more than the greatest token id: the least number of rows that an embedding needs."""
        return max(self._backend.get_vocab(with_added_tokens=True).values()) + 1

    @cached_property
    def fingerprint(self) -> str:
        """A hash that is equal exactly where two tokenizers are: same vocabulary, same segmenter."""
        # A dictionary counts by its words, and not by where it lies.
        one = self.segmenter
        segmenter = None if one is None else {**one.identity(), "options": by_content(one.options, one.paths())}
        # The library reads a number back with an error in its last digit.
        vocabulary = json.loads(self._backend.to_str(), parse_float=lambda digits: f"{float(digits):.9g}")
        return hash_json([vocabulary, segmenter])

    def encode(self, text: str) -> list[int]:
        """The token ids of `text`, without any special token.

        Raises `UserError` for a lone surrogate, which no file in a right encoding gives.
        """
        if self.live:
            return self.encode_pieces(self._lossless_segmenter.pieces(_checked(text)))
        return self._encode_plain(_checked(text))

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text; a portable tokenizer uses all cores."""
        if self.live:
            return [self.encode(text) for text in texts]
        checked = [_checked(text) for text in texts]
        return [encoding.ids for encoding in self._backend.encode_batch_fast(checked, add_special_tokens=False)]

    def encode_pieces(self, pieces: Iterable[str]) -> list[int]:
        """The token ids of a text that is already cut: a piece that is a token is that token, others are encoded alone.

        This is how a live tokenizer encodes. Use it where the pieces are at hand, so that no text is cut twice.
        """
        ids: list[int] = []
        for piece in pieces:
            short = len(piece) <= _LONGEST_CACHED_PIECE
            ids.extend(self._remembered_piece(piece) if short else self._encode_piece(piece))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`. Special tokens have no text; bytes that are not UTF-8 become U+FFFD."""
        if self._bytes_of_tokens is None:
            return str(self._backend.decode(list(ids), skip_special_tokens=True))
        return b"".join(self.token_bytes(token) or b"" for token in ids).decode("utf-8", errors="replace")

    def text_stream(self, skip: int = 0) -> TextStream:
        """A decoder for tokens that come one at a time; it gives whole characters only.

        It leaves out the first `skip` bytes, which only a vocabulary whose tokens are known as bytes can.
        """
        if self._bytes_of_tokens is None:
            return BackendStream(self._backend)
        return ByteStream(self.token_bytes, skip)

    @property
    def byte_level(self) -> bool:
        """Whether the bytes of every token are known, as they are for every vocabulary that zaoju builds."""
        return self._bytes_of_tokens is not None

    def token_bytes(self, token: int) -> bytes | None:
        """The bytes that a token stands for; None for a special token, an unknown id, or a vocabulary without bytes."""
        table = self._bytes_of_tokens
        return table.bytes_of(token) if table is not None and 0 <= token < self.vocabulary_size else None

    @cached_property
    def prefixes(self) -> TokenPrefixes:
        """The tokens by the bytes that they begin with; none where no bytes are known. Looks at every token once."""
        known = ((token, self.token_bytes(token)) for token in range(self.vocabulary_size))
        return TokenPrefixes((token, raw) for token, raw in known if raw is not None)

    def tokens(self, text: str) -> list[tuple[int, str]]:
        r"""How `text` is cut, for a person: each token's id and text, `\xe6` for a byte that is part of a character."""
        return [(token, self.show(token)) for token in self.encode(text)]

    @cached_property
    def _bytes_of_tokens(self) -> ByteTable | None:
        return ByteTable.of(self._backend)

    @cached_property
    def _lossless_segmenter(self) -> LosslessSegmenter:
        from zaoju.tokenization.segmentation import LosslessSegmenter  # pools of processes, for live tokenizers alone

        assert self.segmenter is not None
        return LosslessSegmenter(self.segmenter.build(Segmenter), self.segmenter.name)

    @cached_property
    def _special_ids(self) -> frozenset[int]:
        return frozenset(number for number, token in self._backend.get_added_tokens_decoder().items() if token.special)

    def _encode_plain(self, text: str) -> list[int]:
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return ids

    def _encode_piece(self, piece: str) -> list[int]:
        whole = self._backend.token_to_id(to_byte_level(piece))
        if whole is not None and whole not in self._special_ids:
            return [whole]
        return self._encode_plain(piece)

    def show(self, token: int) -> str:
        r"""What a token stands for, for a person; `\xe6` for a byte that is part of a character."""
        raw = self.token_bytes(token)
        if raw is None:
            return str(self._backend.id_to_token(token))
        return raw.decode("utf-8", errors="backslashreplace")


def _checked(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(
            f"the text has a lone surrogate, U+{ord(text[error.start]):04X}, as its character {error.start + 1}: that "
            "is not Unicode text; read it again with the right encoding"
        ) from error
    return text
