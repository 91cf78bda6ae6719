"""Chinese words by pkuseg."""

from __future__ import annotations

from zaoju import Segmenter, UserError
from zaoju_builtin.segmenters.dictionary import read_dictionary
from zaoju_builtin.segmenters.options import PkusegOptions


class PkusegSegmenter(Segmenter[PkusegOptions]):
    """A conditional random field trained on several domains; slow to load, and 10,000 to 50,000 characters a second.

    The algorithm and the model are those of https://github.com/lancopku/pkuseg-python.
    """

    def __init__(self, options: PkusegOptions) -> None:
        super().__init__(options)
        import pkuseg

        if options.model is not None and not options.model.is_dir():
            raise UserError(
                f"pkuseg: the model {options.model} does not exist or is no folder; give the folder of a pkuseg model, "
                "or leave `model` out"
            )
        model = "default" if options.model is None else str(options.model)
        # pkuseg takes words as well as a path. It has no frequencies, and keeps a known word whole wherever it stands.
        own = options.dictionary
        words = "default" if own is None else [entry.word for entry in read_dictionary(own, "pkuseg")]
        self._tokenizer = pkuseg.pkuseg(model, words)

    def segment(self, text: str) -> list[str]:
        """The words. pkuseg drops all white space; the engine puts it back."""
        words: list[str] = self._tokenizer.cut(text)
        return words
