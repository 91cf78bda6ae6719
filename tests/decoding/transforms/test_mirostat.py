"""Mirostat 2: its bound, its state, and whether texts become as surprising as was asked for."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from distribution_references import NOTHING, mirostat, surprises

from support.decoder_helpers import context, kept, random_rows
from zaoju.contracts import Columns
from zaoju_builtin.decoding.selectors.sample import Sample
from zaoju_builtin.decoding.transforms.mirostat import Mirostat


def columns(tau: list[float], eta: float = 0.1) -> Columns:
    return {
        "mirostat_tau": torch.tensor(tau, dtype=torch.float64),
        "mirostat_eta": torch.full((len(tau),), eta, dtype=torch.float64),
    }


def bounded(logits: torch.Tensor, options: Columns, state: Columns) -> torch.Tensor:
    return Mirostat().apply(logits, options, replace(context(logits), state=state))


def test_the_bound_begins_at_twice_the_target() -> None:
    assert Mirostat().init_state(columns([3.0, 5.0, 0.0]))["mu"].tolist() == [6.0, 10.0, 0.0]


@pytest.mark.parametrize("bound", [-3.0, 0.0, 0.5, 2.0, 4.0, 9.0])
def test_the_definition(bound: float) -> None:
    logits = torch.cat([random_rows(seed, 20, 30, coarse=seed % 2 == 0) / (1 + seed % 4) for seed in range(6)])
    logits[::3] = logits[::3].masked_fill(torch.arange(30) % 3 == 1, NOTHING)
    state = {"mu": torch.full((len(logits),), bound, dtype=torch.float64)}
    got = bounded(logits, columns([1.0] * len(logits)), state)
    for row, result in zip(logits.tolist(), got, strict=True):
        assert kept(result) == mirostat(row, bound)


def test_a_row_at_0_stays_as_it_is_among_others() -> None:
    logits, options = random_rows(2, 3, 30), columns([0.0, 0.5, 0.0])
    got = bounded(logits, options, Mirostat().init_state(options))
    assert torch.equal(got[::2], logits[::2]) and len(kept(got[1])) < 30


def test_the_boundary_is_exact() -> None:
    """Four tokens of two bits each: at two bits all stay, below that the first alone."""
    logits = torch.zeros(3, 4)
    state = {"mu": torch.tensor([2.0, math.nextafter(2.0, 0.0), 1.0], dtype=torch.float64)}
    got = bounded(logits, columns([1.0] * 3), state)
    assert [kept(row) for row in got] == [{0, 1, 2, 3}, {0}, {0}]


def test_the_bound_moves_by_the_surprise_among_those_that_stayed() -> None:
    before, options = random_rows(5, 8, 40), columns([2.0] * 8, eta=0.3)
    state = Mirostat().init_state(options)
    after = bounded(before, options, state)
    tokens = after.argmax(dim=1)
    later = Mirostat().observe(state, tokens, before, after, options)["mu"].tolist()
    for row, token, bound in zip(after.tolist(), tokens.tolist(), later, strict=True):
        surprise = surprises(row)[token] / math.log(2)
        assert bound == pytest.approx(4.0 - 0.3 * (surprise - 2.0), abs=1e-12)


def test_a_token_that_was_removed_leaves_the_bound() -> None:
    """A search may take one; an infinite surprise would end the text's variety for ever."""
    before, options, state = torch.tensor([[9.0, 0.0]]), columns([1.0]), {"mu": torch.tensor([0.5]).double()}
    after = bounded(before, options, state)
    assert kept(after[0]) == {0}
    assert Mirostat().observe(state, torch.tensor([1]), before, after, options)["mu"].tolist() == [0.5]


def test_a_fork_leaves_the_other_text_alone() -> None:
    """The same steps from a kept state give the same bits, whatever went on from it in between."""
    options = columns([2.0, 3.0])

    def write(state: Columns, choices: list[int]) -> Columns:
        for step, rank in enumerate(choices):
            before = random_rows(step, 2, 50)
            after = bounded(before, options, state)
            tokens = after.topk(rank + 1, dim=1).indices[:, -1]
            state = Mirostat().observe(state, tokens, before, after, options)
        return state

    root = write(Mirostat().init_state(options), [0, 1, 0])
    value = root["mu"].clone()
    one, other, again = write(root, [0] * 5), write(root, [1] * 5), write(root, [0] * 5)
    assert torch.equal(root["mu"], value) and torch.equal(one["mu"], again["mu"])
    assert (one["mu"] != other["mu"]).all() and (one["mu"] != root["mu"]).all()


@pytest.mark.parametrize("flatness", [0.8, 1.0])
def test_texts_become_as_surprising_as_was_asked_for(flatness: float) -> None:
    """Drawn again and again from a law of Zipf; without mirostat its tokens have 7.8 and 6.9 bits."""
    targets = [1.0, 2.0, 3.0, 4.5] * 4
    logits = (-flatness * torch.arange(1, 501).log()).repeat(len(targets), 1)
    options, transform = columns(targets), Mirostat()
    state = transform.init_state(options)
    generator = torch.Generator().manual_seed(11)
    seen = []
    for _ in range(500):
        uniforms = torch.rand(len(targets), generator=generator, dtype=torch.float64).clamp(1e-9, 1 - 1e-9).tolist()
        after = bounded(logits, options, state)
        tokens = Sample().select(after, context(logits, uniforms=uniforms))
        seen.append(after.double().log_softmax(dim=1).gather(1, tokens[:, None]).squeeze(1) / -math.log(2))
        state = transform.observe(state, tokens, logits, after, options)
    average = torch.stack(seen[100:]).mean(dim=0).view(-1, 4).mean(dim=0)
    torch.testing.assert_close(average, torch.tensor(targets[:4]).double(), atol=0.05, rtol=0)
