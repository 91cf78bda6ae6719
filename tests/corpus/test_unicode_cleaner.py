from __future__ import annotations

import unicodedata

import pytest
from cleaning import changes, cleaned, cleaner
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju import Dropped


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ＧＰＴ－２用了１２８个", "GPT－2用了128个"),
        ("（注：第１条！）～", "（注：第1条！）～"),
        ("⼀⽉⻅⻓⻢⺠", "一月见长马民"),
        ("甲\u00a0乙\u2003丙\u3000\u3000丁", "甲 乙 丙  丁"),
        ("\u3000\u3000段首\u3000中", "\u3000\u3000段首 中"),
        ("葛\U000e0100城", "葛城"),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
        ("豈更", "豈更"),
        ("e\u0301", "é"),
        ("Ａ\u0301", "Á"),
        ("①㈠…", "①㈠…"),
    ],
)
def test_each_rule(before: str, after: str) -> None:
    assert cleaned(cleaner("unicode").clean(before)) == after


def test_every_rule_can_be_switched_off() -> None:
    text = "Ａ１⼀\u3000中\u3000\ue000葛\U000e0100e\u0301"
    off = cleaner(
        "unicode",
        letters_and_digits="keep",
        radicals="keep",
        spaces="keep",
        private_use="keep",
        variation_selectors="keep",
        form="none",
    )
    assert off.clean(text) == text


def test_private_use_is_counted_or_dropped() -> None:
    found = cleaner("unicode").clean("想\ue000\ue001你\uf8ff")
    assert cleaned(found) == "想你"
    assert changes(found) == {"private_use": 2}
    assert cleaner("unicode", private_use="drop").clean("想\ue000") == Dropped("private_use")


def test_nfkc_is_lossy_and_only_on_request() -> None:
    assert cleaned(cleaner("unicode", form="NFKC").clean("（①……㈠）")) == "(1......(一))"


def test_compatibility_hanzi_on_request() -> None:
    assert cleaned(cleaner("unicode", compatibility_hanzi="unified").clean("豈")) == "\u8c48"


def test_indents_on_request() -> None:
    assert cleaned(cleaner("unicode", indents="remove").clean("\u3000\u3000段\n \t首\n末")) == "段\n首\n末"


UNICODE = cleaner("unicode")


@settings(deadline=None, derandomize=True, max_examples=500)
@given(st.text(st.characters(categories=["N", "P", "Zs"]) | st.sampled_from("０１２３４５６７８９①⑩㈠Ⅳ"), max_size=40))
def test_digits_in_are_digits_out(text: str) -> None:
    """Data-Juicer's map of punctuation writes a quote for １, for example."""

    def digits(part: str) -> list[int]:
        return [unicodedata.decimal(sign) for sign in part if sign.isdecimal()]

    assert digits(cleaned(UNICODE.clean(text))) == digits(text)
