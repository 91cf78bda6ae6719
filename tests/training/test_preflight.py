"""How many steps a budget gives, and that none is an error with the numbers."""

from __future__ import annotations

import numpy as np
import pytest
from zaoju.errors import UserError
from zaoju.models import GPT2, GPT2Config
from zaoju.tokenization import PackedTokens
from zaoju.training import Budget, PackedBatches, count_steps, estimate_memory


def corpus(count: int) -> PackedBatches:
    tokens = PackedTokens(np.zeros(count, dtype=np.uint16), np.asarray([count], dtype=np.uint64), "none", 1)
    return PackedBatches(tokens, window=10, batch_size=8, seed=1)


def test_budgets() -> None:
    assert count_steps(Budget(steps=7), corpus(1001), 1) == 7
    assert count_steps(Budget(epochs=2), corpus(1001), 1) == 25
    assert count_steps(Budget(epochs=2), corpus(1001), 5) == 5
    assert count_steps(Budget(epochs=1), corpus(90), 1) == 1
    assert 80 <= count_steps(Budget(minutes=1), corpus(1001), 1, step_seconds=0.6) <= 100


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        (Budget(epochs=0.01), "0.01 of 100 windows of 10 tokens is less than half of a step of 8 windows"),
        (Budget(minutes=0.01), r"one step takes 0\.6 s here, and minutes: 0.01 was asked for"),
    ],
)
def test_no_steps_is_an_error(budget: Budget, says: str) -> None:
    with pytest.raises(UserError, match=f"would have 0 steps.*{says}"):
        count_steps(budget, corpus(1001), 1, step_seconds=0.6)


def test_memory_counts_weights_activations_and_logits() -> None:
    model = GPT2(GPT2Config(vocab_size=100, n_positions=8, n_embd=16, n_layer=2, n_head=2))
    weights = 16 * model.parameter_count()
    lean, whole = (estimate_memory(model, 64, whole_logits=flag) for flag in (False, True))
    assert lean > weights
    assert whole - lean == 64 * 100 * 4 * 3
