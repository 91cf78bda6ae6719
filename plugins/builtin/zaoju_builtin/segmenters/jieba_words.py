"""Chinese words by jieba."""

from __future__ import annotations

import warnings
from pathlib import Path

from zaoju import Segmenter, UserError
from zaoju_builtin.segmenters.options import JiebaOptions


class JiebaSegmenter(Segmenter[JiebaOptions]):
    """The most probable path over a dictionary of words, and a hidden Markov model for what is not in it.

    The algorithm and the dictionary are those of https://github.com/fxsjy/jieba.
    """

    def __init__(self, options: JiebaOptions) -> None:
        super().__init__(options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # jieba 0.42 imports pkg_resources and has invalid escapes in strings
            import jieba
        self._tokenizer = jieba.Tokenizer()
        # `initialize` would log to standard error and share a cache file in the temporary folder with every other
        # program that uses jieba. Reading the dictionary takes a second, and gives what it holds.
        self._tokenizer.FREQ, self._tokenizer.total = self._tokenizer.gen_pfdict(self._tokenizer.get_dict_file())
        self._tokenizer.initialized = True
        if options.dictionary is not None:
            self._add_words(options.dictionary)

    def segment(self, text: str) -> list[str]:
        """The words. jieba keeps every character, white space included."""
        words: list[str] = self._tokenizer.lcut(text, HMM=self.options.hmm)
        return words

    def _add_words(self, path: Path) -> None:
        try:
            self._tokenizer.load_userdict(str(path))
        except OSError as error:
            raise UserError(f"jieba: the dictionary {path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise UserError(
                f"jieba: the dictionary {path} cannot be used: {error}. It must be UTF-8 with one word a line, and"
                " perhaps a frequency after a blank."
            ) from error
