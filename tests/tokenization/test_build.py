"""What the engine asks of a vocabulary builder, and how building goes on and stops."""

from __future__ import annotations

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


def test_progress_reaches_the_end_and_nothing_is_left_behind(tmp_path: Path) -> None:
    seen: list[object] = []
    build(tmp_path, "characters", emit=seen.append)
    assert seen[-1] == Progress("segmenting", 400, 400, "documents")
    assert [path.name for path in tmp_path.iterdir()] == ["train.jsonl"]


def test_it_stops_when_asked(tmp_path: Path) -> None:
    cancel = Event()
    cancel.set()
    plugins = builtin_plugins()
    documents = write_documents(tmp_path / "train.jsonl", sentences(3))
    none, characters = plugins.resolve("segmenter", "none"), plugins.resolve("vocabulary", "characters")
    with pytest.raises(Cancelled):
        build_tokenizer(documents, none, characters, live=False, workers=1, emit=lambda _: None, cancel=cancel)
