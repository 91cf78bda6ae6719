from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path

import pytest
from corpus_run import run, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from zaoju import Document, Event
from zaoju.contracts import Notice, Problem
from zaoju_builtin.readers.jsonl import JsonLinesReader
from zaoju_builtin.readers.options import JsonLinesOptions, StoriesOptions, TextOptions
from zaoju_builtin.readers.stories import StoriesReader
from zaoju_builtin.readers.text import TextReader


def text_reader(*paths: Path, **options: object) -> TextReader:
    return TextReader(TextOptions.model_validate({"paths": list(paths), **options}))


def json_reader(*paths: Path, **options: object) -> JsonLinesReader:
    return JsonLinesReader(JsonLinesOptions.model_validate({"paths": list(paths), **options}))


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ("blank_line", [("春眠\n不觉晓", "a.txt:1-2"), ("　处处\n闻啼鸟", "a.txt:5-6")]),
        ("line", [("春眠", "a.txt:1"), ("不觉晓", "a.txt:2"), ("　处处", "a.txt:5"), ("闻啼鸟", "a.txt:6")]),
        ("file", [("春眠\n不觉晓\n\n \t\n　处处\n闻啼鸟", "a.txt:1-6")]),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_documents_end_where_the_option_says(
    tmp_path: Path, documents: str, expected: list[tuple[str, str]], line_end: str, mark: str
) -> None:
    content = mark + "春眠\n不觉晓\n\n \t\n　处处\n闻啼鸟".replace("\n", line_end)
    found = list(text_reader(write(tmp_path / "a.txt", content), documents=documents).read())
    assert found == [Document(text, source) for text, source in expected]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "big5hkscs", "utf-16", "utf-16-le", "utf-32", "hz"])
def test_every_encoding_can_be_read_when_it_is_named(tmp_path: Path, encoding: str) -> None:
    lines = ["我想回家", "中文 abc", "一二三"] * 20_000
    path = write(tmp_path / "a.txt", "\n".join(lines).encode(encoding))
    reader = text_reader(path, documents="line", encoding=encoding)
    assert [document.text for document in reader.read() if isinstance(document, Document)] == lines


