"""Runners over small random models with the tokenizer of `zaoju.testing.decoding_engine`."""

from __future__ import annotations

from support.small_models import small_gpt2, small_llama
from zaoju.contracts import Runner
from zaoju.generation import LeanRunner, runner_over
from zaoju.testing import decoding_engine

CONTEXT = 48


def width() -> int:
    """As models have it that are padded for speed."""
    return decoding_engine().tokenizer.vocabulary_size + 3


def gpt2_runner() -> Runner:
    return LeanRunner(small_gpt2(width(), CONTEXT))


def llama_runner() -> Runner:
    return runner_over(small_llama(width(), CONTEXT))
