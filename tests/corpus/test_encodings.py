"""Which encoding bytes are in: every encoding, short texts, damage, and what is no text."""

from __future__ import annotations

import random

import pytest

from zaoju.contracts import Document
from zaoju.corpus.binary_kinds import binary_kind
from zaoju.corpus.encodings import Encoding, NoEncoding, detect_encoding
from zaoju_builtin.readers.options import StoriesOptions
from zaoju_builtin.readers.stories import StoriesReader

SIMPLIFIED = (
    "那天早上下了一场小雨，街上的人都打着伞。小王站在车站旁边，等了很久也没有看到他的朋友。",
    "我们学校的图书馆里有很多旧书，有些书已经没有人读了，但是老师说它们仍然很重要。",
    "从前有一个人住在山里，他每天都要走很远的路去打水，直到有一天他发现了一口井。",
)
TRADITIONAL = (
    "那天早上下了一場小雨，街上的人都打著傘。小王站在車站旁邊，等了很久也沒有看到他的朋友。",
    "我們學校的圖書館裡有很多舊書，有些書已經沒有人讀了，但是老師說它們仍然很重要。",
    "從前有一個人住在山裡，他每天都要走很遠的路去打水，直到有一天他發現了一口井。",
)
SAME_AS = {"gbk": "gb18030", "gb2312": "gb18030", "big5": "cp950"}
ENCODINGS = ("utf-8", "gb18030", "gbk", "gb2312", "big5", "cp950", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


def found(data: bytes) -> Encoding:
    answer = detect_encoding([data])
    assert isinstance(answer, Encoding), answer
    return answer


def texts(encoding: str) -> tuple[str, ...]:
    return TRADITIONAL if encoding in ("big5", "cp950", "big5hkscs") else SIMPLIFIED


@pytest.mark.parametrize("length", [8, 20, 40])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_short_texts_are_told_apart(encoding: str, length: int) -> None:
    for text in texts(encoding):
        for start in range(0, len(text) - length + 1, 3):
            piece = text[start : start + length]
            answer = found(piece.encode(encoding))
            assert answer.name == SAME_AS.get(encoding, encoding), piece
            assert answer.guessed == (encoding != "utf-8")
            assert piece.encode(encoding).decode(answer.name) == piece


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le"])
def test_bundled_stories_are_told_apart(encoding: str) -> None:
    stories = [item for item in StoriesReader(StoriesOptions(documents=60)).read() if isinstance(item, Document)]
    assert {found(story.text.encode(encoding)).name for story in stories} == {encoding}


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-8", "utf-8-sig"), ("utf-16-le", "utf-16"), ("utf-32-le", "utf-32"), ("gb18030", "gb18030")],
)
def test_a_byte_order_mark_decides(encoding: str, mark: str) -> None:
    data = ("\ufeff春" if mark == "gb18030" else "春").encode(mark)
    assert found(data) == Encoding(encoding, "it begins with its byte order mark", guessed=False)


def test_hanzi_of_four_bytes_and_of_hong_kong() -> None:
    assert found(("他姓䶮，住在㐂" + SIMPLIFIED[0]).encode("gb18030")).name == "gb18030"
    assert found(("佢哋喺嗰度食嘢，" + TRADITIONAL[0]).encode("big5hkscs")).name == "big5hkscs"


def test_hz_is_told_from_ascii_with_the_same_signs() -> None:
    assert found(SIMPLIFIED[0].encode("hz")).name == "hz"
    for text in ("cp a~{b,c}~ ~/x", "~{VPND~}", "if [ ~{1} ]; then echo ok; fi # a comment with ~{ and ~}"):
        assert found(text.encode()).name == ("hz" if text == "~{VPND~}" else "utf-8"), text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain words\n",
        "Müller übt für die Prüfung",
        "été",
        "Да",
        "Привет, как дела?",
        "나는 학교에 갔다",
        "🙂",
        "é" * 50,
    ],
)
def test_valid_utf8_in_any_language_is_utf8(text: str) -> None:
    answer = found(text.encode())
    assert (answer.name, answer.guessed) == ("utf-8", False)


def test_a_few_hanzi_that_happen_to_be_valid_utf8_are_not_taken_for_it() -> None:
    """Each of these is two bytes in GB 18030 that UTF-8 would read as one Cyrillic or Arabic letter."""
    text = "一些"
    data = text.encode("gb18030")
    assert data.decode("utf-8") != text
    assert data.decode(found(data).name) == text


@pytest.mark.parametrize("language", [0, 1])
@pytest.mark.parametrize("seed", range(5))
def test_a_bad_byte_or_a_cut_end_changes_no_verdict(language: int, seed: int) -> None:
    chance = random.Random(seed)
    encodings = ("big5", "utf-8") if language else ("utf-8", "gb18030", "utf-16-le", "utf-16-be")
    for encoding in encodings:
        for text in (SIMPLIFIED, TRADITIONAL)[language]:
            data = bytearray(text.encode(encoding))
            data[chance.randrange(len(data))] = 0xFF
            assert found(bytes(data[:-1])).name == SAME_AS.get(encoding, encoding)


def test_utf8_with_one_bad_byte_in_a_language_that_is_not_chinese() -> None:
    data = "Все счастливые семьи похожи друг на друга. ".encode() * 60
    answer = found(data[:100] + b"\xff" + data[100:])
    assert (answer.name, answer.guessed) == ("utf-8", True)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("déjà vu à la forêt, garçon naïf, où étés", "latin-1"),
        ("これは日本語の文章です。春の海ひねもすのたりのたりかな。東京都", "shift_jis"),
        ("나는 한국 사람입니다. 봄이 왔습니다. 대한민국의 수도는 서울이다", "euc-kr"),
        ("Все счастливые семьи похожи друг на друга", "koi8-r"),
    ],
)
def test_other_languages_in_old_encodings_are_refused_not_misread(text: str, encoding: str) -> None:
    answer = detect_encoding([text.encode(encoding)])
    assert isinstance(answer, NoEncoding)
    assert "set `encoding:`" in answer.reason


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG picture"),
        (b"PK\x03\x04\x14\0\0\0\x08\0", "a zip archive"),
        (b"MZ\x90\0\x03\0\0\0\x04", "a program (Windows)"),
        (b"\x7fELF\x02\x01\x01\0", "a program (ELF)"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\0\0\0\x18ftypmp42", "video"),
        (bytes(range(256)) * 20, "control characters"),
    ],
)
def test_what_is_no_text_is_named(data: bytes, kind: str) -> None:
    answer = detect_encoding([data])
    assert isinstance(answer, NoEncoding)
    assert kind in answer.reason


def test_a_text_that_begins_like_a_kind_is_text() -> None:
    for text in ("BMW 是一个牌子", "MZ 是什么", "GIF89 是一种图片", "PAR1"):
        assert binary_kind(text.encode()) is None
        assert found(text.encode()).name == "utf-8"
