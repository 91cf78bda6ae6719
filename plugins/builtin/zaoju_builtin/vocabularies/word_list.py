"""The words of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zaoju import UserError, VocabularyBuilder
from zaoju.contracts import PieceStream
from zaoju.tokenization import unigram_tokenizer
from zaoju_builtin.vocabularies.counting import count_characters, count_pieces, covering_characters, token_counts
from zaoju_builtin.vocabularies.options import WordListOptions
from zaoju_builtin.vocabularies.scores import log_frequencies, raise_unseen

if TYPE_CHECKING:
    import tokenizers


class WordListVocabulary(VocabularyBuilder[WordListOptions]):
    """Every word of the list is a token, and so is every character that covers the text.

    A word's probability is its share of the segmenter's pieces. A word that the segmenter never gave is made a little
    more probable than its parts, so it is one token wherever it stands.
    """

    def build(self, documents: PieceStream) -> tokenizers.Tokenizer:
        words = dict.fromkeys(read_words(self.options.path))
        pieces = count_pieces(documents)
        characters = covering_characters(count_characters(documents), self.options.coverage)
        vocabulary = dict.fromkeys([*characters, *words])
        counts = token_counts(pieces, frozenset(vocabulary))
        scores = log_frequencies(vocabulary, counts)
        raise_unseen(scores, (word for word in words if word not in counts and len(word) > 1))
        return unigram_tokenizer(scores)


def read_words(path: Path) -> list[str]:
    """The words of a file, one a line, without the white space around them.

    Raises `UserError` where the file is missing, is not UTF-8, has no word, or is a dictionary with numbers.
    """
    try:
        words = list(_words(path.read_bytes(), path))
    except OSError as error:
        raise UserError(f"the word list {path} cannot be read: {error.strerror}") from error
    if not words:
        raise UserError(f"the word list {path} has no words: write one word a line")
    if all(len(word.split()) > 1 and word.split()[1].isdecimal() for word in words):
        raise UserError(
            f"the word list {path} has a number after every word (line 1: {words[0]!r}), as jieba's dictionaries do: "
            "keep the first column only"
        )
    return words


def _words(content: bytes, path: Path) -> Iterator[str]:
    """Each line's word; an error names the line that is not UTF-8."""
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        try:
            word = line.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise UserError(
                f"the word list {path} is not UTF-8: line {number}, byte {error.start + 1} of it; save it as UTF-8"
            ) from error
        if word:
            yield word
