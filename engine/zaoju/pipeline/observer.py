"""What is looked at while a model trains: held-out text is scored and prompts are continued."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from zaoju.config import DecodingPlan
from zaoju.contracts import Document, EventSink, HeldOutScored, SampleWritten
from zaoju.corpus import read_documents
from zaoju.evaluation import bits_per_character
from zaoju.generation import Engine, Request, runner_over
from zaoju.models import CausalLM
from zaoju.plugins import PluginManager
from zaoju.tokenization import Tokenizer
from zaoju.training import any_algorithms

OBSERVED_CHARACTERS = 20_000
"""Enough held-out text to tell models apart to about 0.02 bits per character, little enough to take a second."""

_SAMPLE_TOKENS = 48


class Observer:
    """Scores a model in training and lets it write. Draws nothing from torch's generators, so training stays exact."""

    def __init__(
        self,
        held_out: Path,
        tokenizer: Tokenizer,
        plugins: PluginManager,
        decoding: DecodingPlan,
        prompts: Sequence[str],
        emit: EventSink,
        *,
        chat: bool = False,
    ) -> None:
        """With `chat` the prompts are what a user says, and the samples are answers."""
        self._documents = _first_documents(held_out, OBSERVED_CHARACTERS)
        self._tokenizer = tokenizer
        self._plugins = plugins
        self._decoding = decoding
        self._prompts = prompts
        self._emit = emit
        self._chat = chat

    def observe(self, step: int, model: CausalLM) -> float:
        """Bits per character of the held-out texts under `model`; reports it and one sample per call."""
        training = model.training
        model.eval()
        try:
            runner = runner_over(model)
            # A look is short and is never stopped half-way: the trainer saves a checkpoint first, and stops then.
            score = bits_per_character(
                runner, self._tokenizer, self._documents, emit=_silent, cancel=threading.Event()
            ).bits_per_character
            self._emit(HeldOutScored(step, score))
            self._write_sample(step, Engine(runner, self._tokenizer, self._plugins))
        finally:
            model.train(training)
        return score

    def _write_sample(self, step: int, engine: Engine) -> None:
        if not self._prompts:
            return
        request = Request.from_plan(
            self._prompts[0], self._decoding, seed=step, max_new_tokens=_SAMPLE_TOKENS, chat=self._chat
        )
        # On a GPU some strategies have no deterministic form, and a sample acts on nothing.
        with any_algorithms():
            (generation,) = engine.generate_batch([request])
        self._emit(SampleWritten(step, generation.prompt, generation.text))


def _first_documents(path: Path, characters: int) -> list[Document]:
    """The first documents that together hold `characters`; the last one is cut there, unless it is a conversation."""
    documents: list[Document] = []
    left = characters
    for document in read_documents(path):
        documents.append(document if document.turns else replace(document, text=document.text[:left]))
        left -= len(document.text)
        if left <= 0:
            break
    return documents


def _silent(event: object) -> None:
    """Scoring a few texts is not worth a progress bar of its own."""
