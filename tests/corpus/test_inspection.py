from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_readers import write
from test_unreadable import as_nobody

from zaoju import CorpusError, Reader
from zaoju.contracts import Problem
from zaoju.corpus import inspect_files
from zaoju.corpus.file_looks import SUFFIXES
from zaoju.corpus.json_beginning import first_objects
from zaoju.plugins import PluginManager


def json_lines(*values: object) -> str:
    return "\n".join(json.dumps(value, ensure_ascii=False) for value in values)


@pytest.mark.parametrize(
    ("content", "documents", "count"),
    [
        ("春眠不觉晓，\n处处闻啼鸟。\n\n夜来风雨声，\n花落知多少。\n\n床前明月光，\n疑是地上霜。", "blank_line", 3),
        ("春眠不觉晓，处处闻啼鸟。\n" * 30, "line", 30),
        ("题目\n\n" + "春眠不觉晓，处处闻啼鸟。\n" * 30, "line", 31),
        ("春眠不觉晓，\n处处闻啼鸟。", "file", 1),
    ],
)
def test_text_is_parted_where_it_looks_parted(tmp_path: Path, content: str, documents: str, count: int) -> None:
    path = write(tmp_path / "a.txt", content)
    (suggestion,) = inspect_files([path]).readers
    assert suggestion.reader == {"name": "text", "paths": [str(path)], "documents": documents}
    assert (suggestion.files, suggestion.documents) == (1, count)


def test_an_encoding_is_told_of_and_not_written_since_the_readers_find_it_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", ("我想回到那个有你的地方。\n" * 30).encode("gb18030"))
    (suggestion,) = inspect_files([path]).readers
    assert suggestion.reader == {"name": "text", "paths": [str(path)], "documents": "line"}
    assert (suggestion.documents, suggestion.characters) == (30, 360)
    (notice,) = suggestion.problems
    assert not notice.stops and "read as gb18030" in notice.reason


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({"id": "文-1", "text": "春眠不觉晓，处处闻啼鸟。"}, ["text"]),
        ({"author": "孟浩然", "lines": ["春眠不觉晓，", "处处闻啼鸟。"], "title": "春晓"}, ["title", "lines"]),
        ({"en": "A long English sentence.", "zh": "一句不短的中文。", "by": "张三"}, ["zh"]),
        ({"one": "你是谁？", "other": "我是我。", "score": 3}, ["one", "other"]),
    ],
)
def test_fields_are_those_with_the_most_chinese(tmp_path: Path, value: object, fields: list[str]) -> None:
    path = write(tmp_path / "a.jsonl", json_lines(value, value))
    (suggestion,) = inspect_files([path]).readers
    assert suggestion.reader == {"name": "jsonl", "paths": [str(path)], "fields": fields}
    assert suggestion.documents == 2


def test_questions_and_answers_are_conversations(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json_lines(*[{"question": "你是谁？", "answer": "我是我。", "score": 3}] * 2))
    (suggestion,) = inspect_files([path]).readers
    assert suggestion.reader == {"name": "jsonl", "paths": [str(path)], "prompt": ["question"], "answer": "answer"}


def test_a_folder_stands_for_its_files_where_they_are_of_one_kind(tmp_path: Path) -> None:
    for number in range(25):
        write(tmp_path / f"poems/{number}.txt", "春眠不觉晓，\n\n处处闻啼鸟。\n\n夜来风雨声。")
    write(tmp_path / "poems/cover.png", "x")
    inspection = inspect_files([tmp_path / "poems"])
    (text,) = inspection.readers
    assert text.reader == {"name": "text", "paths": [str(tmp_path / "poems")], "documents": "file"}
    (told,) = inspection.problems
    assert "1 files were not read" in told.reason and ".png (1)" in told.reason and not told.stops


