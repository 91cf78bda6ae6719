"""Readers of tables, JSON, web pages and Parquet."""

from __future__ import annotations

import gzip
import json
import time
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from test_readers import write

from zaoju import Document
from zaoju.contracts import Problem
from zaoju_builtin.readers.csv import CsvReader
from zaoju_builtin.readers.html import HtmlReader
from zaoju_builtin.readers.json import JsonReader
from zaoju_builtin.readers.json_stream import JsonStream
from zaoju_builtin.readers.options import CsvOptions, HtmlOptions, JsonOptions, ParquetOptions
from zaoju_builtin.readers.parquet import ParquetReader


def read_csv(path: Path, **options: object) -> list[Document | Problem]:
    return list(CsvReader(CsvOptions.model_validate({"paths": [path], **options})).read())


def read_json(file: Path, **options: object) -> list[Document | Problem]:
    return list(JsonReader(JsonOptions.model_validate({"paths": [file], **options})).read())


def read_html(path: Path, **options: object) -> list[Document | Problem]:
    return list(HtmlReader(HtmlOptions.model_validate({"paths": [path], **options})).read())


def read_parquet(path: Path, **options: object) -> list[Document | Problem]:
    return list(ParquetReader(ParquetOptions.model_validate({"paths": [path], **options})).read())


