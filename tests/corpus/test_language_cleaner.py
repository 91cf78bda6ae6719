from __future__ import annotations

import pytest
from cleaning import cleaner

from zaoju import Dropped


@pytest.mark.parametrize(
    "text",
    [
        "我想去公园看花，天气真好，花也开了。",
        "我想去公園看花，天氣真好，花也開了。",
        "用 React 和 TypeScript 写一个 Hello World 程序，需要先安装 Node.js 和 npm。",
        "他会说日语的“ありがとう”这一个词，别的都不会说，所以学得很慢，大家都笑他。",
        "好",
        "OK!",
        "12345 67890 ……",
    ],
)
def test_chinese_and_what_says_too_little_stay(text: str) -> None:
    assert cleaner("language").clean(text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("私は昨日、公園で花を見ました。とてもきれいでした。", "japanese"),
        ("나는 어제 공원에서 꽃을 보았습니다. 정말 아름다웠습니다.", "korean"),
        ("Вчера я был в парке и смотрел на цветы.", "other_script"),
        ("Yesterday I went to the park with my mother, and we saw a lot of flowers.", "too_few_hanzi"),
    ],
)
def test_other_languages_go_with_their_reason(text: str, reason: str) -> None:
    assert cleaner("language").clean(text) == Dropped(reason)


def test_the_thresholds_are_options() -> None:
    english = "Yesterday I went to the park with my mother, and we saw a lot of flowers."
    assert cleaner("language", minimum_han=0).clean(english) == english
    assert cleaner("language", minimum_letters=1).clean("OK!") == Dropped("too_few_hanzi")
