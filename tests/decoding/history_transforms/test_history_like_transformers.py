"""The transforms that transformers has too agree with its processors, in thousands of random cases."""

from __future__ import annotations

import random

import pytest
import torch
from history_rows import batch
from transformers.generation.logits_process import (
    MinNewTokensLengthLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
)

from zaoju_builtin.decoding.transforms.minimum_length import MinimumLength
from zaoju_builtin.decoding.transforms.no_repeat_ngram import NoRepeatNgram
from zaoju_builtin.decoding.transforms.repetition_penalty import RepetitionPenalty

ROWS = 100


def random_rows(seed: int, length: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits [ROWS, width], some of them removed already, and histories [ROWS, length]."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(ROWS, width, generator=generator) * 4
    removed = torch.rand(ROWS, width, generator=generator) < 0.2
    removed[:, -1] = False
    tokens = torch.randint(0, width, (ROWS, length), generator=generator)
    return logits.masked_fill(removed, -torch.inf), tokens


@pytest.mark.parametrize("seed", range(20))
def test_repetition_penalty(seed: int) -> None:
    logits, tokens = random_rows(seed, length=1 + seed, width=40)
    penalty = random.Random(seed).uniform(0.3, 4)
    got = batch(RepetitionPenalty(), logits, tokens, repetition_penalty=penalty, repetition_window=0)
    torch.testing.assert_close(got, RepetitionPenaltyLogitsProcessor(penalty)(tokens, logits.clone()))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 9, 40])
@pytest.mark.parametrize("width", [3, 30])
def test_no_repeat_ngram(size: int, length: int, width: int) -> None:
    """A row of which nothing is left there stays here."""
    logits, tokens = random_rows(size * 100 + length, length, width)
    theirs = NoRepeatNGramLogitsProcessor(size)(tokens, logits.clone())
    nothing_left = theirs.isneginf().all(dim=1, keepdim=True)
    got = batch(NoRepeatNgram(), logits, tokens, no_repeat_ngram_size=size)
    assert torch.equal(got, torch.where(nothing_left, logits, theirs))


@pytest.mark.parametrize("written", range(8))
def test_minimum_length(written: int) -> None:
    prompt_length, least, end_of_text = 7, 5, 0
    logits, tokens = random_rows(written, prompt_length + written, width=20)
    processor = MinNewTokensLengthLogitsProcessor(prompt_length, least, end_of_text, device="cpu")
    got = batch(MinimumLength(), logits, tokens, index=written, min_new_tokens=least)
    assert torch.equal(got, processor(tokens, logits.clone()))
    assert got[:, end_of_text].isneginf().all() == (written < least)