@settings(deadline=None, derandomize=True)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200))
def test_a_file_as_a_document_loses_nothing(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = write(tmp_path_factory.mktemp("corpus") / "a.txt", "。" + text + "。")
    (document,) = text_reader(path, documents="file").read()
    assert isinstance(document, Document)
    assert document.text == "。" + text.replace("\r\n", "\n").replace("\r", "\n") + "。"


def test_lines_end_only_at_line_ends(tmp_path: Path) -> None:
    text = "一\u2028二\x85三\v四\x1c五"
    assert list(text_reader(write(tmp_path / "a.txt", text), documents="line").read()) == [Document(text, "a.txt:1")]


def test_folders_are_read_in_order_and_each_file_once(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.txt", "a/y.TXT", "c.txt"):
        write(tmp_path / "poems" / name, name)
    write(tmp_path / "poems/.hidden.txt", "no")
    (tmp_path / "poems/again").symlink_to(tmp_path / "poems/a")
    reader = text_reader(tmp_path / "poems", tmp_path / "poems/b.txt", tmp_path / "poems" / "*.txt")
    assert [item.source for item in reader.read()] == [
        "poems/a/y.TXT:1",
        "poems/a/z.txt:1",
        "poems/b.txt:1",
        "poems/c.txt:1",
    ]
    assert [part.label for part in reader.parts()] == ["poems/a/y.TXT", "poems/a/z.txt", "poems/b.txt", "poems/c.txt"]
    assert [part.size for part in reader.parts()] == [path.stat().st_size for path in reader.files()]


def test_other_files_in_a_folder_are_mentioned_not_passed_over_in_silence(tmp_path: Path) -> None:
    write(tmp_path / "poems/a.txt", "春")
    write(tmp_path / "poems/b.docx", "眠")
    write(tmp_path / "poems/c.docx", "眠")
    _, problem = text_reader(tmp_path / "poems").read()
    assert isinstance(problem, Problem)
    assert not problem.stops
    assert "2 files were not read" in problem.reason
    assert ".docx (2)" in problem.reason


def test_fingerprint_is_of_names_and_content_not_of_the_place(tmp_path: Path) -> None:
    prints = []
    for folder, name, content in [("1", "a", "春"), ("2", "a", "春"), ("3", "b", "春"), ("4", "a", "秋")]:
        write(tmp_path / folder / "poems" / f"{name}.txt", content)
        prints.append(text_reader(tmp_path / folder / "poems").fingerprint())
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_json_lines_take_texts_and_lists_of_texts(tmp_path: Path) -> None:
    poem = {"title": "春晓", "lines": ["春眠不觉晓，", "处处闻啼鸟。"], "year": 731}
    rows = [json.dumps(poem, ensure_ascii=False), "", '{"lines": [], "title": null}', '{"title": "\\u9e1f"}']
    path = write(tmp_path / "a.jsonl", "\ufeff" + "\r\n".join(rows))
    assert list(json_reader(path, fields=["title", "lines"]).read()) == [
        Document("春晓\n春眠不觉晓，\n处处闻啼鸟。", "a.jsonl:1"),
        Document("", "a.jsonl:3"),
        Document("鸟", "a.jsonl:4"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{'text': 1}", "is not JSON"),
        ('{"text": "春"', "is not JSON"),
        ("[1]", "is not a JSON object but a list"),
        ('"春"', "is not a JSON object but a text"),
        ('{"content": "春"}', r"has none of the fields \['text'\]; it has \['content'\]"),
        ('{"text": 3}', "has a number in the field 'text'"),
        ('{"text": ["春", 3]}', "has a list in the field 'text'"),
        ("[" * 100_000, "is nested too deeply|is not JSON"),
    ],
)
def test_a_bad_line_is_named_and_the_next_is_read(tmp_path: Path, line: str, reason: str) -> None:
    path = write(tmp_path / "a.jsonl", f'{{"text": "春"}}\n{line}\n{{"text": "秋"}}\n')
    first, problem, last = json_reader(path).read()
    assert (first, last) == (Document("春", "a.jsonl:1"), Document("秋", "a.jsonl:3"))
    assert isinstance(problem, Problem)
    assert problem.source == f"{path} line 2"
    assert problem.bytes == len(line.encode())
    assert re.search(reason, problem.reason)


def test_unknown_encoding_is_refused_with_the_options(tmp_path: Path) -> None:
    for name in ("utf-88", "hex", "rot13"):
        with pytest.raises(ValidationError, match="encoding"):
            text_reader(tmp_path, encoding=name)


def test_stories_are_the_same_every_time_and_their_probability_is_known() -> None:
    reader = StoriesReader(StoriesOptions(documents=30, seed=4))
    stories = list(reader.read())
    assert stories == list(StoriesReader(StoriesOptions(documents=30, seed=4)).read())
    assert stories[:5] == list(islice(StoriesReader(StoriesOptions(documents=5, seed=4)).read(), 5))
    first = stories[0]
    assert isinstance(first, Document)
    assert first.source == "story 0"
    probability = reader.log_probability(first.text)
    assert probability is not None
    assert probability < 0
    assert reader.log_probability("这不是故事") is None


def test_stories_fingerprint_follows_the_options() -> None:
    options = [StoriesOptions(), StoriesOptions(), StoriesOptions(seed=2), StoriesOptions(documents=7)]
    prints = [StoriesReader(option).fingerprint() for option in options]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_stories_make_a_corpus(tmp_path: Path) -> None:
    account = run([StoriesReader(StoriesOptions(documents=50))], tmp_path)
    assert account.read.documents == 50
    assert account.bytes_read is None
    assert len(texts(tmp_path, "held_out")) == 1


def test_empty_file_is_a_notice_with_its_name(tmp_path: Path) -> None:
    events: list[Event] = []
    write(tmp_path / "poems/empty.txt", b"")
    write(tmp_path / "poems/white.txt", " \n\n")
    write(tmp_path / "poems/good.txt", "春\n\n秋")
    account = run([text_reader(tmp_path / "poems")], tmp_path / "out", events=events)
    assert [event.message for event in events if isinstance(event, Notice)] == [
        f"{tmp_path}/poems/empty.txt: the file is empty",
        f"{tmp_path}/poems/white.txt: the file holds only white space",
    ]
    assert account.problem_count == 2
