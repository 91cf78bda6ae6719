"""Conversations are read in the shapes that people have, cleaned turn by turn, and kept as turns."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest
import yaml
from cleaning import cleaner
from pydantic import ValidationError

from zaoju import Cleaned, Cleaner, Document, Dropped, Options, Problem, Reader, Turn, init_project
from zaoju.corpus import prepare, read_documents
from zaoju_builtin.readers.json import JsonReader
from zaoju_builtin.readers.jsonl import JsonLinesReader
from zaoju_builtin.readers.options import JsonLinesOptions, JsonOptions

USER, ANSWER = Turn("user", "春眠不觉晓"), Turn("assistant", "处处闻啼鸟")


def jsonl(folder: Path, *objects: object, **options: object) -> JsonLinesReader:
    path = folder / "talk.jsonl"
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects), "utf-8")
    return JsonLinesReader(JsonLinesOptions.model_validate({"paths": [path], **options}))


def only(reader: Reader[Options]) -> Document | Problem:
    (item,) = reader.read()
    return item


SHAPES = [
    ({"up": " 春眠不觉晓\n", "down": "处处闻啼鸟"}, {"prompt": ["up"], "answer": "down"}),
    ({"turns": ["春眠不觉晓", "处处闻啼鸟"]}, {"turns": "turns"}),
    (
        {"messages": [{"role": "user", "content": "春眠不觉晓"}, {"role": "assistant", "content": "处处闻啼鸟"}]},
        {"turns": "messages"},
    ),
    (
        {"conversations": [{"from": "human", "value": "春眠不觉晓"}, {"from": "gpt", "value": "处处闻啼鸟"}]},
        {"turns": "conversations"},
    ),
    (
        {"instruction": "春眠不觉晓", "input": "", "output": "处处闻啼鸟"},
        {"prompt": ["instruction", "input"], "answer": "output"},
    ),
]


@pytest.mark.parametrize(("value", "options"), SHAPES)
def test_the_shapes_that_people_have(tmp_path: Path, value: object, options: dict[str, object]) -> None:
    reader = jsonl(tmp_path, value, **options)
    document = only(reader)
    assert isinstance(document, Document) and document.turns == (USER, ANSWER)
    assert document.text == "春眠不觉晓\n处处闻啼鸟"
    assert reader.gives_conversations()
    assert not jsonl(tmp_path, {"text": "春"}).gives_conversations()


def test_a_list_in_json(tmp_path: Path) -> None:
    (tmp_path / "talk.json").write_text(json.dumps({"data": [{"q": "春眠不觉晓", "a": "处处闻啼鸟"}]}), "utf-8")
    options = {"paths": [tmp_path / "talk.json"], "path": "data", "prompt": ["q"], "answer": "a"}
    document = only(JsonReader(JsonOptions.model_validate(options)))
    assert isinstance(document, Document) and document.turns == (USER, ANSWER)


def test_system_and_several_turns(tmp_path: Path) -> None:
    talk = [{"role": "system", "content": "作诗"}, *[{"role": r, "content": r} for r in ("user", "assistant") * 2]]
    document = only(jsonl(tmp_path, {"messages": talk}, turns="messages"))
    assert isinstance(document, Document)
    assert [turn.role for turn in document.turns] == ["system", *("user", "assistant") * 2]


def test_instruction_and_input_are_one_prompt(tmp_path: Path) -> None:
    value = {"instruction": "翻译", "input": "spring", "output": "春"}
    document = only(jsonl(tmp_path, value, prompt=["instruction", "input"], answer="output"))
    assert isinstance(document, Document) and document.turns[0].text == "翻译\nspring"


@pytest.mark.parametrize(
    ("value", "options", "reason"),
    [
        ({"q": "a"}, {"prompt": ["q"], "answer": "a"}, r"none of the fields \['a'\]; .*set `answer:`"),
        ({"q": " ", "a": "b"}, {"prompt": ["q"], "answer": "a"}, "no text in the fields"),
        ({"q": "a", "a": "  "}, {"prompt": ["q"], "answer": "a"}, "empty turn 2, of the assistant"),
        ({"q": 3, "a": "b"}, {"prompt": ["q"], "answer": "a"}, "has a number in the field 'q'"),
        ({"t": "a"}, {"turns": "t"}, "no list in the field 't'"),
        ({"t": ["a"]}, {"turns": "t"}, "no turn of the assistant"),
        ({"t": [{"role": "judge", "content": "a"}]}, {"turns": "t"}, "role 'judge'; known are system"),
        ({"t": [{"role": "user", "content": None}]}, {"turns": "t"}, "turn 1 without a text"),
        ({"t": ["a", 4]}, {"turns": "t"}, "neither a text nor an object"),
        (
            {"t": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]},
            {"turns": "t"},
            "turn 2 of the system",
        ),
    ],
)
def test_what_is_no_conversation_is_a_problem(
    tmp_path: Path, value: object, options: dict[str, object], reason: str
) -> None:
    problem = only(jsonl(tmp_path, value, **options))
    assert isinstance(problem, Problem)
    assert re.search(reason, problem.reason), problem.reason


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"prompt": ["a"]}, "belong together"),
        ({"answer": "a"}, "belong together"),
        ({"prompt": ["a"], "answer": "b", "turns": "c"}, "both sides"),
        ({"turns": "c", "fields": ["d"]}, "plain texts"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        JsonLinesOptions.model_validate({"paths": ["a.jsonl"], **options})


def prepared(
    folder: Path, reader: Reader[Options], *cleaners: tuple[str, Cleaner[Options]]
) -> tuple[list[Document], dict[str, object]]:
    """All documents that are left, and the account."""
    (folder / "out").mkdir()
    account = prepare(
        [reader], cleaners, folder / "out",
        work=folder / "work", drop_duplicates=True, held_out=0.3, seed=1, skip_unreadable=False, minimum_kept=0.0,
        emit=lambda event: None, cancel=threading.Event(),
    )  # fmt: skip
    documents = [*read_documents(folder / "out" / "train.jsonl"), *read_documents(folder / "out" / "held_out.jsonl")]
    return documents, account.to_json()


def test_turns_come_through_the_corpus(tmp_path: Path) -> None:
    lines = [{"q": f"问{number}", "a": f"答 {number}  "} for number in range(5)]
    reader = jsonl(tmp_path, *lines, lines[0], prompt=["q"], answer="a")
    documents, account = prepared(tmp_path, reader, ("basic", cleaner("basic")))
    assert len(documents) == 5
    assert {document.turns for document in documents} == {
        (Turn("user", f"问{number}"), Turn("assistant", f"答 {number}")) for number in range(5)
    }
    duplicates = account["duplicates"]
    assert isinstance(duplicates, dict) and duplicates["documents"] == 1


class _Breaks(Cleaner[Options]):
    """Drops what is short, joins lines, and counts what it changed."""

    def clean(self, text: str) -> str | Cleaned | Dropped:
        if len(text) < 4:
            return Dropped("too_short")
        joined = text.replace("\n", "")
        return Cleaned(joined, {"joined": 1}) if joined != text else text


def test_no_cleaner_reaches_over_the_end_of_a_turn(tmp_path: Path) -> None:
    """A short answer is no short document, and lines are never joined across turns."""
    reader = jsonl(
        tmp_path,
        {"q": "春眠\n不觉晓", "a": "鸟"},
        {"q": "夜来风雨声", "a": "花落知\n多少"},
        {"q": "a", "a": "b"},
        prompt=["q"],
        answer="a",
    )
    documents, account = prepared(tmp_path, reader, ("breaks", _Breaks(Options())))
    assert {document.turns for document in documents} == {
        (Turn("user", "春眠不觉晓"), Turn("assistant", "鸟")),
        (Turn("user", "夜来风雨声"), Turn("assistant", "花落知多少")),
    }
    dropped, changes = account["dropped"], account["changes"]
    assert isinstance(dropped, dict) and list(dropped) == ["breaks: too_short"]
    assert changes == {"breaks: joined": 2}


class _Empties(Cleaner[Options]):
    def clean(self, text: str) -> str:
        return text.replace("鸟", "")


def test_a_turn_that_is_cleaned_away_takes_the_conversation_along(tmp_path: Path) -> None:
    reader = jsonl(
        tmp_path, *({"q": f"问{n}", "a": "鸟" if n == 2 else f"花{n}"} for n in range(4)), prompt=["q"], answer="a"
    )
    documents, account = prepared(tmp_path, reader, ("empties", _Empties(Options())))
    assert len(documents) == 3
    dropped = account["dropped"]
    assert isinstance(dropped, dict) and list(dropped) == ["zaoju: empty"]


@pytest.mark.parametrize(("value", "options"), SHAPES[2:])
def test_init_knows_the_common_shapes(tmp_path: Path, value: object, options: dict[str, object]) -> None:
    jsonl(tmp_path, *[value] * 3)
    project = init_project(tmp_path / "mine", [tmp_path / "talk.jsonl"])
    config = yaml.safe_load(project.config.read_text("utf-8"))
    (reader,) = config["corpus"]["readers"]
    expected = {"prompt": ["instruction"], "answer": "output"} if "instruction" in str(value) else options
    assert {name: reader.get(name) for name in expected} == expected
    assert config["trainer"]["windows"] == "documents"
    assert project.documents == 3