def test_patterns_stand_for_files_of_several_kinds(tmp_path: Path) -> None:
    """So no reader tells of the files of another one."""
    folder = tmp_path / "poems [1]"
    for number in range(25):
        write(folder / f"{number}/{number}.txt", "春眠不觉晓，\n\n处处闻啼鸟。\n\n夜来风雨声。")
    write(folder / "more.jsonl", json_lines({"text": "花落知多少。"}))
    write(folder / "more.ndjson", json_lines({"text": "花落知多少。"}))
    write(folder / "packed.jsonl.gz", gzip.compress(json_lines({"text": "疑是地上霜。"}).encode()))
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("a.txt", "床前明月光，\n\n低头思故乡。\n\n疑是地上霜。")
    text, jsonl = inspect_files([folder]).readers
    inside = str(tmp_path / "poems [[]1]/**/*")
    assert text.reader["paths"] == [f"{inside}.txt", str(folder / "a.zip")]
    assert jsonl.reader["paths"] == [f"{inside}.jsonl", f"{inside}.ndjson", f"{inside}.jsonl.gz"]
    assert (text.files, text.documents, jsonl.files) == (26, 26, 3)
    for suggestion, count in ((text, 26), (jsonl, 3)):
        options = {key: value for key, value in suggestion.reader.items() if key != "name"}
        reader = PluginManager.discover().resolve("reader", str(suggestion.reader["name"]), options).build(Reader)
        found = list(reader.read())
        assert len(found) == count and not [item for item in found if isinstance(item, Problem)]


def test_what_cannot_be_read_in_a_folder_is_told_and_the_rest_is_suggested(tmp_path: Path) -> None:
    write(tmp_path / "poems/a.txt", "春眠不觉晓。")
    (tmp_path / "poems/again").symlink_to(tmp_path / "poems")
    (tmp_path / "poems/b.txt").symlink_to(tmp_path / "gone.txt")
    with zipfile.ZipFile(tmp_path / "poems/pictures.zip", "w") as archive:
        archive.writestr("d.png", "x")
    inspection = inspect_files([tmp_path / "poems"])
    assert [reader.files for reader in inspection.readers] == [1]
    told = "\n".join(f"{problem.source}: {problem.reason}" for problem in inspection.problems)
    assert "again: a link that leads back to a folder above it" in told
    assert "b.txt: a link to a file that does not exist" in told
    assert "pictures.zip: no file in this archive ends in" in told
    with pytest.raises(CorpusError, match=r"b.txt: a link to a file that does not exist"):
        inspect_files([tmp_path / "poems/b.txt", tmp_path / "poems/a.txt"])


def test_json_lines_by_name_are_no_text_where_a_line_is_broken(tmp_path: Path) -> None:
    lines = json_lines({"text": "春眠不觉晓，处处闻啼鸟。"}, {"text": "夜来风雨声，花落知多少。"})
    broken = write(tmp_path / "a.jsonl", f'{lines}\n{{"text": "床前')
    (suggestion,) = inspect_files([broken]).readers
    assert suggestion.reader == {"name": "jsonl", "paths": [str(broken)], "fields": ["text"]}
    (problem,) = suggestion.problems
    assert "is not JSON" in problem.reason and suggestion.documents == 2
    (suggestion,) = inspect_files([write(tmp_path / "b.jsonl", "春眠不觉晓\n")]).readers
    assert suggestion.reader["name"] == "jsonl"
    assert "set `fields:` yourself" in suggestion.problems[0].reason


def test_files_of_two_kinds_in_one_folder_are_listed(tmp_path: Path) -> None:
    a = write(tmp_path / "poems/a.txt", "春眠不觉晓。\n" * 30)
    b = write(tmp_path / "poems/b.txt", "春眠不觉晓，\n处处闻啼鸟。\n\n夜来风雨声，\n花落知多少。")
    assert [item.reader["paths"] for item in inspect_files([tmp_path / "poems"]).readers] == [[str(a)], [str(b)]]


POEM = {"id": "1", "title": "春晓", "body": "春眠不觉晓，处处闻啼鸟。"}
LIST = json.dumps({"n": [1], "meta": {"a": {}}, "data": {"items": [POEM] * 3}}, ensure_ascii=False)


