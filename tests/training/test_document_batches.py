"""Windows that are documents: whole, from the first place on, each once per epoch; padding never counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju.contracts import ModelPlan
from zaoju.errors import UserError
from zaoju.models import new_model
from zaoju.tokenization import PackedTokens
from zaoju.training import DocumentBatches
from zaoju.training.document_batches import IGNORED

END = 0


def packed(documents: list[list[int]]) -> PackedTokens:
    stream = [token for document in documents for token in [*document, END]]
    ends = np.cumsum([len(document) + 1 for document in documents], dtype=np.uint64)
    return PackedTokens(np.asarray(stream, dtype=np.uint16), ends, "of no tokenizer", 100)


def predicted(ids: torch.Tensor, targets: torch.Tensor) -> list[tuple[list[int], list[int]]]:
    """For each row what the model reads and what it must predict, without padding."""
    rows = []
    for row, wanted in zip(ids.tolist(), targets.tolist(), strict=True):
        length = sum(target != IGNORED for target in wanted)
        assert all(target == IGNORED for target in wanted[length:]), "padding stands on the right only"
        rows.append((row[:length], wanted[:length]))
    return rows


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=12), min_size=1, max_size=20),
    st.integers(1, 8),
    st.integers(1, 6),
)
def test_an_epoch_predicts_every_token_of_every_document_once(
    documents: list[list[int]], window: int, batch_size: int
) -> None:
    batches = DocumentBatches(packed(documents), window=window, batch_size=batch_size, end_of_text=END, seed=3)
    rows: list[tuple[list[int], list[int]]] = []
    index = 0
    while len(rows) < batches.windows:
        rows += predicted(*batches.batch(index))
        index += 1
    expected = []
    for document in documents:
        text = [END, *document, END]
        expected += [
            (text[start : start + window][: len(text) - 1 - start], text[start + 1 : start + 1 + window])
            for start in range(0, len(text) - 1, window)
        ]
    assert sorted(rows[: batches.windows]) == sorted(expected)


def test_little_is_padding_and_shapes_are_few() -> None:
    draw = np.random.Generator(np.random.Philox(1))
    documents = [[1] * int(length) for length in draw.integers(1, 120, 2000)]
    batches = DocumentBatches(packed(documents), window=128, batch_size=8, end_of_text=END, seed=1)
    shapes, real, all_places = set(), 0, 0
    for index in range(batches.windows // 8):
        _, targets = batches.batch(index)
        shapes.add(targets.shape)
        real += int((targets != IGNORED).sum())
        all_places += targets.numel()
    assert real / all_places > 0.85, "in the order of the epoch it is half"
    assert all(length % 8 == 0 or length == batches.window for _, length in shapes)
    lengths = [batches.batch(index)[0].shape[1] for index in range(64)]
    assert sorted(lengths[:16]) != lengths[:16], "short and long batches take turns"


def test_padding_does_not_change_the_loss_or_its_gradient() -> None:
    documents = [[5, 6, 7, 8, 9, 10], [11, 12], [13, 14, 15]]
    batches = DocumentBatches(packed(documents), window=16, batch_size=3, end_of_text=END, seed=1)
    numbers = {"n_layer": 1, "n_embd": 16, "n_head": 2, "n_positions": 16}
    model = new_model(ModelPlan("gpt2", numbers, 40, END), seed=1).eval()
    ids, targets = batches.batch(0)
    loss = model.loss(ids, targets)
    loss.backward()
    gradient = {
        name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None
    }
    model.zero_grad()
    expected = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
    expected.backward()
    assert torch.allclose(loss, expected, atol=1e-6)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        assert torch.allclose(gradient[name], parameter.grad, atol=1e-6), name
    counted = F.cross_entropy(model(ids).flatten(0, 1), targets.clamp(min=0).flatten())
    assert not torch.allclose(loss, counted, atol=1e-3), "padding that counted would be seen"


def test_the_order_is_a_function_of_the_seed() -> None:
    documents = [[number] for number in range(1, 60)]
    first, again, other = (
        DocumentBatches(packed(documents), window=8, batch_size=4, end_of_text=END, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(first.batch(3)[0], again.batch(3)[0])
    assert any(not torch.equal(first.batch(index)[0], other.batch(index)[0]) for index in range(3))


def test_no_document_is_refused() -> None:
    with pytest.raises(UserError, match="no document"):
        DocumentBatches(packed([]), window=8, batch_size=4, end_of_text=END, seed=1)
