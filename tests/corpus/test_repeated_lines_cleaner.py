from __future__ import annotations

import pytest
from cleaning import changes, cleaned, cleaner


def test_headers_and_page_numbers_go_but_the_first_header_stays() -> None:
    pages = [f"春天的故事 王芳著\n这是第{number}页上的一段话，只有一次。\n- {number} -" for number in range(1, 5)]
    found = cleaner("repeated_lines").clean("\n".join(pages))
    assert cleaned(found).count("春天的故事 王芳著") == 1
    assert "- 2 -" not in cleaned(found)
    assert all(f"这是第{number}页" in cleaned(found) for number in range(1, 5))
    assert changes(found) == {"repeated_lines": 3, "page_numbers": 4}


@pytest.mark.parametrize(
    "number", ["第 3 页", "第3页 共9页", "第 3 页/共 9 页", "— 3 —", "3 / 9", "Page 3 of 9", "p. 3"]
)
def test_every_way_to_write_a_page_number(number: str) -> None:
    text = "\n".join(
        f"一段话{letter}。\n" + number.replace("3", str(place)) for place, letter in enumerate("甲乙丙", 1)
    )
    assert cleaned(cleaner("repeated_lines").clean(text)) == "一段话甲。\n一段话乙。\n一段话丙。"
    assert cleaner("repeated_lines", page_numbers=False).clean(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "“好。”\n她说。\n“好。”\n他说。\n“好。”",  # speech
        "首页\n正文。\n首页",  # twice only
        "1\n2\n3\n4",  # numbers that may be a table
        "3\n甲。\n3\n乙。\n3\n丙。",
    ],
)
def test_what_may_be_meant_stays(text: str) -> None:
    assert cleaner("repeated_lines").clean(text) == text


def test_a_long_sentence_is_a_footer() -> None:
    footer = "本网站所有内容未经许可不得以任何方式转载或者复制。"
    text = f"甲。\n{footer}\n乙。\n{footer}\n丙。\n{footer}"
    assert cleaned(cleaner("repeated_lines").clean(text)) == f"甲。\n{footer}\n乙。\n丙。"