@pytest.mark.parametrize(
    ("name", "content", "reader"),
    [
        ("a.csv", "id,title,body\n1,春晓,春眠不觉晓。\n", {"name": "csv", "columns": ["title", "body"]}),
        ("a.csv", "1;春眠不觉晓，处处闻啼鸟。\n", {"name": "csv", "columns": ["2"], "header": False, "delimiter": ";"}),
        ("a.tsv", "id\ttext\n1\t春眠不觉晓\n", {"name": "csv", "columns": ["text"], "delimiter": "\t"}),
        ("a.json", LIST, {"name": "json", "path": "data.items", "fields": ["title", "body"]}),
        ("a.json", json.dumps([POEM], ensure_ascii=False), {"name": "json", "fields": ["title", "body"]}),
        ("a.json", json_lines(POEM, POEM), {"name": "jsonl", "fields": ["title", "body"]}),
        ("a.html", "<p>春眠不觉晓", {"name": "html"}),
        ("a.md", "# 春晓\n\n春眠不觉晓", {"name": "markdown"}),
        ("a.txt.gz", gzip.compress("春\n\n眠".encode(), mtime=0), {"name": "text", "documents": "blank_line"}),
        (
            "a.jsonl.gz",
            gzip.compress(json_lines(POEM).encode(), mtime=0),
            {"name": "jsonl", "fields": ["title", "body"]},
        ),
    ],
)
def test_each_kind_of_file_gets_its_reader(
    tmp_path: Path, name: str, content: str | bytes, reader: dict[str, object]
) -> None:
    path = write(tmp_path / name, content)
    (suggestion,) = inspect_files([path]).readers
    assert suggestion.reader == {"paths": [str(path)], **reader}
    assert [problem for problem in suggestion.problems if problem.stops] == []


def test_parquet_gets_its_columns_packed_or_not(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["1", "2"], "body": ["春眠不觉晓", "处处闻啼鸟"]}), tmp_path / "a.parquet")
    write(tmp_path / "b.parquet.gz", gzip.compress((tmp_path / "a.parquet").read_bytes()))
    (suggestion,) = inspect_files([tmp_path]).readers
    assert suggestion.reader == {"name": "parquet", "paths": [str(tmp_path)], "columns": ["body"]}
    assert suggestion.files == 2


def test_an_archive_gets_one_reader_for_each_kind_of_its_members(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "春眠不觉晓。\n" * 30)
        archive.writestr("b/b.txt", "春\n\n眠")
        archive.writestr("c.md", "# 春")
        archive.writestr("d.png", "x")
    text, markdown = inspect_files([path]).readers
    assert text.reader == {"name": "text", "paths": [str(path)], "documents": "line"}
    assert markdown.reader == {"name": "markdown", "paths": [str(path)]}
    assert (text.files, markdown.files) == (2, 1)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("d.png", "x")
    with pytest.raises(CorpusError, match=r"no file in this archive ends in"):
        inspect_files([path])


@settings(deadline=None, derandomize=True)
@given(st.integers(0, len(LIST)))
def test_json_may_be_cut_off_anywhere(end: int) -> None:
    path, objects = first_objects(LIST[:end])
    assert all(value == POEM for value in objects)
    assert (path == ["data", "items"]) == bool(objects)


def test_a_folder_does_not_stand_for_what_its_reader_would_pass_over(tmp_path: Path) -> None:
    a = write(tmp_path / "poems/a.txt", json_lines({"text": "花落知多少。"}))
    b = write(tmp_path / "poems/b.txt", "春眠不觉晓。\n" * 30)
    assert [item.reader["paths"] for item in inspect_files([tmp_path / "poems"]).readers] == [[str(a)], [str(b)]]


def test_a_file_that_must_not_be_read_is_an_error_with_its_reason() -> None:
    result, folder = as_nobody("inspect", {"a.txt": 0o000})
    assert f"  {folder}/a.txt: no permission to read it" in result


def test_a_pattern_that_matches_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "hollow").mkdir()
    with pytest.raises(CorpusError, match=r"Give files"):
        inspect_files([tmp_path / "h*"])


def test_text_in_a_file_with_another_ending_is_recognised(tmp_path: Path) -> None:
    (suggestion,) = inspect_files([write(tmp_path / "a.data", json_lines({"text": "花落知多少。"}))]).readers
    assert suggestion.reader["name"] == "jsonl"


def test_what_cannot_be_read_is_an_error_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"gone.txt: no such file"):
        inspect_files([tmp_path / "gone.txt"])
    with pytest.raises(CorpusError, match=r"Give files"):
        inspect_files([])


def test_the_endings_are_those_of_the_readers() -> None:
    for name, endings in SUFFIXES.items():
        model = PluginManager.discover().find("reader", name).options_model()
        assert model is not None and tuple(model.model_fields["suffixes"].default) == endings
