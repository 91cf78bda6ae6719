from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from corpus_run import ListReader, run, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju.corpus.held_out import choose_held_out, text_digest

POEMS = [f"第{number}首：处处闻啼鸟。" for number in range(200)]


@pytest.mark.parametrize(("count", "share", "held_out"), [(2, 0.02, 1), (100, 0.02, 2), (149, 0.01, 1), (151, 0.5, 76)])
def test_exactly_the_share_is_held_out(tmp_path: Path, count: int, share: float, held_out: int) -> None:
    account = run([ListReader(POEMS[:count])], tmp_path, held_out=share)
    assert account.held_out.documents == held_out
    assert account.train.documents == count - held_out


def test_the_choice_does_not_depend_on_order(tmp_path: Path) -> None:
    shuffled = random.Random(3).sample(POEMS, len(POEMS))
    run([ListReader(POEMS)], tmp_path / "a", held_out=0.1)
    run([ListReader(shuffled[:50]), ListReader(shuffled[50:])], tmp_path / "b", held_out=0.1)
    assert sorted(texts(tmp_path / "a", "held_out")) == sorted(texts(tmp_path / "b", "held_out"))


def test_another_seed_gives_another_choice(tmp_path: Path) -> None:
    run([ListReader(POEMS)], tmp_path / "a", held_out=0.1, seed=1)
    run([ListReader(POEMS)], tmp_path / "b", held_out=0.1, seed=2)
    assert texts(tmp_path / "a", "held_out") != texts(tmp_path / "b", "held_out")


@settings(deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=40), st.floats(0.001, 0.5), st.integers(0, 2**70))
def test_copies_never_straddle_and_the_share_is_not_passed(copies: list[int], share: float, seed: int) -> None:
    digests = np.frombuffer(b"".join(text_digest(str(number)) for number in range(len(copies))), "V16")
    chosen = choose_held_out(digests, np.array(copies), share, seed)
    size = int(np.array(copies)[chosen].sum())
    wanted = max(1, round(share * sum(copies)))
    assert 1 <= chosen.sum() < len(copies)
    assert size <= wanted or size == min(copies)
    if 1 in copies and min(copies) == max(copies):
        assert size == wanted


def test_kept_duplicates_stay_on_one_side(tmp_path: Path) -> None:
    account = run([ListReader(POEMS[:10] * 5 + POEMS[10:])], tmp_path, drop_duplicates=False, held_out=0.3)
    assert not set(texts(tmp_path, "train")) & set(texts(tmp_path, "held_out"))
    assert account.held_out.documents == 72
    assert account.kept.documents == 240
