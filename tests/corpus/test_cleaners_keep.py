"""Whatever a cleaner does, digits, hanzi, 《》 and 「」 come through, and what is clean stays clean."""

from __future__ import annotations

import unicodedata

import pytest
from cleaning import HOSTILE, cleaned, cleaner
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju import Dropped

CHANGERS = ["basic", "unicode", "join_lines", "repeated_lines"]
NAMES = [*CHANGERS, "mojibake", "language", "quality", "personal_data", "script"]
CLEANERS = {name: cleaner(name) for name in NAMES}
UNICODE_TABLE = cleaner("unicode", form="none")
SETTINGS = settings(deadline=None, derandomize=True, max_examples=300)
CLEAN = """　　《春晓》是唐代诗人孟浩然的作品，写于公元７００年前后，共２０字。
　　他说：「春天来了，花开了一地。」——我想，这样的早晨不会再有了……
　　第一条　为了保护公民的合法权益，根据宪法，制定本法（2020年5月28日通过）。"""


def kept_signs(text: str) -> list[str]:
    """Digits by their value, and the signs that must not change, in order."""
    signs = []
    for sign in text:
        if sign.isdecimal():
            signs.append(str(unicodedata.decimal(sign)))
        elif sign in "《》「」" or "CJK UNIFIED" in unicodedata.name(sign, ""):
            signs.append(sign)
    return signs


@pytest.mark.parametrize("name", CHANGERS)
@SETTINGS
@given(text=HOSTILE)
def test_digits_hanzi_and_quotes_come_through(name: str, text: str) -> None:
    if name == "unicode":
        text = cleaned(UNICODE_TABLE.clean(text))  # a radical becomes a hanzi, on purpose
    found = CLEANERS[name].clean(text)
    kept = kept_signs("" if isinstance(found, Dropped) else cleaned(found))
    if name == "repeated_lines":
        assert set(kept) == set(kept_signs(text)) or "页" in text or "/" in text or "-" in text
    else:
        assert kept == kept_signs(text)


@pytest.mark.parametrize("name", NAMES)
@SETTINGS
@given(text=HOSTILE | st.lists(HOSTILE, max_size=9).map("\n".join))
def test_cleaning_twice_changes_nothing(name: str, text: str) -> None:
    once = CLEANERS[name].clean(text)
    if not isinstance(once, Dropped):
        assert cleaned(CLEANERS[name].clean(cleaned(once))) == cleaned(once)


@pytest.mark.parametrize("name", ["join_lines", "repeated_lines", "mojibake", "language", "personal_data", "script"])
def test_clean_chinese_is_not_touched(name: str) -> None:
    assert CLEANERS[name].clean(CLEAN) == CLEAN


def test_every_cleaner_in_one_chain_leaves_clean_chinese_alone() -> None:
    text = CLEAN.replace("７００", "700").replace("２０", "20").replace("条　为", "条 为").strip()
    for name in [
        "mojibake",
        "basic",
        "unicode",
        "join_lines",
        "repeated_lines",
        "language",
        "quality",
        "personal_data",
    ]:
        assert CLEANERS[name].clean(text) == text, name
