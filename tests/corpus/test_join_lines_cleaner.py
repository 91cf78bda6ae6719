from __future__ import annotations

import textwrap
from collections.abc import Iterable

import pytest
from cleaning import changes, cleaned, cleaner

from zaoju import Document
from zaoju_builtin.readers.options import StoriesOptions
from zaoju_builtin.readers.stories import StoriesReader

WIDTH = 30


def paragraphs() -> list[str]:
    """Long enough to be wrapped; of several stories each."""
    stories = [
        item.text.replace("\n", "")
        for item in StoriesReader(StoriesOptions(documents=120)).read()
        if isinstance(item, Document)
    ]
    return ["".join(stories[start : start + 2]) for start in range(0, len(stories), 2)]


def wrapped(texts: Iterable[str], indent: str, between: str) -> str:
    """As an old mail program would: so many characters a line, whatever they are."""
    return between.join("\n".join(textwrap.wrap(indent + text, WIDTH, drop_whitespace=False)) for text in texts)


@pytest.mark.parametrize(("indent", "between"), [("\u3000\u3000", "\n"), ("", "\n\n")])
def test_paragraphs_come_back_where_they_are_marked(indent: str, between: str) -> None:
    texts = paragraphs()
    found = cleaner("join_lines").clean(wrapped(texts, indent, between))
    joined = cleaned(found).split(between)
    assert len(joined) >= len(texts)  # never two paragraphs in one
    assert sum(text == indent + truth for text in joined for truth in texts) >= 0.9 * len(texts)
    assert changes(found)["lines_joined"] > 100


def test_without_marks_no_line_that_ends_a_sentence_is_joined() -> None:
    texts = paragraphs()
    whole = cleaned(cleaner("join_lines").clean(wrapped(texts, "", "\n")))
    assert "".join(whole.split("\n")) == "".join(texts)
    for line in wrapped(texts, "", "\n").split("\n"):
        if line.endswith("。"):
            assert line + "\n" in whole + "\n"


def test_blank_lines_between_all_lines_are_seen_through() -> None:
    texts = [text for text in paragraphs() if len(text) > WIDTH * 2]
    spaced = "\n\n\n".join("\n\n".join(textwrap.wrap(text, WIDTH)) for text in texts)
    assert cleaned(cleaner("join_lines").clean(spaced)).count("\n\n\n") >= len(texts) - 1
    assert changes(cleaner("join_lines").clean(spaced))["lines_joined"] > 50


VERSE = "\n".join(["春眠不觉晓，处处闻啼鸟。", "夜来风雨声，花落知多少。"] * 6)
LONG_VERSE = "\n".join(
    ["滚滚长江东逝水浪花淘尽英雄是非成败转头空青山依旧在，"] * 4
    + ["白发渔樵江渚上惯看秋月春风一壶浊酒喜相逢古今多少事。"] * 4
)
LIST = "\n".join(f"{number}. 这是清单里的第{number}条写得不长也不短刚好这么宽的一行字" for number in range(1, 10))
SPEECH = "\n".join(
    ["“你今天为什么没有来公园里和我们一起看花呢，”她问我道。", "“我昨天晚上没有睡好所以今天早上起得很晚很晚，”我说。"]
    * 5
)
HEADINGS = "\n".join(
    f"第{number}章　关于这本书里第{number}个人物的全部故事和他后来的事" for number in "一二三四五六七八九"
)


@pytest.mark.parametrize("text", [VERSE, LONG_VERSE, LIST, SPEECH, HEADINGS, "一行\n又一行", ""])
def test_lines_that_are_meant_stay(text: str) -> None:
    assert cleaner("join_lines").clean(text) == text


def test_latin_words_get_their_blank_back() -> None:
    text = textwrap.fill(
        "We read about the transformer and the attention mechanism, then we wrote a small model that "
        "continues a sentence, and the result was better than anybody had expected on that day in spring.",
        40,
    )
    assert "\n" not in cleaned(cleaner("join_lines", minimum_lines=3).clean(text))
    assert "transformer and" in cleaned(cleaner("join_lines", minimum_lines=3).clean(text))
