from __future__ import annotations

from pathlib import Path

import pytest
from cleaning import changes, cleaned, cleaner

from zaoju import Document, Dropped
from zaoju_builtin.readers.options import StoriesOptions
from zaoju_builtin.readers.stories import StoriesReader

TRUTH = "王芳和妈妈一起去公园看花，她们走了很远的路，又累又高兴。\n“明天还来吗？”她问道，妈妈笑着点了点头。"


def as_cp1252(data: bytes) -> str:
    """As Windows reads it: the five bytes that cp1252 leaves open become control characters."""
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in data)


SPOILED = {
    "utf8_as_latin1": TRUTH.encode().decode("latin-1"),
    "utf8_as_cp1252": as_cp1252(TRUTH.encode()),
    "twice": as_cp1252(as_cp1252(TRUTH.encode()).encode()),
    "gbk_as_latin1": TRUTH.encode("gbk").decode("latin-1"),
    "gbk_as_cp1252": as_cp1252(TRUTH.encode("gbk")),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_exact_readings_are_undone(kind: str) -> None:
    found = cleaner("mojibake").clean(SPOILED[kind])
    assert cleaned(found) == TRUTH
    assert sum(changes(found).values()) == 2


def test_utf8_read_as_gbk_is_undone_where_the_bytes_are_all_there() -> None:
    truth = "春天来了花开满地"  # an even number of characters, whose bytes pair up
    spoiled = truth.encode().decode("gbk")
    assert spoiled.startswith("鏄ュぉ")
    assert cleaned(cleaner("mojibake").clean(spoiled)) == truth


def test_big5_read_as_gbk_is_undone() -> None:
    truth = "今天天氣很好我們一起出去走走"
    spoiled = truth.encode("big5").decode("gb18030")
    assert cleaned(cleaner("mojibake").clean(spoiled)) == truth


@pytest.mark.parametrize(
    ("kind", "spoiled"),
    [
        ("utf8_as_gbk", TRUTH.replace("\n", "").encode().decode("gbk", "replace")),
        ("gbk_as_utf8", TRUTH.encode("gbk").decode("utf-8", "replace")),
        ("gbk_as_utf8", TRUTH.encode("gbk").decode("utf-8", "replace").encode().decode("gbk", "replace")),
        ("utf8_as_latin1", TRUTH.encode().decode("cp1252", "replace")),
    ],
)
def test_what_is_lost_is_dropped_with_its_kind(kind: str, spoiled: str) -> None:
    assert cleaner("mojibake").clean(spoiled) == Dropped(kind)
    assert cleaned(cleaner("mojibake", beyond_repair="keep").clean(spoiled))


def test_one_bad_line_does_not_drop_a_long_document() -> None:
    lost = "王芳去公园看花".encode("gbk").decode("utf-8", "replace")
    text = "\n".join([TRUTH] * 20 + [lost])
    assert cleaner("mojibake").clean(text) == text
    assert cleaner("mojibake", maximum_damaged=0.001).clean(text) == Dropped("gbk_as_utf8")


def test_a_bad_line_among_good_ones_is_read_back() -> None:
    found = cleaner("mojibake").clean("标题没有坏\n" + SPOILED["gbk_as_latin1"] + "\n结尾也没有坏")
    assert cleaned(found) == f"标题没有坏\n{TRUTH}\n结尾也没有坏"
    assert changes(found) == {"gbk_as_latin1": 2}


def test_a_spoiled_part_of_a_line_is_read_back() -> None:
    assert cleaned(cleaner("mojibake").clean("标题：" + "春天来了".encode().decode("latin-1"))) == "标题：春天来了"


@pytest.mark.parametrize(
    "text",
    [
        "联通公司的电话",  # these bytes made an old Notepad think of UTF-8
        "Müller aß süße Äpfel für 3 € – “très bien”, déjà vu, ça va, à bientôt",
        "温度为25°C±2，长×宽×高，§3，½杯，·",
        "饕餮盛宴，魑魅魍魉，龃龉龌龊，貔貅蹀躞",
        "……——“”‘’•™€",
        "한국어 텍스트와 日本語のテキスト",
        "锟斤拷是一个有名的乱码",
    ],
)
def test_what_only_looks_odd_is_left_alone(text: str) -> None:
    assert cleaner("mojibake").clean(text) == text


def test_clean_stories_are_never_touched() -> None:
    mojibake = cleaner("mojibake")
    stories = [item.text for item in StoriesReader(StoriesOptions(documents=500)).read() if isinstance(item, Document)]
    assert [mojibake.clean(text) for text in stories] == stories


def test_poems_of_the_samples_are_never_touched() -> None:
    text = (Path(__file__).parents[1] / "testing" / "samples" / "poems.txt").read_text("utf-8")
    assert cleaner("mojibake").clean(text) == text
