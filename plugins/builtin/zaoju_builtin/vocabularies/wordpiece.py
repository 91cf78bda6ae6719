"""WordPiece."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenizers import Tokenizer, models, trainers

from zaoju import VocabularyBuilder
from zaoju.contracts import PieceStream
from zaoju.tokenization import (
    LONGEST_RUN,
    byte_alphabet,
    byte_level_tokenizer,
    places_taken,
    room_for_words,
    run_splitter,
    to_byte_level,
)
from zaoju_builtin.vocabularies.counting import count_characters, covering_characters, first_that_fit, known_parts
from zaoju_builtin.vocabularies.options import WordPieceOptions

if TYPE_CHECKING:
    import tokenizers

_LONGEST_RUN_BYTES = 4 * (LONGEST_RUN + 1)
"""A character has at most four bytes, and a run of letters may begin with a blank."""


class WordPieceVocabulary(VocabularyBuilder[WordPieceOptions]):
    """The longest known token first (Wu et al. 2016; BERT, Devlin et al. 2019), but nothing is ever [UNK].

    Tokens inside a word have no mark such as BERT's `##`: a portable tokenizer does not see where a Chinese word
    begins, and the mark would keep it from finding words anywhere but at the beginning of a run. It learns characters,
    and writes those that are too rare for a token of their own as bytes. Tokens never cross the segmenter's pieces,
    nor a change between Han, letters, digits, white space and signs.
    """

    def build(self, documents: PieceStream) -> tokenizers.Tokenizer:
        room = room_for_words(self.options.size)
        covering = covering_characters(count_characters(documents), self.options.coverage)
        characters = first_that_fit(covering, max(1, room // 2))
        free = len(characters) - places_taken(characters)
        learned = self._train(documents, characters, room + free)
        tokens = dict.fromkeys([*byte_alphabet(), *map(to_byte_level, learned)])
        model = models.WordPiece(
            {token: number for number, token in enumerate(tokens)},
            # Never used, for every byte has a token; the library wants a name.
            unk_token=byte_alphabet()[0],
            max_input_chars_per_word=_LONGEST_RUN_BYTES,
            continuing_subword_prefix="",
        )
        return byte_level_tokenizer(model, runs=True)

    def _train(self, documents: PieceStream, characters: list[str], size: int) -> list[str]:
        """Up to `size` tokens in characters, in the order in which they were learned."""
        learner = Tokenizer(models.WordPiece({"": 0}, unk_token=""))
        learner.pre_tokenizer = run_splitter()
        trainer = trainers.WordPieceTrainer(
            vocab_size=size,
            min_frequency=self.options.min_frequency,
            initial_alphabet=characters,
            continuing_subword_prefix="",
            show_progress=False,
        )
        learner.train_from_iterator(known_parts(documents, frozenset(characters)), trainer)
        vocabulary: dict[str, int] = learner.get_vocab(with_added_tokens=False)
        return sorted(vocabulary, key=lambda token: vocabulary[token])
