"""Single stages on a text or a file of the user's, outside any run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from zaoju.config import ConfigSource, open_decoding, open_segmenter
from zaoju.contracts import Document, Event, EventSink, Notice, Problem, Reader, Segmenter
from zaoju.corpus import inspect_files
from zaoju.errors import CorpusError
from zaoju.evaluation import Score, bits_per_character
from zaoju.plugins import PluginManager
from zaoju.tokenization import LosslessSegmenter


def segment(
    text: str, *, segmenter: str | None = None, config: ConfigSource = None, overrides: Sequence[str] = ()
) -> list[str]:
    """The pieces of `text`, which joined give it back: by a segmenter of this name, or by the configuration's own.

    Where `config` is None and there is no `config.yaml`, the defaults stand.
    """
    named = [] if segmenter is None else [f"tokenization.segmenter={json.dumps(segmenter)}"]
    component = open_segmenter(config, overrides=[*named, *overrides])
    return LosslessSegmenter(component.build(Segmenter)).pieces(text)


def evaluate_files(
    model: Path | str,
    files: Sequence[Path | str],
    *,
    config: ConfigSource = None,
    overrides: Sequence[str] = (),
    on_event: EventSink | None = None,
    cancel: threading.Event | None = None,
) -> Score:
    """Bits per character of a model on files of any kind that a builtin reader reads, and folders of them.

    Device and plugins are the configuration's; where `config` is None and there is no `config.yaml`, the defaults
    stand. Of conversations, a model with a chat template is scored on the answers. Raises `CorpusError` where a file
    cannot be read whole: a score on half of the text would mislead.
    """
    # Deferred: a text is cut into words without torch.
    from zaoju.generation import Engine
    from zaoju.models import choose_device

    opened = open_decoding(config, overrides=overrides)
    engine = Engine.load(Path(model), device=choose_device(opened.device), plugins=opened.plugins, runner=opened.runner)
    emit = on_event or silent
    documents = _read([Path(file) for file in files], opened.plugins, emit)
    knows_turns = engine.tokenizer.chat_template is not None
    texts = (document if knows_turns else document.text for document in documents)
    return bits_per_character(engine.runner, engine.tokenizer, texts, emit=emit, cancel=cancel or threading.Event())


def read_texts(files: Sequence[Path], plugins: PluginManager, emit: EventSink) -> Iterator[str]:
    """The texts of files of any kind that `inspect_files` knows, and of folders of them.

    What a reader notices, such as a guessed encoding, is told as a `Notice`. Raises `CorpusError` where a file cannot
    be read whole.
    """
    return (document.text for document in _read(files, plugins, emit))


def _read(files: Sequence[Path], plugins: PluginManager, emit: EventSink) -> Iterator[Document]:
    inspection = inspect_files(files)
    for problem in inspection.problems:
        _tell(problem, emit)
    for suggestion in inspection.readers:
        # How a text file is parted must not depend on a guess here, or scores could not be compared.
        options = {key: value for key, value in suggestion.reader.items() if key not in ("name", "documents")}
        reader = plugins.resolve("reader", str(suggestion.reader["name"]), options).build(Reader)
        for item in reader.read():
            if isinstance(item, Problem):
                _tell(item, emit)
            else:
                yield item


def _tell(problem: Problem, emit: EventSink) -> None:
    if problem.stops:
        raise CorpusError(f"{problem.source}: {problem.reason}")
    emit(Notice(f"{problem.source}: {problem.reason}"))


def silent(event: Event) -> None:
    """The caller asked for no events."""
