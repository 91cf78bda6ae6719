from __future__ import annotations

import pytest
from cleaning import cleaner
from gold_quality import DIALOGUES, GOOD, JUNK, POEMS

from zaoju import Document, Dropped
from zaoju_builtin.cleaners.options import QualityOptions
from zaoju_builtin.cleaners.profiles import PROFILES, Profile
from zaoju_builtin.readers.options import StoriesOptions
from zaoju_builtin.readers.stories import StoriesReader


@pytest.mark.parametrize("profile", ["web", "prose"])
@pytest.mark.parametrize("kind", GOOD)
def test_good_text_is_kept(profile: str, kind: str) -> None:
    quality = cleaner("quality", profile=profile)
    assert [quality.clean(text) for text in GOOD[kind]] == GOOD[kind]


@pytest.mark.parametrize(("profile", "texts"), [("classical_poetry", POEMS), ("dialogue", DIALOGUES)])
def test_each_profile_keeps_its_own_kind(profile: str, texts: list[str]) -> None:
    quality = cleaner("quality", profile=profile)
    assert [quality.clean(text) for text in texts] == texts


def test_stories_are_prose() -> None:
    quality = cleaner("quality", profile="prose")
    stories = [item.text for item in StoriesReader(StoriesOptions(documents=500)).read() if isinstance(item, Document)]
    kept = [text for text in stories if quality.clean(text) == text]
    assert len(kept) >= 0.98 * len(stories)


@pytest.mark.parametrize("profile", ["web", "prose"])
@pytest.mark.parametrize("kind", JUNK)
def test_junk_is_dropped(profile: str, kind: str) -> None:
    quality = cleaner("quality", profile=profile)
    assert [text for text in JUNK[kind] if not isinstance(quality.clean(text), Dropped)] == []


def test_profiles_are_what_makes_the_difference() -> None:
    """The negative control: by the rules of the web, poems and speech are junk."""
    web = cleaner("quality")
    assert all(isinstance(web.clean(text), Dropped) for text in [POEMS[0], *DIALOGUES[1:]])


@pytest.mark.parametrize(
    ("options", "text", "reason"),
    [
        ({}, "太短了。", "too_few_hanzi"),
        (
            {},
            "We read it again and again, and 我们都不太喜欢这个故事的结尾，所以又写了一个新的，可是新的也不好。"
            + " and so on" * 20,
            "low_han_share",
        ),
        ({"minimum_hanzi": 5}, "我们不知道\ufffd\ufffd为什么要\ufffd去那里。", "replacement_characters"),
        (
            {},
            "饕餮魑魅魍魉龃龉龌龊貔貅蹀躞薜荔蘼芜，觳觫饔飧蟊贼罅隙，倥偬龟裂，的一是不了在有我这个他们你就也都和说",
            "rare_hanzi",
        ),
        ({}, JUNK["keywords"][1].replace(" ", "，"), "few_function_words"),
        ({"minimum_hanzi": 5}, "|".join("我的书你的书他的书这的书是的书在的书有的书都在这里的公园"), "separators"),
        ({}, JUNK["repeated"][1], "repetition"),
        ({"maximum_repetition": 1}, "我们" * 40, "repeated_phrase"),
        (
            {},
            "\n".join(
                "这是一行字那是我的书你在不在了他要去的地方有一个人说我们都是好的"[place : place + 7]
                for place in range(20)
            ),
            "line_breaks",
        ),
        (
            {"maximum_line_breaks": 1},
            "这一行没有说完的话\n那里的人都不知道为什么\n我们去过的公园里\n你和他说的那些事情\n春天来了花也开了",
            "unended_lines",
        ),
        (
            {"maximum_repetition": 1, "maximum_top_gram": 1},
            "点击这里查看更多的精彩内容。\n" * 5 + "我不想去了。",
            "repeated_lines",
        ),
        ({}, JUNK["spam"][0], "spam"),
        (
            {"spam_words": ["公园"]},
            "我们去公园，公园里有花，公园外有河，大家都说这个公园好，那个公园不好，我也喜欢公园。",
            "spam",
        ),
    ],
)
def test_every_rule_has_its_reason(options: dict[str, object], text: str, reason: str) -> None:
    assert cleaner("quality", **options).clean(text) == Dropped(reason)


def test_every_threshold_can_be_set_by_itself() -> None:
    """A threshold of the profile without an option of its name would be out of reach."""
    assert set(Profile._fields) <= set(QualityOptions.model_fields)
    for name in PROFILES:
        assert cleaner("quality", profile=name, minimum_hanzi=1000).clean(GOOD["essay"][0]) == Dropped("too_few_hanzi")
