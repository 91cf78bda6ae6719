from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_segmenters import Changing, Dropping, Forgetful

from zaoju import Options, PluginError, UserError
from zaoju.tokenization import LosslessSegmenter, align

HOSTILE = st.text(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from("我想你 \n\t\r\0\u3000\u200b\u200d\ufeff\u0301\u0085\u2028Ａa𠮷👧"),
    max_size=40,
)


@pytest.mark.parametrize(
    ("text", "pieces", "aligned"),
    [
        ("我想你", ["我", "想你"], ["我", "想你"]),
        ("我 想\n你", ["我", "想", "你"], ["我", " ", "想", "\n", "你"]),
        ("　\n我　", ["我"], ["　\n", "我", "　"]),
        ("我\0\u200b想", ["我", "想"], ["我", "\0\u200b", "想"]),
        ("我 想 你", ["我想你"], ["我", " ", "想", " ", "你"]),
        ("  a  b", [" a", "b"], [" ", " a", "  ", "b"]),
        ("我  我", ["我", " 我"], ["我", " ", " 我"]),
        (" \n ", [], [" \n "]),
        ("我", ["", "我", ""], ["我"]),
        ("", [], []),
        ("", [""], []),
    ],
)
def test_what_was_dropped_comes_back_as_pieces_of_its_own(text: str, pieces: list[str], aligned: list[str]) -> None:
    assert align(text, pieces) == aligned


@settings(deadline=None, derandomize=True, max_examples=400)
@given(HOSTILE, st.lists(st.integers(0, 40), max_size=12), st.data())
def test_any_cut_with_anything_invisible_dropped_is_put_right(text: str, cuts: list[int], data: st.DataObject) -> None:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[start:end] for start, end in pairwise(places)]
    dropped = [
        "".join(sign for sign in piece if unicodedata.category(sign)[0] not in "ZC" or data.draw(st.booleans()))
        for piece in pieces
    ]
    aligned = align(text, dropped)
    assert "".join(aligned) == text
    assert "" not in aligned


@settings(deadline=None, derandomize=True, max_examples=200)
@given(HOSTILE, HOSTILE)
def test_pieces_of_another_text_are_never_accepted(text: str, other: str) -> None:
    def seen(part: str) -> str:
        return "".join(sign for sign in part if unicodedata.category(sign)[0] not in "ZC")

    if seen(text) != seen(other):
        with pytest.raises(UserError):
            align(text, other.split())


@pytest.mark.parametrize(
    ("pieces", "place"),
    [
        (
            ["今天", "天汽", "真好"],
            "after '今天', at character 3, the text goes on '天气真好', but it gave the piece '天汽'",
        ),
        (["今天", "真好"], "at character 3"),
        (["今天", "天气"], "after '今天天气', at character 5, the text goes on '真好', but it gave nothing more"),
        (["今天", "天气", "真好", "啊"], "at character 7, the text goes on '', but it gave the piece '啊'"),
        (["天气", "今天", "真好"], "at character 1"),
        ([], "at character 1"),
    ],
)
def test_changed_lost_and_added_text_is_an_error_with_the_place(pieces: list[str], place: str) -> None:
    with pytest.raises(UserError, match=f"segmenter 'mine' changes the text.*{place}"):
        align("今天天气真好", pieces, "mine")


def test_the_message_shows_twenty_characters_on_either_side() -> None:
    text = "前" * 100 + "错" + "后" * 100
    with pytest.raises(UserError) as caught:
        align(text, ["前" * 100, "对"])
    assert f"'{'前' * 20}'" in str(caught.value)
    assert f"'错{'后' * 19}'" in str(caught.value)


def test_a_million_dropped_blanks_are_no_trouble() -> None:
    text = "我" + " " * 1_000_000 + "想"
    assert align(text, ["我", "想"]) == ["我", " " * 1_000_000, "想"]


def test_a_segmenter_that_drops_becomes_lossless() -> None:
    segmenter = LosslessSegmenter(Dropping(Options()))
    assert segmenter.pieces(" 我 想\n") == [" ", "我", " ", "想", "\n"]
    assert segmenter.pieces_of_all(["我 想", ""]) == [["我", " ", "想"], []]


def test_a_segmenter_that_changes_text_is_named() -> None:
    assert LosslessSegmenter(Changing(Options())).pieces("我 A") == ["我", " ", "A"]
    with pytest.raises(UserError, match="segmenter 'Changing'"):
        LosslessSegmenter(Changing(Options())).pieces("我 Ａ")
    with pytest.raises(UserError, match="segmenter 'mine'"):
        LosslessSegmenter(Changing(Options()), "mine").pieces("我 Ａ")


def test_a_batch_with_a_text_missing_is_refused() -> None:
    with pytest.raises(PluginError, match="gave 1 results for 2 texts"):
        LosslessSegmenter(Forgetful(Options())).pieces_of_all(["我", "想"])


@pytest.mark.parametrize("lost", ["，", "1", "𠮷", "\u0301", "\ufe0f", "…", "$"])
def test_only_the_invisible_may_be_dropped(lost: str) -> None:
    with pytest.raises(UserError, match="at character 2"):
        align(f"我{lost}想", ["我", "想"])