def test_rows_of_a_table_are_documents(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv", '\ufefftitle,text,year\r\n春晓,"春眠,\r\n""不觉晓""",731\r\n\r\n无题,,\r\n秋,夜,1\r\n'
    )
    assert read_csv(path, columns=["title", "text"]) == [
        Document('春晓\n春眠,\n"不觉晓"', "a.csv:2-3"),
        Document("无题", "a.csv:5"),
        Document("秋\n夜", "a.csv:6"),
    ]
    tabs = write(tmp_path / "a.tsv", "1\t春\n2\t秋\n")
    assert read_csv(tabs, delimiter="\t", header=False, columns=["2"]) == [
        Document("春", "a.tsv:1"),
        Document("秋", "a.tsv:2"),
    ]


def test_broken_rows_are_named_and_the_next_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,text\n1,春\n2\n3,"夏"x\n4,秋\n5,"' + "冬\n" * 20 + "6,尾\n")
    items = read_csv(path, maximum_characters=20)
    assert [item.text for item in items if isinstance(item, Document)][:2] == ["春", "秋"]
    problems = [item for item in items if isinstance(item, Problem)]
    assert [problem.source for problem in problems][:2] == [f"{path} line 3", f"{path} line 4"]
    assert "1 columns, and column 2 is asked for" in problems[0].reason
    assert "is no row" in problems[1].reason
    assert any("quote that is never closed" in problem.reason for problem in problems)
    assert Document("尾", "a.csv:26") in items


def test_a_missing_column_is_told_with_what_there_is(tmp_path: Path) -> None:
    (problem,) = read_csv(write(tmp_path / "a.csv", "id,content\n1,春\n"))
    assert isinstance(problem, Problem)
    assert "no column ['text']" in problem.reason and "['id', 'content']" in problem.reason
    with pytest.raises(ValidationError, match="numbers from 1"):
        CsvOptions.model_validate({"paths": ["a"], "header": False})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=4), children, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.lists(json_values, max_size=6), json_values, st.integers(1, 9), st.sampled_from([None, 1]))
def test_any_list_at_any_path_is_streamed_as_json_reads_it(
    values: list[object], before: object, size: int, indent: int | None
) -> None:
    text = json.dumps({"x": before, "a": {"no": [before], "b": values}, "y": before}, ensure_ascii=False, indent=indent)
    blocks = (text[at : at + size] for at in range(0, len(text), size))
    assert list(JsonStream(blocks, 10_000).elements(["a", "b"])) == values


def test_elements_of_json_are_documents(tmp_path: Path) -> None:
    rows = [{"text": "春"}, {"text": ["夏", "天"]}, 3, {"content": 1}]
    path = write(tmp_path / "a.json", json.dumps({"n": 1, "data": {"items": rows}}, ensure_ascii=False))
    first, second, number, other = read_json(path, path="data.items")
    assert (first, second) == (Document("春", "a.json:1"), Document("夏\n天", "a.json:2"))
    assert isinstance(number, Problem) and number.source == f"{path} element 3"
    assert isinstance(other, Problem) and "has none of the fields" in other.reason
    (problem,) = read_json(path, path="data.rows")
    assert isinstance(problem, Problem) and "has no 'rows'; it has ['items']" in problem.reason


@pytest.mark.parametrize("end", ["", '{"te', ",", "{'text': 1}]", "[" * 100_000])
def test_json_that_ends_early_keeps_what_came_before(tmp_path: Path, end: str) -> None:
    document, problem = read_json(write(tmp_path / "a.json", f'[{{"text": "春"}},{end}'))
    assert document == Document("春", "a.json:1")
    assert isinstance(problem, Problem) and problem.stops and "1 elements before it were read" in problem.reason


def test_a_long_list_on_one_line_is_read_in_time(tmp_path: Path) -> None:
    rows = [{"text": "我想回到那个有你的地方。" * 20}] * 20_000
    path = write(tmp_path / "a.json.gz", gzip.compress(json.dumps(rows, ensure_ascii=False).encode(), 1))
    before = time.monotonic()
    assert len(read_json(path, maximum_characters=1000)) == 20_000
    assert time.monotonic() - before < 15


PAGE = (
    "<html><head><title>题</title><meta charset={0}></head><body><nav><a href=/>首页</a></nav>"
    "<article><h1>春晓</h1><p>春眠不觉晓，处处闻啼鸟。</p><script>var x = 1</script></article></body></html>"
)


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("utf-8", "utf-8"),
        ("gb2312", "gb18030"),
        ("gbk", "utf-8"),
        ("nonsense", "gb18030"),
        ("x", "utf-16"),
        ("x", "utf-8-sig"),
    ],
)
def test_a_page_is_its_main_content_in_its_true_encoding(tmp_path: Path, declared: str, written: str) -> None:
    path = write(tmp_path / "a.html", PAGE.format(declared).encode(written))
    (document,) = read_html(path)
    assert isinstance(document, Document) and document.source == "a.html"
    assert "春眠不觉晓，处处闻啼鸟。" in document.text and "var x" not in document.text and "首页" not in document.text


def test_pages_that_would_take_too_long_are_refused(tmp_path: Path) -> None:
    before = time.process_time()
    for tags in ("<div>" * 50_000, "<a><b>" * 50_000, "<div><p>" * 50_000 + "</div>" * 50_000):
        (problem,) = read_html(write(tmp_path / "a.html", f"<body>{tags}春"))
        assert isinstance(problem, Problem) and "maximum_depth: 1000" in problem.reason
    open_bold = "".join(f"<b id={number}>" for number in range(900))
    for page, reason in (
        ("<div><table></div></table>" * 3_000, "maximum_depth: 1000"),
        ("<p>" + open_bold + "<p>春" * 3_000, "maximum_elements: 1000000"),
        ("<p " + " ".join(map(str, range(20_000))) + ">春", "20,000 attributes"),
        ("<div>" * 500 + "春" * 500_000, "`main_content: false`"),
    ):
        (problem,) = read_html(write(tmp_path / "a.html", page))
        assert isinstance(problem, Problem) and reason in problem.reason and problem.bytes == len(page.encode())
    (document,) = read_html(tmp_path / "a.html", main_content=False)
    assert isinstance(document, Document) and len(document.text) == 500_000
    (problem,) = read_html(write(tmp_path / "a.html", "春" * 400), maximum_bytes=1000)
    assert isinstance(problem, Problem) and "larger than 1,000 bytes" in problem.reason
    assert time.process_time() - before < 5


def test_a_deep_page_that_is_allowed_is_read_in_time(tmp_path: Path) -> None:
    before = time.process_time()
    (document,) = read_html(write(tmp_path / "a.html", "<body>" + "<div>" * 1000 + "春眠不觉晓。" + "</div>" * 1000))
    assert isinstance(document, Document) and time.process_time() - before < 5
    assert isinstance(read_html(write(tmp_path / "b.html", "<p>一<li>二" * 3_000), main_content=False)[0], Document)


def test_rows_of_parquet_are_documents_packed_or_not(tmp_path: Path) -> None:
    table = pa.table({"text": ["春", None, "秋"] * 400, "id": range(1200), "title": [["一", "二"], None, None] * 400})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=100)
    items = read_parquet(tmp_path / "a.parquet", columns=["title", "text"])
    assert items[:3] == [
        Document("一\n二\n春", "a.parquet:1"),
        Problem(f"{tmp_path}/a.parquet row 2", "has nothing in these columns", stops=False),
        Document("秋", "a.parquet:3"),
    ]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.parquet", "in/a.parquet")
    packed = read_parquet(tmp_path / "a.zip")
    assert [item.text for item in packed if isinstance(item, Document)] == ["春", "秋"] * 400
    assert isinstance(packed[0], Document) and packed[0].source == "a.zip!/in/a.parquet:1"


def test_what_is_no_parquet_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"content": ["春"]}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (problem,) = read_parquet(tmp_path / "a.parquet")
    assert isinstance(problem, Problem) and "it has ['content']" in problem.reason
    for content in (whole[:-7], whole[: len(whole) // 2], b"", b"hello"):
        problems = read_parquet(write(tmp_path / "b.parquet", content))
        assert problems and all(isinstance(item, Problem) for item in problems)
