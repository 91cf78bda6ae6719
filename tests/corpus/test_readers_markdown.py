"""The Markdown reader: text without marks, and what an option keeps."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_readers import write

from zaoju import Document
from zaoju.contracts import Problem
from zaoju_builtin.readers.markdown import MarkdownReader
from zaoju_builtin.readers.options import MarkdownOptions

PAGE = """\
---
title: 唐诗两首
tags: [诗, "唐"]
---

# 唐诗

两首*五言*绝句，见 [全唐诗](https://example.org/a_b "书")，`码`。
接着写<br>下去，~~删~~ \\*星\\*。

<div align="center"><b>横幅</b><script>x = 1</script></div>

## 春晓

> 春眠不觉晓，\\
> 处处闻啼鸟。

- 一
- 二
  1. 甲

     乙
- 三

![山水](a.png)

```python
print("码块")
```

静夜思
------

| 诗 | 人 |
|---|---|
| 静夜思 | 李**白** |

    缩进的码

末段。
"""


def read(path: Path, **options: object) -> list[Document | Problem]:
    return list(MarkdownReader(MarkdownOptions.model_validate({"paths": [path], **options})).read())


def text_of(path: Path, **options: object) -> str:
    (document,) = read(path, **options)
    assert isinstance(document, Document)
    return document.text


def test_a_file_is_its_text_without_marks(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.md", PAGE.replace("\n", "\r\n"))) == [
        Document(
            "唐诗两首\n\n唐诗\n\n两首五言绝句，见 全唐诗，码。\n接着写下去，删 *星*。\n\n春晓\n\n"
            "春眠不觉晓，\n处处闻啼鸟。\n\n一\n二\n甲\n乙\n三\n\n静夜思\n\n末段。",
            "a.md",
        )
    ]


@pytest.mark.parametrize(
    ("option", "kept"),
    [
        ({"code": True}, ['\n\nprint("码块")\n\n', "\n\n缩进的码\n\n"]),
        ({"tables": True}, ["\n\n诗\t人\n静夜思\t李白\n\n"]),
        ({"html": True}, ["\n\n横幅\n\n"]),
        ({"images": True}, ["\n\n山水\n\n"]),
        ({"line_breaks": "join"}, ["全唐诗，码。接着写下去", "春眠不觉晓，\n处处闻啼鸟。"]),
    ],
)
def test_an_option_keeps_what_is_dropped_otherwise(tmp_path: Path, option: dict[str, object], kept: list[str]) -> None:
    path = write(tmp_path / "a.md", PAGE)
    without, text = text_of(path), text_of(path, **option)
    for part in kept:
        assert part in text
    assert kept[0].strip() not in without
    assert "x = 1" not in text and "example.org" not in text and "tags" not in text


def test_documents_begin_at_headings_of_a_level(tmp_path: Path) -> None:
    text = "前言\n\n# 一\n\n甲\n\n## 节\n\n乙\n\n> ## 引\n\n# 二\n\n丙\n"
    path = write(tmp_path / "a.md", text)
    assert read(path, heading_level=1) == [
        Document("前言", "a.md:1-1"),
        Document("一\n\n甲\n\n节\n\n乙\n\n引", "a.md:3-11"),
        Document("二\n\n丙", "a.md:13-15"),
    ]
    assert [item.source for item in read(path, heading_level=2)] == ["a.md:1-1", "a.md:3-5", "a.md:7-11", "a.md:13-15"]


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("---\ntitle: 题\n---\n", "题\n\n文"),
        ("+++\ntitle = '题'\n+++\n", "题\n\n文"),
        ("---\ntitle: 文\n...\n", "文"),
        ("---\ntitle: [题]\n---\n", "文"),
        ("---\nkey: : :\n---\n", "文"),
        ("---\n\n没有\n\n---\n\n", "没有\n\n文"),
        ("---\n没有\n\n", "没有\n\n文"),
        ("---\na: &a [x]\nb: &b [*a, *a]\ntitle: 题\n---\n", "题\n\n文"),
    ],
)
def test_of_front_matter_only_the_title_stays(tmp_path: Path, front: str, expected: str) -> None:
    path = write(tmp_path / "a.md", f"{front}文\n")
    assert text_of(path) == expected
    assert "题" not in text_of(path, title=False)


def test_what_is_too_long_or_has_no_text_is_told(tmp_path: Path) -> None:
    (problem,) = read(write(tmp_path / "a.md", "春\n" * 100), maximum_characters=50)
    assert isinstance(problem, Problem) and problem.stops and "longer than 50 characters" in problem.reason
    (notice,) = read(write(tmp_path / "b.md", "```\ncode\n```\n"))
    assert isinstance(notice, Problem) and not notice.stops and "no text beside" in notice.reason


def test_bytes_that_were_replaced_are_counted_where_they_stand(tmp_path: Path) -> None:
    damaged = ("# 一\n\n" + "春眠不觉晓。\n" * 400).encode() + b"\xff\n\n# \xe4\xba\x8c\n\n" + "秋。\n".encode()
    items = read(write(tmp_path / "a.md", damaged), heading_level=1)
    assert [item.replaced_bytes for item in items if isinstance(item, Document)] == [1, 0]


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    st.lists(st.sampled_from([*"#>-*_`[]()!|<&\\:~+ \n\t", "\n\n", "---\n", "春", "a", "1. ", "```", "<!--", "| |"]))
)
def test_no_marks_bring_the_reader_down(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    path = write(tmp_path_factory.mktemp("markdown") / "a.md", "".join(parts))
    for options in ({}, {"code": True, "tables": True, "html": True, "images": True, "heading_level": 2}):
        items = read(path, **options)
        assert all(isinstance(item, Document | Problem) for item in items)
        assert all(item.text.strip() for item in items if isinstance(item, Document))


@settings(deadline=None, derandomize=True)
@given(st.lists(st.text("春眠不觉晓，。处闻啼鸟abc", min_size=1, max_size=9), min_size=1, max_size=6))
def test_plain_paragraphs_come_through_unchanged(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    text = "\n\n".join(lines)
    assert text_of(write(tmp_path_factory.mktemp("markdown") / "a.md", text)) == text


@pytest.mark.parametrize(
    "text",
    ["[" * 50_000, "![" * 20_000 + "](b)" * 20_000, ">" * 100_000, "- " * 50_000, "*a_" * 30_000, "<a " * 50_000],
)
def test_marks_without_end_take_no_time_without_end(tmp_path: Path, text: str) -> None:
    before = time.monotonic()
    read(write(tmp_path / "a.md", text), html=True)
    assert time.monotonic() - before < 15
