"""The cache: whatever rows share a batch, each gets the logits that it would get alone and without a cache."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju.errors import UserError
from zaoju.models import GPT2, GPT2Config, KeyValueCache

CONTEXT = 40


@pytest.fixture(scope="module")
def model() -> GPT2:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=50, n_positions=CONTEXT, n_embd=32, n_layer=2, n_head=4, initializer_range=0.3)
    return GPT2(config).eval()


@torch.no_grad()
def feed(model: GPT2, cache: KeyValueCache, new: dict[int, list[int]]) -> dict[int, torch.Tensor]:
    """Append tokens to rows, padded on the right with a token that is wrong on purpose; the logits of the real ones."""
    longest = max(map(len, new.values()))
    ids = torch.tensor([tokens + [49] * (longest - len(tokens)) for tokens in new.values()])
    logits = model(ids, cache.window(list(new), [len(tokens) for tokens in new.values()]))
    return {row: logits[i, : len(tokens)] for i, (row, tokens) in enumerate(new.items())}


@torch.no_grad()
def alone(model: GPT2, tokens: list[int]) -> torch.Tensor:
    return model(torch.tensor([tokens]))[0]


def close(got: torch.Tensor, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_ragged_prefill_then_steps(model: GPT2) -> None:
    cache = model.new_cache()
    rows = cache.allocate(3)
    texts = {row: list(range(1, 2 + 9 * i)) for i, row in enumerate(rows)}
    for row, logits in feed(model, cache, texts).items():
        close(logits, alone(model, texts[row]))
    for step in range(4):
        logits = feed(model, cache, {row: [step + 5] for row in rows})
        for row in rows:
            texts[row].append(step + 5)
            close(logits[row][-1], alone(model, texts[row])[-1])
    assert cache.lengths == {row: len(texts[row]) for row in rows}


@settings(deadline=None, derandomize=True, max_examples=40)
@given(data=st.data())
def test_any_sequence_of_operations(model: GPT2, data: st.DataObject) -> None:
    cache = model.new_cache()
    texts: dict[int, list[int]] = {}
    for _ in range(data.draw(st.integers(1, 10))):
        operation = data.draw(st.sampled_from(["allocate", "feed", "feed", "feed", "fork", "free"]))
        living = sorted(texts)
        if operation == "allocate" or not living:
            texts |= {row: [] for row in cache.allocate(data.draw(st.integers(1, 5)))}
        elif operation == "fork":
            row = data.draw(st.sampled_from(living))
            copy = cache.fork(row)
            assert copy not in texts
            texts[copy] = list(texts[row])
        elif operation == "free":
            rows = data.draw(st.lists(st.sampled_from(living), unique=True, min_size=1))
            cache.free(rows)
            texts = {row: text for row, text in texts.items() if row not in rows}
        else:
            rows = data.draw(st.lists(st.sampled_from(living), unique=True, min_size=1))
            new = {
                row: data.draw(st.lists(st.integers(0, 48), min_size=1, max_size=CONTEXT - len(texts[row])))
                for row in rows
                if len(texts[row]) < CONTEXT
            }
            if not new:
                continue
            logits = feed(model, cache, new)
            for row, tokens in new.items():
                texts[row] += tokens
                close(logits[row], alone(model, texts[row])[-len(tokens) :])
        assert cache.lengths == {row: len(text) for row, text in texts.items()}


def test_slots_and_capacity_grow_by_doubling() -> None:
    model = GPT2(GPT2Config(vocab_size=50, n_positions=100, n_embd=8, n_layer=1, n_head=2))
    cache = model.new_cache()
    assert (cache.slots, cache.capacity) == (0, 0)
    cache.allocate(1)
    assert (cache.slots, cache.capacity) == (4, 64)
    rows = cache.allocate(4)
    assert cache.slots == 8
    feed(model, cache, {rows[3]: [1] * 65})
    assert (cache.slots, cache.capacity) == (8, 100)


def test_a_handle_is_never_given_out_again(model: GPT2) -> None:
    cache = model.new_cache()
    first = cache.allocate(3)
    cache.free(first)
    assert not {*first} & {*cache.allocate(3)}


class TestRowsThatStepTogetherLieTogether:
    def test_a_row_moves_into_the_hole_that_another_left(self, model: GPT2) -> None:
        cache = model.new_cache()
        rows = cache.allocate(5)
        texts = {row: [row + 1] * (3 + row) for row in rows}
        feed(model, cache, texts)
        cache.free([rows[1]])
        staying = [row for row in rows if row != rows[1]]
        order = cache.arrange(staying)
        assert sorted(order) == staying
        assert cache.arrange(order) == order
        keys = cache.window(order, [1] * 4)._read(cache.keys[0])
        assert keys.data_ptr() == cache.keys[0].data_ptr()
        for row, logits in feed(model, cache, {row: [7] for row in staying}).items():
            close(logits[-1], alone(model, [*texts[row], 7])[-1])

    def test_a_row_that_rests_changes_places_with_one_that_steps(self, model: GPT2) -> None:
        cache = model.new_cache()
        rows = cache.allocate(3)
        texts = {row: [row + 1] * (9 - 4 * number) for number, row in enumerate(rows)}
        feed(model, cache, texts)
        cache.arrange([rows[0], rows[2]])
        for row, logits in feed(model, cache, {row: [7] for row in rows}).items():
            close(logits[-1], alone(model, [*texts[row], 7])[-1])


class TestTheMemoryBound:
    def test_it_is_never_passed(self) -> None:
        config = GPT2Config(vocab_size=50, n_positions=100, n_embd=8, n_layer=1, n_head=2)
        model = GPT2(config)
        cache = model.new_cache(most_bytes=100_000)
        token = 2 * 8 * 4
        assert cache.row_bytes(1) == token * 3 // 2
        assert cache.most_rows(100) == 100_000 // (100 * token * 3 // 2)
        most = cache.most_rows(64) or 0
        rows = cache.allocate(most)
        feed(model, cache, {row: [1] * 64 for row in rows})
        assert cache.bytes * 3 / 2 <= 100_000
        with pytest.raises(UserError, match=r"would need 17 rows of 64 tokens.*may take 0.00 GiB"):
            cache.allocate(1)
        assert sorted(cache.lengths) == rows

    def test_a_long_row_takes_the_room_of_rows_that_left(self) -> None:
        torch.manual_seed(0)
        model = GPT2(GPT2Config(vocab_size=50, n_positions=100, n_embd=8, n_layer=1, n_head=2)).eval()
        cache = model.new_cache(most_bytes=100_000)
        rows = cache.allocate(cache.most_rows(64) or 0)
        feed(model, cache, {row: [row + 1] * 3 for row in rows})
        cache.free(rows[:-2])
        logits = feed(model, cache, {rows[-1]: [5] * 97})
        close(logits[rows[-1]][-1], alone(model, [rows[-1] + 1] * 3 + [5] * 97)[-1])
        assert (cache.slots, cache.capacity) == (2, 100)
        close(feed(model, cache, {rows[-2]: [5]})[rows[-2]][-1], alone(model, [rows[-2] + 1] * 3 + [5])[-1])


def test_taking_back_tokens(model: GPT2) -> None:
    cache = model.new_cache()
    [row] = cache.allocate(1)
    feed(model, cache, {row: [1, 2, 3, 4]})
    cache.set_length(row, 2)
    close(feed(model, cache, {row: [9]})[row][-1], alone(model, [1, 2, 9])[-1])


def test_misuse_is_refused(model: GPT2) -> None:
    cache = model.new_cache()
    [row] = cache.allocate(1)
    with pytest.raises(ValueError, match="no more than 40"):
        cache.window([row], [CONTEXT + 1])
    with pytest.raises(ValueError, match="without repeats"):
        cache.window([row, row], [1, 1])
    cache.free([row])
    with pytest.raises(ValueError, match="does not live"):
        cache.fork(row)
