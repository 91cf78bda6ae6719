"""Windows over long documents."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju.evaluation.windows import overlapping_windows


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(2, 90), st.integers(1, 20))
def test_every_token_is_scored_once_with_half_a_context_before_it(length: int, context_length: int) -> None:
    tokens = list(range(length))
    scored: list[int] = []
    for window, count in overlapping_windows(tokens, context_length):
        assert 2 <= len(window) <= context_length + 1 and 0 < count < len(window)
        assert window == tokens[window[0] : window[-1] + 1]
        for token in window[len(window) - count :]:
            scored.append(token)
            assert token - window[0] >= min(token, context_length // 2)
    assert scored == tokens[1:]


def test_a_document_that_fits_is_one_window() -> None:
    assert [count for _, count in overlapping_windows(range(9), 8)] == [8]
