from __future__ import annotations

import json
from pathlib import Path

import pytest
from cleaning import changes, cleaned, cleaner

from zaoju import CorpusError, Document, Dropped
from zaoju_builtin.readers.options import StoriesOptions
from zaoju_builtin.readers.stories import StoriesReader

opencc = pytest.importorskip("opencc")
QUESTION = "王芳昨天下午和妈妈一起去北京的公园里看了三个小时的花，回家后发生了什么？"


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text(
        json.dumps({"id": "第一题", "question": QUESTION, "choices": ["下雨了", "天黑了"]}) + "\n\n", "utf-8"
    )
    return path


def wide(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


def test_every_way_to_write_a_verbatim_copy_is_a_hit(evaluation: Path) -> None:
    """All 13 characters in a row that the question has, in six ways to write them."""
    checker = cleaner("decontaminate", files=[str(evaluation)])
    bare = QUESTION.replace("，", "").replace("？", "")
    to = {name: opencc.OpenCC(name).convert for name in ("s2t", "s2tw", "s2hk")}
    for start in range(len(bare) - 12):
        part = bare[start : start + 13]
        ways = [part, " ".join(part), "、".join(part), "\n".join(part), *(convert(part) for convert in to.values())]
        for way in ways:
            assert checker.clean(f"前面的话。{way}。后面的话") == Dropped("in_evaluation"), way


def test_latin_and_digits_are_folded(tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_text("The GPT-2 model of 2019 has 1542M weights", "utf-8")
    checker = cleaner("decontaminate", files=[str(tmp_path / "test.txt")])
    for text in ["the gpt2 model OF 2019", wide("gpt-2 model of 2019")]:
        assert checker.clean(text) == Dropped("in_evaluation")


def test_twelve_characters_are_no_hit(evaluation: Path) -> None:
    checker = cleaner("decontaminate", files=[str(evaluation)])
    bare = QUESTION.replace("，", "").replace("？", "")
    for start in range(len(bare) - 11):
        assert not isinstance(checker.clean(f"乙乙{bare[start : start + 12]}甲甲"), Dropped)


def test_other_texts_are_left_alone(evaluation: Path) -> None:
    checker = cleaner("decontaminate", files=[str(evaluation)])
    stories = [item.text for item in StoriesReader(StoriesOptions(documents=300)).read() if isinstance(item, Document)]
    assert [checker.clean(text) for text in stories] == stories


def test_cutting_takes_whole_sentences(evaluation: Path) -> None:
    checker = cleaner("decontaminate", files=[str(evaluation)], action="cut")
    found = checker.clean(f"今天天气很好。她说：{QUESTION}”我不知道。\n{QUESTION}\n就是这样。")
    assert cleaned(found) == "今天天气很好。我不知道。\n就是这样。"
    assert changes(found) == {"sentences_cut": 2}
    assert checker.clean(QUESTION) == Dropped("in_evaluation")


def test_fields_choose_what_counts(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps({"prompt": QUESTION, "note": "这一段注释不是题目所以不应该算在里面"}), "utf-8")
    note = "这一段注释不是题目所以不应该算在里面"
    assert cleaner("decontaminate", files=[str(path)]).clean(note) == Dropped("in_evaluation")
    assert cleaner("decontaminate", files=[str(path)], fields=["prompt"]).clean(note) == note


def test_the_lines_of_a_poem_are_one_text(tmp_path: Path) -> None:
    path = tmp_path / "poems.jsonl"
    path.write_text(json.dumps({"lines": ["春眠不觉晓，处处闻啼鸟。", "夜来风雨声，花落知多少。"]}), "utf-8")
    assert cleaner("decontaminate", files=[str(path)]).clean("处处闻啼鸟，夜来风雨声，花落知") == Dropped(
        "in_evaluation"
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "has no text of 13 characters"),
        ('{"text": "太短"}'.encode(), "has no text of 13 characters"),
        ("不是".encode("gbk"), "is not UTF-8"),
        (b"{", "line 1 is not JSON"),
    ],
)
def test_files_that_would_protect_nothing_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=says):
        cleaner("decontaminate", files=[str(path)])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"none\.txt: No such file"):
        cleaner("decontaminate", files=[str(tmp_path / "none.txt")])
