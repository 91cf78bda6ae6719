"""A thousand lines with one fault are one line for a person."""

from __future__ import annotations

from zaoju.contracts import Problem
from zaoju.corpus.telling import problem_lines


def test_problems_alike_are_told_once() -> None:
    same = [Problem(f"a.jsonl line {number}", "has none of the fields") for number in range(3, 8)]
    others = [Problem("b.jsonl line 1", "has none of the fields"), Problem("a.jsonl line 9", "is not JSON")]
    whole = [Problem("c.txt", "no such file")]
    assert problem_lines([*same[:2], *others, *same[2:], *whole], 20) == [
        "a.jsonl line 3: has none of the fields (and 4 more like it)",
        "b.jsonl line 1: has none of the fields",
        "a.jsonl line 9: is not JSON",
        "c.txt: no such file",
        "and 12 more",
    ]
    assert problem_lines([], 0) == []
