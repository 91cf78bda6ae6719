"""The constraint `regex`, judged by Python's `re`."""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from following import any_cut, follow, random_walk, writes

from zaoju import TokenTable, UserError
from zaoju.testing.byte_table import ByteTable
from zaoju_builtin.decoding.constraints.options import RegexOptions
from zaoju_builtin.decoding.constraints.regex import Regex

# Pattern, texts that match, texts that do not.
CASES = [
    ("我|你们", ["我", "你们"], ["", "你", "我们", "我我"]),
    ("春天?来{2,3}", ["春来来", "春天来来来"], ["春天来", "春来来来来"]),
    (r"[一-龥]{5}，[一-龥]{5}。", ["春江潮水连，海上明月共。"], ["春江潮水连，海上明月共", "春江潮水连,海上明月共。"]),
    (r"(甲|乙|丙)*丁", ["丁", "甲乙丙甲丁"], ["", "甲", "丁丁"]),
    (r"[^我]{1,4}", ["春", "é😀a\r", "a/b\\"], ["我", "春我", ".....", ""]),
    (r"[0-9]{4}年[0-9]{1,2}月", ["2024年5月", "0000年12月"], ["24年5月", "2024年5"]),
    (r"😀{2}(a/b|a\\b)", ["😀😀a/b", r"😀😀a\b"], ["😀a/b", "😀😀ab"]),
    ("a?\n\\\nb", ["a\n\nb", "\n\nb"], ["a\nb", "a\n\\\nb"]),
    ("^(?:ab){1,3}$", ["ab", "ababab"], ["", "aab", "abababab"]),
    ("a{0,3}", ["", "a", "aaa"], ["aaaa", "b"]),
]


def regex(pattern: str) -> Regex:
    return Regex(RegexOptions(pattern=pattern))


@pytest.mark.parametrize(("pattern", "right", "wrong"), CASES)
def test_texts_that_match_can_be_written_in_every_spelling_and_no_others(
    table: TokenTable, pattern: str, right: list[str], wrong: list[str]
) -> None:
    matcher = regex(pattern).compile(table)
    choice = random.Random(1)
    for text in right:
        assert re.fullmatch(pattern, text)
        assert writes(matcher, table, text)
        for _ in range(5):
            assert writes(matcher, table, text, any_cut(text, table, choice))
    for text in wrong:
        assert not re.fullmatch(pattern, text)
        assert not writes(matcher, table, text)


@pytest.mark.parametrize("pattern", [pattern for pattern, _, _ in CASES])
def test_random_texts_match_and_may_end_exactly_where_they_do(table: TokenTable, pattern: str) -> None:
    matcher = regex(pattern).compile(table)
    for seed in range(10):
        text, ends = random_walk(matcher, table, seed)
        assert re.fullmatch(pattern, text.decode())
        for beginning, may_end in ends:
            assert may_end == _matches(pattern, beginning)


def _matches(pattern: str, beginning: bytes) -> bool:
    try:
        return re.fullmatch(pattern, beginning.decode()) is not None
    except UnicodeDecodeError:
        return False  # it ends inside a character


def test_a_text_without_bounds_may_go_on(table: TokenTable) -> None:
    matcher = follow(regex("(春|江)+").compile(table), table.encode("春江" * 200))
    assert writes(matcher, table, "春") and writes(matcher, table, "")


def test_forks_go_on_by_themselves(table: TokenTable) -> None:
    first = follow(regex("我(春|江){2}|我。").compile(table), table.encode("我"))
    before = first.allowed()
    second = first.fork()
    follow(second, table.encode("春"))
    third = follow(second.fork(), table.encode("江"))
    assert first.allowed().equal(before)
    assert writes(first, table, "。") and not writes(second, table, "。")
    assert writes(second, table, "春") and writes(third, table, "")


def test_threads_may_fork_one_matcher(table: TokenTable) -> None:
    matcher = regex("([一-龥]{2,4}，){3}.{0,20}").compile(table)
    alone = [random_walk(matcher, table, seed) for seed in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda seed: random_walk(matcher, table, seed), range(40))) == alone


def test_one_constraint_serves_several_vocabularies(table: TokenTable) -> None:
    constraint = regex("春+")
    for one in (table, ByteTable(), table):
        assert writes(constraint.compile(one), one, "春春")


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("[春", "unclosed character class"),
        ("(春", "unclosed group"),
        ("(?=春)", "look-around"),
        (r"(春)\1", "backreferences are not supported"),
        (r"\b春", "lookarounds not supported"),
        ("春\\", "lexer error"),
    ],
)
def test_a_pattern_that_cannot_be_is_refused_with_the_reason(table: TokenTable, pattern: str, complaint: str) -> None:
    with pytest.raises(UserError, match=f"(?s)^constraint regex: .*{re.escape(complaint)}") as caught:
        regex(pattern).compile(table)
    assert "<" not in str(caught.value)


def test_a_pattern_that_grows_beyond_all_bounds_ends_in_an_error() -> None:
    table, choice = ByteTable(), random.Random(6)
    matcher = regex("(.*a.{300}){3}").compile(table)
    text = "".join(choice.choice("ab") for _ in range(2000))
    with pytest.raises(UserError, match=r"constraint regex: the text cannot be followed further: .*too many"):
        follow(matcher, table.encode(text))
