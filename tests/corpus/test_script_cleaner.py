from __future__ import annotations

from pathlib import Path

import pytest
from cleaning import cleaner
from hypothesis import given, settings
from hypothesis import strategies as st

CONVERSIONS = ["t2s", "s2t", "tw2s", "s2tw", "tw2sp", "s2twp", "hk2s", "s2hk", "t2tw", "tw2t", "t2hk", "hk2t"]
CLEANERS = {conversion: cleaner("script", conversion=conversion) for conversion in CONVERSIONS}


def test_phrases_decide() -> None:
    assert cleaner("script").clean("頭髮的發展，乾隆年間的乾燥，皇后之後") == "头发的发展，乾隆年间的干燥，皇后之后"
    assert cleaner("script", conversion="s2t").clean("头发的发展") == "頭髮的發展"
    assert cleaner("script", conversion="tw2sp").clean("軟體和滑鼠") == "软件和鼠标"


@pytest.mark.parametrize("conversion", CONVERSIONS)
@settings(deadline=None, derandomize=True, max_examples=100)
@given(text=st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), max_size=30))
def test_converting_twice_changes_nothing(conversion: str, text: str) -> None:
    once = CLEANERS[conversion].clean(text)
    assert CLEANERS[conversion].clean(once) == once


def test_what_is_in_the_script_already_stays() -> None:
    text = "第１条：《春》「是」，0123456789。"
    assert cleaner("script").clean(text) == text


def test_a_file_in_the_working_folder_is_not_taken_for_the_dictionary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t2s.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert cleaner("script").clean("頭髮") == "头发"
