"""Chinese words by pkuseg."""

from __future__ import annotations

from zaoju import Segmenter, UserError
from zaoju_builtin.segmenters.options import PkusegOptions


class PkusegSegmenter(Segmenter[PkusegOptions]):
    """A conditional random field trained on several domains; slow to load, and 10,000 to 50,000 characters a second.

    The algorithm and the model are those of https://github.com/lancopku/pkuseg-python.
    """

    def __init__(self, options: PkusegOptions) -> None:
        super().__init__(options)
        import pkuseg

        for path in (options.model, options.dictionary):
            if path is not None and not path.exists():
                raise UserError(f"pkuseg: {path} does not exist; give an existing path, or none for the default")
        model = "default" if options.model is None else str(options.model)
        dictionary = "default" if options.dictionary is None else str(options.dictionary)
        self._tokenizer = pkuseg.pkuseg(model, dictionary)

    def segment(self, text: str) -> list[str]:
        """The words. pkuseg drops all white space; the engine puts it back."""
        words: list[str] = self._tokenizer.cut(text)
        return words
