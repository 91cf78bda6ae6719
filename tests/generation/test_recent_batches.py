"""The settings of rows as tensors: used again, or taken from what is there, they are those that are made anew."""

from __future__ import annotations

import random

import pytest
import torch

from zaoju import PluginManager
from zaoju.config import resolve_decoding
from zaoju.generation.chain import Chain, RowBatch, RowSettings
from zaoju.generation.recent_batches import RecentBatches
from zaoju.testing.byte_table import ByteTable

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def plugins() -> PluginManager:
    return PluginManager.discover(environment={})


def settings(plugins: PluginManager) -> tuple[Chain, list[RowSettings]]:
    """A long chain, and rows for which different ones of its transforms are idle."""
    chosen: list[dict[str, object]] = [
        {},
        {"top_k": 5, "logit_bias": {"id:3": 1.0, "id:9": 2.0}},
        {"top_p": 0.5, "bad_words": ["A"], "temperature": 0.3},
        {"bad_words": ["BC", "D"], "logit_bias": {"id:4": -1.0}},
        {"temperature": 0.3},
        {"min_p": 0.2, "repetition_penalty": 1.1, "min_new_tokens": 3},
    ]
    plans = [resolve_decoding(plugins, {"strategy": "hf", **one}) for one in chosen]
    chain = Chain(plans[0])
    rows = [chain.settings(plan.options, seed, [1, 2], ByteTable()) for seed, plan in enumerate(plans)]
    return chain, rows


def check_same(one: RowBatch, other: RowBatch, trimmed: bool) -> None:
    """The same numbers; what is prepared may have more padding."""
    assert list(one.rows) == list(other.rows)
    assert one.uniforms.at([3] * len(one.rows), "x").tolist() == other.uniforms.at([3] * len(one.rows), "x").tolist()
    for mine, theirs in zip(one.idle, other.idle, strict=True):
        assert (mine is None) == (theirs is None)
        assert mine is None or theirs is None or torch.equal(mine, theirs)
    for mine_of, theirs_of in zip(one.columns, other.columns, strict=True):
        assert (mine_of is None) == (theirs_of is None)
        for name in theirs_of or {}:
            assert mine_of is not None and theirs_of is not None
            mine_there, fresh = mine_of[name], theirs_of[name]
            if trimmed and fresh.dim() > 1:
                mine_there = mine_there[:, : fresh.shape[1]]
            assert mine_there.dtype == fresh.dtype and torch.equal(mine_there, fresh)


def test_parts_are_what_would_be_made_of_the_rows_themselves(plugins: PluginManager) -> None:
    chain, rows = settings(plugins)
    recent, draw = RecentBatches(CPU), random.Random(3)
    recent.of(chain, rows)
    for _ in range(200):
        # A row may stand there several times, as the lines of a search have the same settings.
        some = [draw.choice(rows) for _ in range(draw.randint(1, 9))]
        check_same(recent.of(chain, some), chain.batch(some, CPU), trimmed=True)


def test_the_same_rows_are_not_made_again(plugins: PluginManager) -> None:
    chain, rows = settings(plugins)
    recent = RecentBatches(CPU)
    whole = recent.of(chain, rows)
    wave = recent.of(chain, rows[1:4])
    assert recent.of(chain, list(rows)) is whole
    assert recent.of(chain, rows[1:4]) is wave
    new = chain.settings(rows[0].options, 77, [], ByteTable())
    joined = recent.of(chain, [*rows, new])
    assert joined is not whole and recent.of(chain, [*rows, new]) is joined
    check_same(joined, chain.batch([*rows, new], CPU), trimmed=False)


def test_chains_are_kept_within_a_bound(plugins: PluginManager) -> None:
    recent = RecentBatches(CPU)
    plan = resolve_decoding(plugins, {"strategy": "greedy"})
    for _ in range(200):
        chain = Chain(plan)
        recent.of(chain, [chain.settings(plan.options, 0, [], ByteTable())])
    assert len(recent._recent) <= 64
