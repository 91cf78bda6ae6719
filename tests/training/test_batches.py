"""The order of the data: every token once per epoch, and a pure function of seed and number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju.errors import UserError
from zaoju.tokenization import PackedTokens
from zaoju.training import PackedBatches
from zaoju.training.order import shuffled


def batches(count: int, window: int, batch_size: int, seed: int = 1) -> PackedBatches:
    tokens = np.arange(count, dtype=np.uint32)
    packed = PackedTokens(tokens, np.asarray([count], dtype=np.uint64), "of no tokenizer", max(1, count))
    return PackedBatches(packed, window=window, batch_size=batch_size, seed=seed)


def windows_of(source: PackedBatches, number: int) -> list[int]:
    """The first tokens of the first `number` windows, in order."""
    found: list[int] = []
    index = 0
    while len(found) < number:
        found += source.batch(index)[0][:, 0].tolist()
        index += 1
    return found[:number]


@settings(deadline=None, derandomize=True)
@given(count=st.integers(1, 5000), seed=st.integers(-(2**70), 2**70), epoch=st.integers(0, 10**6))
def test_an_epoch_is_a_permutation(count: int, seed: int, epoch: int) -> None:
    order = shuffled(np.arange(count, dtype=np.uint64), count, seed, epoch)
    assert sorted(order.tolist()) == list(range(count))


def test_seeds_and_epochs_give_other_orders_that_look_random() -> None:
    count = 1000
    places = np.arange(count, dtype=np.uint64)
    orders = [shuffled(places, count, seed, epoch) for seed in range(3) for epoch in range(3)]
    for i, one in enumerate(orders):
        for other in orders[:i]:
            assert (one == other).sum() < 10, "two orders agree in about one place, by chance"
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.15
    neighbours = np.mean([np.abs(np.diff(order)).mean() for order in orders])
    assert neighbours == pytest.approx(count / 3, rel=0.05), "neighbours of a random order are a third apart"


@settings(deadline=None, derandomize=True)
@given(count=st.integers(2, 300), window=st.integers(1, 40), batch_size=st.integers(1, 9))
def test_every_token_is_predicted_in_every_epoch(count: int, window: int, batch_size: int) -> None:
    source = batches(count, window, batch_size)
    for epoch in range(2):
        starts = windows_of(source, (epoch + 1) * source.windows)[epoch * source.windows :]
        assert len(set(starts)) == source.windows
        predicted = {start + offset + 1 for start in starts for offset in range(source.window)}
        assert predicted == set(range(1, count))


def test_targets_are_the_next_tokens_in_full_windows() -> None:
    source = batches(103, 10, 4)
    for index in range(12):
        ids, targets = source.batch(index)
        assert ids.shape == targets.shape == (4, 10)
        assert bool((targets == ids + 1).all())


def test_a_batch_depends_on_its_number_alone() -> None:
    one, other = batches(500, 7, 5), batches(500, 7, 5)
    [other.batch(index) for index in (40, 3)]
    assert bool((one.batch(17)[0] == other.batch(17)[0]).all())
    assert bool((one.batch(17)[0] != batches(500, 7, 5, seed=2).batch(17)[0]).any())


def test_small_corpora() -> None:
    short = batches(5, 128, 32)
    assert (short.window, short.windows, short.batch_size) == (4, 1, 1)
    assert short.batch(9)[1].tolist() == [[1, 2, 3, 4]]
    for count in (0, 1):
        with pytest.raises(UserError, match=f"has {count} tokens, and a step needs at least 2"):
            batches(count, 128, 32)
