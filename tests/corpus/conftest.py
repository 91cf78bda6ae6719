"""Fixtures of the corpus room."""

from __future__ import annotations

import pytest


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is a shard, and no corpus is too small for processes."""
    monkeypatch.setattr("zaoju.corpus.shards.SHARD_BYTES", 1)
    monkeypatch.setattr("zaoju.corpus.shards.SMALL_BYTES", 0)
