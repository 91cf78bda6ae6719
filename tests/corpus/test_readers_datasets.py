"""The reader of datasets: saved ones, folders of data files, and never a network unless a hub is named."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from corpus_run import run
from datasets import Dataset, DatasetDict
from pydantic import ValidationError
from test_readers import write

from zaoju import Document
from zaoju.contracts import Problem
from zaoju_builtin.readers.datasets import DatasetsReader
from zaoju_builtin.readers.options import DatasetsOptions

ROWS = {"text": ["春", None, "秋", "冬"], "id": [1, 2, 3, 4], "title": [["一", "二"], None, ["三"], ["四"]]}


def reader(path: Path, **options: object) -> DatasetsReader:
    return DatasetsReader(DatasetsOptions.model_validate({"path": path, **options}))


def read(path: Path, **options: object) -> list[Document | Problem]:
    return list(reader(path, **options).read())


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever would go out fails, loudly."""

    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError(f"a reader of a folder asked for the network: {arguments}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_a_saved_dataset_is_read_by_its_files(tmp_path: Path) -> None:
    Dataset.from_dict(ROWS).save_to_disk(tmp_path / "saved", num_shards=2)
    first, second = "saved/data-00000-of-00002.arrow", "saved/data-00001-of-00002.arrow"
    assert read(tmp_path / "saved") == [
        Document("春", f"{first}:1"),
        Problem(f"{tmp_path}/{first} row 2", "has nothing in these columns", stops=False),
        Document("秋", f"{second}:1"),
        Document("冬", f"{second}:2"),
    ]
    parts = reader(tmp_path / "saved").parts()
    assert [(part.label, part.size) for part in parts] == [
        (name, (tmp_path / name).stat().st_size) for name in (first, second)
    ]
    assert len(reader(tmp_path / "saved").files()) == 4


def test_splits_and_columns_are_chosen_and_missing_ones_named(tmp_path: Path) -> None:
    both = DatasetDict({"train": Dataset.from_dict(ROWS), "test": Dataset.from_dict({"text": ["夏"]})})
    both.save_to_disk(tmp_path / "saved")
    source = "saved/train/data-00000-of-00001.arrow"
    assert read(tmp_path / "saved", columns=["title", "text"])[0] == Document("一\n二\n春", f"{source}:1")
    assert [item.text for item in read(tmp_path / "saved", split="test") if isinstance(item, Document)] == ["夏"]
    (problem,) = read(tmp_path / "saved", split="validation")
    assert isinstance(problem, Problem) and "no split 'validation'; it has ['train', 'test']" in problem.reason
    (problem,) = read(tmp_path / "saved", columns=["content"])
    assert isinstance(problem, Problem) and "it has ['text', 'id', 'title']" in problem.reason
    Dataset.from_dict(ROWS).save_to_disk(tmp_path / "one")
    (problem,) = read(tmp_path / "one", split="test")
    assert isinstance(problem, Problem) and "leave `split:` out" in problem.reason


def test_a_folder_as_on_a_hub_is_streamed_by_its_shards(tmp_path: Path) -> None:
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        (tmp_path / "hub/data").mkdir(parents=True, exist_ok=True)
        Dataset.from_dict({"text": [name, None]}).to_parquet(tmp_path / f"hub/data/{name}.parquet")
    write(tmp_path / "hub/README.md", "---\nlicense: mit\n---\n# x\n")
    documents = [item for item in read(tmp_path / "hub") if isinstance(item, Document)]
    assert documents == [
        Document("train-00000-of-00002", "hub train 1/2:1"),
        Document("train-00001-of-00002", "hub train 2/2:1"),
    ]
    (problem,) = read(tmp_path / "hub", split="none")
    assert isinstance(problem, Problem) and "'test'" in problem.reason and "'train'" in problem.reason
    account = run([reader(tmp_path / "hub")], tmp_path / "out")
    assert account.read.documents == 2


def test_json_lines_in_a_folder_are_read_and_a_broken_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "json/train.jsonl", '{"text": "春"}\n{"text": "秋"}\n')
    assert [item.text for item in read(tmp_path / "json") if isinstance(item, Document)] == ["春", "秋"]
    write(tmp_path / "json/train.jsonl", '{"text": "春"}\n{"text": \n')
    problems = read(tmp_path / "json")
    assert problems and all(isinstance(item, Problem) and item.stops for item in problems)


@pytest.mark.parametrize("keep", [0, 100, -40])
def test_a_saved_file_that_breaks_off_is_named(tmp_path: Path, keep: int) -> None:
    Dataset.from_dict(ROWS).save_to_disk(tmp_path / "saved", num_shards=2)
    reading = reader(tmp_path / "saved")
    parts = reading.parts()
    file = tmp_path / "saved/data-00001-of-00002.arrow"
    file.write_bytes(file.read_bytes()[:keep])
    (problem,) = reading.read_part(parts[1])
    assert isinstance(problem, Problem) and problem.source == str(file) and "cannot be read" in problem.reason
    assert isinstance(next(reading.read_part(parts[0])), Document)
    (problem,) = read(tmp_path / "saved")
    assert isinstance(problem, Problem) and problem.source == str(tmp_path / "saved")


def test_what_is_no_dataset_is_named(tmp_path: Path) -> None:
    (problem,) = read(tmp_path / "gone")
    assert isinstance(problem, Problem) and "no such folder" in problem.reason
    (tmp_path / "empty").mkdir()
    (problem,) = read(tmp_path / "empty")
    assert isinstance(problem, Problem) and problem.stops


def test_a_folder_that_sends_to_the_network_is_refused(tmp_path: Path) -> None:
    card = "---\nconfigs:\n- config_name: default\n  data_files: https://example.org/a.jsonl\n---\n"
    write(tmp_path / "hub/README.md", card)
    (problem,) = read(tmp_path / "hub")
    assert isinstance(problem, Problem) and "the data lie elsewhere" in problem.reason


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    prints = []
    for folder, content in [("1", "春"), ("2", "春"), ("3", "秋")]:
        write(tmp_path / folder / "data/train.jsonl", f'{{"text": "{content}"}}\n')
        prints.append(reader(tmp_path / folder / "data").fingerprint())
    assert prints[0] == prints[1] != prints[2]


def test_options_name_one_place() -> None:
    for options in ({}, {"path": "a", "hub": "b/c"}, {"path": "a", "revision": "main"}):
        with pytest.raises(ValidationError, match="hub"):
            DatasetsOptions.model_validate(options)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE forbids"), ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "cannot be found")],
)
def test_a_hub_that_cannot_be_reached_is_a_clear_error(tmp_path: Path, setting: dict[str, str], reason: str) -> None:
    line = [sys.executable, "-m", "zaoju", "prepare", "--set", "corpus.readers=[{name: datasets, hub: nobody/nothing}]"]
    write(tmp_path / "config.yaml", "run: run\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=120, env=environment | setting)
    assert done.returncode == 2 and reason in done.stderr and "Traceback" not in done.stderr
    assert "`path:`" in done.stderr
