"""The alternatives of a report, against a stable sort of the whole vocabulary in float64."""

from __future__ import annotations

import pytest
import torch

from zaoju.generation.token_reports import reports


def cases() -> torch.Tensor:
    """Rows with ties, signs, zeros of both signs and tokens that the model excludes."""
    generator = torch.Generator().manual_seed(1)
    ordinary = torch.randn(6, 500, generator=generator) * 4
    ordinary[1] = ordinary[1].round()
    ordinary[2] = 0.0
    ordinary[2, ::3] = -0.0
    ordinary[3, 7:] = float("-inf")
    ordinary[4] = ordinary[4].abs() * 1e4
    ordinary[5] = -ordinary[5].abs()
    return ordinary


@pytest.mark.parametrize("count", [0, 1, 5, 499, 500, 900])
def test_against_a_sort(count: int) -> None:
    raw = cases()
    after = (raw * 0.5).masked_fill(raw < 0, float("-inf"))
    after[:, 3] = 1.0
    tokens, counts = [3] * len(raw), [count, 2, count, 3, count, 1]
    given = reports(raw, after, tokens, counts, str)
    for row, one, most in zip(range(len(raw)), given, counts, strict=True):
        logprobs = raw[row].double().log_softmax(0)
        best = logprobs.sort(descending=True, stable=True).indices[:most].tolist()
        assert [other.token for other in one.top] == best
        assert [other.logprob for other in one.top] == logprobs[best].tolist()
        assert [other.text for other in one.top] == [str(token) for token in best]
        assert (one.token, one.text, one.logprob) == (3, "3", float(logprobs[3]))
        assert one.sampled_logprob == float(after[row].double().log_softmax(0)[3])


def test_a_row_has_the_same_report_in_any_company() -> None:
    raw = cases()
    together = reports(raw, raw, [3] * len(raw), [4] * len(raw), str)
    assert [reports(row[None], row[None], [3], [4], str)[0] for row in raw] == together
