"""WordPiece."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenizers import Tokenizer, decoders, models, trainers
from zaoju import VocabularyBuilder
from zaoju.contracts import PieceStream
from zaoju.tokenization import (
    LONGEST_RUN,
    byte_alphabet,
    byte_level_tokenizer,
    places_taken,
    run_splitter,
    to_byte_level,
)

from zaoju_builtin.vocabularies.counting import (
    count_characters,
    covering_characters,
    first_that_fit,
    known_parts,
)
from zaoju_builtin.vocabularies.options import WordPieceOptions

if TYPE_CHECKING:
    import tokenizers

_MARK = "＃"
_INSIDE = _MARK * 2
"""Begins a token that continues a word. It is outside the byte-level alphabet, so no text can be taken for it."""

_LONGEST_RUN_BYTES = 4 * (LONGEST_RUN + 1)
"""A character has at most four bytes, and a run of letters may begin with a blank."""


class WordPieceVocabulary(VocabularyBuilder[WordPieceOptions]):
    """The longest known token first, as in BERT (Wu et al. 2016; Devlin et al. 2019), but nothing is ever [UNK].

    It learns characters, not bytes; characters that are too rare for tokens of their own are written as bytes. Tokens
    never cross the segmenter's pieces, nor a change between Han, letters, digits, white space and signs.
    """

    def build(self, documents: PieceStream) -> tokenizers.Tokenizer:
        bytes_twice = [prefix + byte for prefix in ("", _INSIDE) for byte in byte_alphabet()]
        room = self.options.size - len(bytes_twice) - 1
        covering = covering_characters(count_characters(documents), self.options.coverage)
        # Each character has two tokens, one for the beginning of a word and one for its inside.
        characters = first_that_fit([one for one in covering if one != _MARK], room // 4)
        free = 2 * (len(characters) - places_taken(characters))
        learned = self._train(documents, characters, room + free)
        vocabulary = dict.fromkeys([*bytes_twice, *map(_to_byte_level, learned)])
        return _tokenizer({token: number for number, token in enumerate(vocabulary)})

    def _train(self, documents: PieceStream, characters: list[str], size: int) -> list[str]:
        """Up to `size` tokens in characters, in the order in which they were learned."""
        learner = Tokenizer(models.WordPiece({_INSIDE: 0}, unk_token=_INSIDE))
        learner.pre_tokenizer = run_splitter()
        trainer = trainers.WordPieceTrainer(
            vocab_size=size,
            min_frequency=self.options.min_frequency,
            initial_alphabet=characters,
            # The trainer numbers these as it meets them, in an order that changes from run to run. Named as special
            # tokens they come first, in this order; only their text is kept, so nothing special remains of them.
            special_tokens=[_INSIDE + character for character in characters],
            continuing_subword_prefix=_INSIDE,
            show_progress=False,
        )
        learner.train_from_iterator(known_parts(documents, frozenset(characters)), trainer)
        vocabulary: dict[str, int] = learner.get_vocab(with_added_tokens=False)
        return sorted(vocabulary, key=lambda token: vocabulary[token])


def _to_byte_level(token: str) -> str:
    prefix = _INSIDE if token.startswith(_INSIDE) else ""
    return prefix + to_byte_level(token.removeprefix(_INSIDE))


def _tokenizer(vocabulary: dict[str, int]) -> tokenizers.Tokenizer:
    model = models.WordPiece(
        vocabulary,
        # Never used, for every byte has a token; the library wants a name.
        unk_token=byte_alphabet()[0],
        max_input_chars_per_word=_LONGEST_RUN_BYTES,
        continuing_subword_prefix=_INSIDE,
    )
    tokenizer = byte_level_tokenizer(model, runs=True)
    tokenizer.decoder = decoders.Sequence([decoders.Replace(_INSIDE, ""), decoders.ByteLevel()])
    return tokenizer
