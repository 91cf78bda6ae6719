from __future__ import annotations

import unicodedata

import pytest
from corpus_run import basic
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju import Dropped

KEPT = "0123456789０１２《》「」『』，。、；：！？“”‘’…—·（）我想你𠮷㐀豈﨑①㈠ＡＢ"
HOSTILE = st.text(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from("\r\n\t \v\f\x00\x85\u2028\u3000\u200b\u200c\u200d\ufeff\u00ad我想が\u3099e\u0301\u212b\u2329豈"),
    max_size=60,
)


def clean(text: str, **options: object) -> str | Dropped:
    return basic(**options)[1].clean(text)


@settings(deadline=None, derandomize=True, max_examples=600)
@given(HOSTILE, st.sampled_from(["NFC", "none"]))
def test_cleaning_twice_changes_nothing(text: str, normalise: str) -> None:
    once = clean(text, normalise=normalise)
    if isinstance(once, str):
        assert clean(once, normalise=normalise) == once
        assert once


@settings(deadline=None, derandomize=True, max_examples=300)
@given(HOSTILE)
def test_digits_punctuation_and_hanzi_come_through(text: str) -> None:
    def kept(part: str) -> list[str]:
        return [sign for sign in part if sign in KEPT or "CJK" in unicodedata.name(sign, "") or sign.isdecimal()]

    cleaned = clean(text)
    assert kept("" if isinstance(cleaned, Dropped) else cleaned) == [
        "\u3008" if sign == "\u2329" else "\u3009" if sign == "\u232a" else sign for sign in kept(text)
    ]


def test_ordinary_chinese_is_not_touched() -> None:
    text = f"　　「{KEPT}」\n\n第１章……\t（完）"
    assert clean("题目\n" + text) == "题目\n" + text


@pytest.mark.parametrize(
    ("dirty", "cleaned"),
    [
        ("一\r\n二\r三\x85四\u2028五\f六", "一\n二\n三\n四\n五\n六"),
        ("\ufeff春\x00\x07\u200b眠\u00ad", "春眠"),
        ("一  \n二\u3000\n", "一\n二"),
        ("一\n\n \n\t\n二", "一\n\n二"),
        ("  春眠  ", "春眠"),
        ("e\u0301", "é"),
        ("春\u200d\u200c眠", "春眠"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("豈", "豈"),
    ],
)
def test_each_rule(dirty: str, cleaned: str) -> None:
    assert clean(dirty) == cleaned


def test_without_normalisation_accents_stay_as_they_are() -> None:
    assert clean("e\u0301", normalise="none") == "e\u0301"


@pytest.mark.parametrize(
    ("text", "reason"), [("", "empty"), (" \n\u200b\ufeff", "empty"), ("春 眠 ", "too_short"), ("春", "too_short")]
)
def test_what_is_empty_or_too_short_is_dropped_with_its_reason(text: str, reason: str) -> None:
    assert clean(text, min_characters=4) == Dropped(reason)
    assert clean("春眠不觉", min_characters=4) == "春眠不觉"
