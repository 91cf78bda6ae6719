"""How many steps a budget gives, and that none is an error with the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from zaoju.errors import UserError
from zaoju.models import GPT2, CausalLM, GPT2Config
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
    numbers = {"n_positions": 8, "n_embd": 16, "n_layer": 2, "n_head": 2}
    small, large = (GPT2(GPT2Config(vocab_size=size, **numbers)) for size in (100, 200))
    weights = 16 * small.parameter_count()
    assert estimate_memory(small, 64) > estimate_memory(small, 32) > weights
    more_weights = 16 * 100 * 16
    assert estimate_memory(large, 64) - estimate_memory(small, 64) == more_weights + 64 * 100 * 4 * 3
    huge = 10**9
    assert large.logits_of_loss(huge) < 1e8 < CausalLM.logits_of_loss(large, huge)
