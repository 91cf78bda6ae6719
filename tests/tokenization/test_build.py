"""What the engine asks of a vocabulary builder, and how building goes on and stops."""

from __future__ import annotations

import tempfile
from pathlib import Path
from threading import Event

import pytest
from vocabulary_corpus import build, builtin_plugins, sentences, write_documents

from zaoju import Cancelled, PluginError
from zaoju.contracts import Progress
from zaoju.plugins import ResolvedComponent
from zaoju.tokenization import build_tokenizer


@pytest.mark.parametrize(
    ("target", "message"),
    [("UnknownWords", "gives a tokenizer that loses text"), ("LearnsEndOfText", "has learned '<|endoftext|>'")],
)
def test_a_faulty_builder_is_refused_by_name(target: str, message: str, tmp_path: Path) -> None:
    faulty = ResolvedComponent("vocabulary", "faulty", "a-package", "1.2", f"faulty_builders:{target}", None, {})
    with pytest.raises(PluginError, match=message) as caught:
        build_tokenizer(
            write_documents(tmp_path / "train.jsonl", sentences(3)),
            builtin_plugins().resolve("segmenter", "none"),
            faulty,
            live=False,
            workers=1,
            emit=lambda _: None,
            cancel=Event(),
        )
    assert "'faulty' of a-package 1.2" in str(caught.value)


def test_progress_reaches_the_end_and_nothing_is_left_behind(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    seen: list[object] = []
    build(tmp_path, "characters", emit=seen.append)
    assert seen[:2] == [
        Progress("segmenting", 400, 400, "documents"),
        Progress("learning the vocabulary", 400, 400, "documents"),
    ]
    assert list(temporary.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["train.jsonl"]


def test_the_folder_of_the_documents_is_left_alone(tmp_path: Path) -> None:
    beside: list[list[str]] = []
    build(tmp_path, "characters", emit=lambda event: beside.append([path.name for path in tmp_path.iterdir()]))
    assert beside and all(names == ["train.jsonl"] for names in beside)


def test_it_stops_when_asked(tmp_path: Path) -> None:
    cancel = Event()
    cancel.set()
    plugins = builtin_plugins()
    documents = write_documents(tmp_path / "train.jsonl", sentences(3))
    none, characters = plugins.resolve("segmenter", "none"), plugins.resolve("vocabulary", "characters")
    with pytest.raises(Cancelled):
        build_tokenizer(documents, none, characters, live=False, workers=1, emit=lambda _: None, cancel=cancel)
