"""The lean runner in other numbers than those of the training, and within a bound on its memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from support.small_models import small_gpt2
from zaoju import UserError
from zaoju.generation import LeanRunner, LeanRunnerOptions
from zaoju.models import has_bfloat16

PROMPTS = [[1, 2, 3, 4, 5], [9], [8, 7, 6], [11] * 12, [3, 1, 4, 1, 5, 9, 2, 6]]
PRECISIONS = ["float32", "int8", *(["bfloat16"] if has_bfloat16(torch.device("cpu")) else [])]
CLOSE = {"float32": 1e-5, "int8": 0.05, "bfloat16": 0.05}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    small_gpt2(90, 64).save(tmp_path)
    return tmp_path


def opened(folder: Path, **options: object) -> LeanRunner:
    return LeanRunner.open(folder, device="cpu", options=LeanRunnerOptions.model_validate(options))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_logits_are_those_of_float32_up_to_rounding(folder: Path, precision: str) -> None:
    exact, rounded = LeanRunner(small_gpt2(90, 64)), opened(folder, precision=precision)
    (rows, expected), (others, given) = exact.prefill(PROMPTS), rounded.prefill(PROMPTS)
    for step in range(6):
        assert given.dtype == torch.float32
        error = (given - expected).norm() / expected.norm()
        assert error < CLOSE[precision]
        tokens = [(7 * step + number) % 90 for number in range(len(rows))]
        expected, given = exact.step(rows, tokens), rounded.step(others, tokens)
    score = torch.cat(rounded.score(PROMPTS[2:])) - torch.cat(exact.score(PROMPTS[2:]))
    assert score.abs().max() < 40 * CLOSE[precision]


def test_int8_gives_a_row_the_same_logits_in_every_company(folder: Path) -> None:
    runner = opened(folder, precision="int8")
    rows, _ = runner.prefill([[5, 6, 7]] * 9)
    together = runner.step(rows, [3] * 9)
    [alone], _ = runner.prefill([[5, 6, 7]])
    torch.testing.assert_close(together, runner.step([alone], [3]).expand(9, -1), rtol=1e-5, atol=1e-5)


def test_bfloat16_halves_the_cache(folder: Path) -> None:
    if "bfloat16" in PRECISIONS:
        assert opened(folder, precision="bfloat16").row_bytes(10) * 2 == opened(folder).row_bytes(10)


class TestMemory:
    def test_the_cache_stays_within_it(self, folder: Path) -> None:
        runner = opened(folder, memory=0.001)
        most = runner.most_rows(64) or 0
        assert 0 < most == int(0.001 * 2**30) // runner.row_bytes(64)
        rows, _ = runner.prefill([[1] * 64] * most)
        with pytest.raises(UserError, match="let fewer texts run at once"):
            runner.prefill([[1] * 64])
        runner.drop(rows)
        runner.prefill([[1] * 64])
        assert runner._cache.bytes <= 0.001 * 2**30

    def test_more_than_there_is_is_refused(self, folder: Path) -> None:
        with pytest.raises(UserError, match=r"memory 1e\+06 GiB was asked for, and .* GiB are free here"):
            opened(folder, memory=1e6)

    def test_without_it_most_of_what_is_free_is_taken(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("zaoju.generation.lean_runner.free_memory", lambda device: 10_000_000)
        runner = opened(folder, precision="int8")
        assert runner.most_rows(1) == 8_000_000 // runner.row_bytes(1)
        monkeypatch.setattr("zaoju.generation.lean_runner.free_memory", lambda device: None)
        assert opened(folder).most_rows(1) is None


def test_a_model_is_laid_out_once(folder: Path) -> None:
    runner = opened(folder)
    with pytest.raises(RuntimeError, match="laid out for decoding already"):
        runner.model.lay_out(lambda weight, bias: torch.nn.Identity())
