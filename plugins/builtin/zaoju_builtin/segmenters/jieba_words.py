"""Chinese words by jieba."""

from __future__ import annotations

import warnings

from zaoju import Segmenter
from zaoju_builtin.segmenters.dictionary import read_dictionary
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
            for entry in read_dictionary(options.dictionary, "jieba"):
                self._tokenizer.add_word(entry.word, entry.frequency)

    def segment(self, text: str) -> list[str]:
        """The words. jieba keeps every character, white space included."""
        words: list[str] = self._tokenizer.lcut(text, HMM=self.options.hmm)
        return words
