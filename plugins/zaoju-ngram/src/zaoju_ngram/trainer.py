"""The trainer: counts, smooths, and leaves a folder that says which runner reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from zaoju import Cancelled, Trainer, TrainingRun, UserError
from zaoju.contracts import Notice, Preflight, Progress
from zaoju.files import whole_folder
from zaoju.tokenization import PackedTokens
from zaoju_ngram.counts import BYTES_PER_TOKEN, Counted, count_ngrams
from zaoju_ngram.options import NgramOptions
from zaoju_ngram.smoothing import smooth

CONTEXT = "context_length"


class NgramTrainer(Trainer[NgramOptions]):
    """Counts the n-grams of the corpus and smooths them. Takes seconds where a network takes hours.

    There is nothing to continue after an interruption: it counts again. The `model` section of the configuration is for
    networks and does not count here.
    """

    def preflight(self, run: TrainingRun) -> Preflight:
        """One pass over the tokens for each length of n-grams. The size is a bound: every n-gram could be another.

        Raises `UserError` for a corpus without text.
        """
        tokens = len(_opened(run).tokens)
        kept = tokens * (self.options.order - 1)
        return Preflight(
            steps=self.options.order - 1,
            tokens_per_step=tokens,
            parameters=run.model.vocabulary_size + kept,
            memory_bytes=tokens * BYTES_PER_TOKEN + kept * BYTES_PER_TOKEN // 2,
            seconds=None,
        )

    def train(self, run: TrainingRun) -> None:
        """Leave the model in `run.artefact`. Raises `Cancelled` between two lengths of n-grams."""
        packed = _opened(run)
        counted = list(self._counted(run, packed))
        model = smooth(counted, run.model.vocabulary_size)
        sizes = ", ".join(f"{len(level.keys):,} of length {level.length}" for level in counted)
        run.emit(Notice(f"n-grams: {sizes}"))
        if model.order < self.options.order:
            run.emit(Notice(f"no document is long enough for n-grams of more than {model.order} tokens"))
        with whole_folder(run.artefact) as folder:
            model.save(folder)
            described = {"format": 1, "runner": "ngram", CONTEXT: self.options.context}
            (folder / "zaoju.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")

    def _counted(self, run: TrainingRun, packed: PackedTokens) -> Iterator[Counted]:
        steps = self.options.order - 1
        size, order = run.model.vocabulary_size, self.options.order
        found = count_ngrams(packed.tokens, run.model.end_of_text, size, order, packed.counts)
        for done, level in enumerate(found, start=1):
            run.emit(Progress("counting n-grams", done, steps, "passes"))
            if run.cancel.is_set():
                raise Cancelled(f"stopped after pass {done} of {steps}; the same run again counts from the beginning")
            yield level


def _opened(run: TrainingRun) -> PackedTokens:
    packed = PackedTokens.open(run.train)
    if len(packed.tokens) < 2:
        raise UserError("the training corpus has no text to count; give more, or set corpus.held_out lower")
    if packed.counts is not None and not packed.counts.any():
        raise UserError(
            "the training corpus is made of conversations, and none has an answer to learn: look whether the reader "
            "takes the right fields (`answer:`, `turns:`), or set corpus.held_out lower"
        )
    return packed
