"""Stop strings."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju import UserError
from zaoju.generation.stops import StopStrings


def run(stops: list[str], pieces: list[str]) -> tuple[str, str | None]:
    watch = StopStrings(stops)
    text = "".join(watch.push(piece) for piece in pieces)
    return text + watch.flush(), watch.found


@pytest.mark.parametrize(
    ("stops", "pieces", "expected"),
    [
        (["。"], ["我", "想", "。", "他"], ("我想", "。")),
        (["再见"], ["我说", "再", "见", "了"], ("我说", "再见")),
        (["再见"], ["我说再", "来"], ("我说再来", None)),
        (["b"], ["abc"], ("a", "b")),
        (["\n\n"], ["一\n", "二\n", "\n三"], ("一\n二", "\n\n")),
        (["abc", "bc"], ["xabc"], ("x", "abc")),
        (["xabc", "ab"], ["xabc"], ("x", "ab")),
        (["aab"], ["a", "a", "a", "b"], ("a", "aab")),
        ([], ["a", "b"], ("ab", None)),
    ],
)
def test_cases(stops: list[str], pieces: list[str], expected: tuple[str, str | None]) -> None:
    assert run(stops, pieces) == expected


def test_holds_back_no_more_than_may_become_a_stop_string() -> None:
    watch = StopStrings(["再见了朋友"])
    assert watch.push("我们说再") == "我们说"
    assert watch.push("来") == "再来"


def test_nothing_comes_after_the_end() -> None:
    watch = StopStrings(["。"])
    assert (watch.push("好。"), watch.push("坏。"), watch.flush()) == ("好", "", "")


def test_an_empty_stop_string_is_refused() -> None:
    with pytest.raises(UserError, match="empty"):
        StopStrings(["a", ""])


texts = st.text(alphabet="ab。", max_size=14)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(texts, st.lists(st.text(alphabet="ab。", min_size=1, max_size=4), max_size=3), st.data())
def test_does_not_depend_on_how_the_text_is_cut(text: str, stops: list[str], data: st.DataObject) -> None:
    """The definition, character by character: the text ends when it first ends in a stop string, the longest one."""
    expected: tuple[str, str | None] = (text, None)
    for end in range(1, len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            longest = max(found, key=len)
            expected = (text[: end - len(longest)], longest)
            break
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    edges = [0, *cuts, len(text)]
    pieces = [text[start:end] for start, end in pairwise(edges)]
    assert run(stops, pieces) == expected
