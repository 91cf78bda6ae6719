"""A pretrained model that learns new words: a larger tokenizer, and first weights for what is new."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch

from zaoju.config import ConfigSource, check_config, discover_plugins, open_segmenter, resolve_choice
from zaoju.contracts import Event, EventSink, Initialiser, NewTokens, Progress
from zaoju.corpus import read_documents
from zaoju.errors import ArtefactError, Cancelled, UserError
from zaoju.files import whole_folder
from zaoju.models import Extension, check_new_rows, extend_model
from zaoju.pipeline.pipeline import Pipeline
from zaoju.pipeline.text_tools import read_texts
from zaoju.plugins import PluginManager, ResolvedComponent
from zaoju.tokenization import (
    HOSTILE_TEXT,
    ExtendedTokenizer,
    Tokenizer,
    Unreachable,
    extend_by_corpus,
    extend_by_words,
    read_words,
    segment_documents,
)

DEFAULT_INITIALISER = "mean_of_parts"
_SAMPLE_CHARACTERS = 200_000
_REPORT_EVERY = 512
_SHOWN = 3
_KEPT = ("chat_template.jinja",)
_CORPUS = "corpus"
"""What an initialiser names in `Component.needs` where it cannot do without one."""

OpenTexts: TypeAlias = Callable[[EventSink], Iterator[str]]
"""Gives all texts from the first; what a reader notices goes to the sink."""


@dataclass(frozen=True, slots=True)
class Extended:
    """What `extend` has made."""

    folder: Path
    tokens_before: int
    tokens_added: int
    bytes_added: int
    """How many of those are bytes that the old vocabulary lacked, so that it lost text."""

    rows: int
    """Rows of the embedding, padding included."""

    characters_per_token_before: float
    characters_per_token: float
    """On the beginning of the corpus, or on the list of words."""

    words_added: tuple[str, ...]
    words_known: tuple[str, ...]
    """Words of a list that were tokens before."""

    words_unreachable: tuple[Unreachable, ...]
    """Words of a list that could not be made tokens, and why."""


def extend(
    model: Path | str,
    to: Path | str,
    *,
    words: Path | Sequence[str] | None = None,
    corpus: Sequence[Path | str] | None = None,
    size: int | None = None,
    initialiser: str | Mapping[str, object] = DEFAULT_INITIALISER,
    multiple: int = 64,
    segmenter: str | None = None,
    seed: int = 1,
    config: ConfigSource = None,
    overrides: Sequence[str] = (),
    on_event: EventSink | None = None,
    cancel: threading.Event | None = None,
) -> Extended:
    """Write the model in the folder `model`, with a larger vocabulary, to the new folder `to`.

    The new tokens are `words` (a list, or a file with a word a line), or are learned from the files of `corpus`, or,
    with neither, from the documents that the configuration trains on. With `words`, a corpus is only what an
    initialiser such as `similar_tokens` learns from. At most `size` are added; only a list of words
    goes without the number. Old tokens keep their ids. The folder loads in transformers, and in zaoju as a model and as
    `model.init_from`.

    A corpus is cut by the segmenter of this name, or by the configuration's own. `initialiser` gives the new rows their
    first weights: a name, or `{"name": ..., options}`; `seed` is that of its random numbers. Rows are padded to a
    multiple of `multiple`. Raises `UserError`, or one of its kinds; then nothing is written.
    """
    model, to = Path(model), Path(to)
    _check_request(to, words, size)
    plugins = discover_plugins(config, overrides=overrides)
    chosen = resolve_choice(plugins, "initialiser", initialiser)
    _check_sources(words, corpus, plugins, chosen)
    old = Tokenizer.load(model, plugins)
    opened = _open_texts(words, corpus, plugins, config, overrides, on_event, cancel)
    texts = _Texts(opened, on_event or _silent, cancel or threading.Event())
    if words is not None:
        sample = read_words(words) if isinstance(words, Path) else list(words)
        extended = extend_by_words(model, plugins, sample, size)
    else:
        named = [] if segmenter is None else [f"tokenization.segmenter={json.dumps(segmenter)}"]
        cutter = open_segmenter(config, overrides=[*overrides, *named])
        extended = extend_by_corpus(model, plugins, segment_documents(cutter, texts, 0), size or 0)
        sample = texts.sample
    _check_tokenizer(old, extended)
    with whole_folder(to) as folder:
        rows = _write(model, folder, extended, chosen, texts, seed, multiple)
    return Extended(
        folder=to,
        tokens_before=old.vocabulary_size,
        tokens_added=len(extended.parts),
        bytes_added=extended.bytes_added,
        rows=rows,
        characters_per_token_before=_characters_per_token(old, sample),
        characters_per_token=_characters_per_token(extended.tokenizer, sample),
        words_added=extended.added,
        words_known=extended.known,
        words_unreachable=extended.unreachable,
    )


def _check_request(to: Path, words: Path | Sequence[str] | None, size: int | None) -> None:
    if to.exists():
        raise UserError(f"{to} exists already; name a folder that does not, or remove this one")
    if words is None and size is None:
        raise UserError("say how many tokens a corpus may add, such as a size of 8000")
    if size is not None and size < 1:
        raise UserError(f"size: at least 1 token must be added, got {size}")


def _check_sources(
    words: Path | Sequence[str] | None,
    corpus: Sequence[Path | str] | None,
    plugins: PluginManager,
    initialiser: ResolvedComponent,
) -> None:
    """Refuse a corpus that nobody would read, and a list of words alone where the initialiser learns from a corpus."""
    offer = plugins.find("initialiser", f"{initialiser.package}:{initialiser.name}")
    learns = _CORPUS in offer.component.needs
    if words is not None and corpus is not None and not learns:
        raise UserError(
            "the new tokens come from a list of words or from a corpus; give one of the two (the initialiser "
            f"{initialiser.name!r} reads no corpus either)"
        )
    if words is not None and corpus is None and learns:
        raise UserError(
            f"the initialiser {initialiser.name!r} learns from a corpus: give one beside the list of words, or choose "
            "another initialiser"
        )


def _open_texts(
    words: Path | Sequence[str] | None,
    corpus: Sequence[Path | str] | None,
    plugins: PluginManager,
    config: ConfigSource,
    overrides: Sequence[str],
    on_event: EventSink | None,
    cancel: threading.Event | None,
) -> OpenTexts:
    """The texts of the corpus; without one those that the configuration trains on, never those that it holds out."""
    if corpus is not None:
        files = [Path(file) for file in corpus]
        return lambda emit: read_texts(files, plugins, emit)
    if words is not None:
        return lambda emit: iter(())
    # What the configuration trains on from may well be the folder that is to be made here.
    checked = check_config(config, overrides=[*overrides, "model.init_from=null"])
    prepared = Pipeline(checked.plan, checked.plugins, on_event=on_event, cancel=cancel).prepare()
    return lambda emit: (document.text for document in read_documents(prepared / "train.jsonl"))


class _Texts:
    """Texts that may be gone through several times, counted on their way; the first ones are kept as a sample."""

    def __init__(self, opened: OpenTexts, emit: EventSink, cancel: threading.Event) -> None:
        self.sample: list[str] = []
        self._open = opened
        self._emit = emit
        self._cancel = cancel
        self._passes = 0

    def __iter__(self) -> Iterator[str]:
        first, characters = self._passes == 0, 0
        self._passes += 1
        # What readers notice is told once.
        for number, text in enumerate(self._open(self._emit if first else _silent), start=1):
            if self._cancel.is_set():
                raise Cancelled("extending the vocabulary was stopped; nothing was written")
            if first and characters < _SAMPLE_CHARACTERS:
                self.sample.append(text)
            characters += len(text)
            if number % _REPORT_EVERY == 0:
                self._emit(Progress("reading for new tokens", number, None, "documents"))
            yield text


def _check_tokenizer(old: Tokenizer, extended: ExtendedTokenizer) -> None:
    """Nothing is written where nothing was gained, or where anything would be lost."""
    if not extended.parts:
        reasons = "".join(f"; {word.word}: {word.reason}" for word in extended.unreachable[:_SHOWN])
        raise UserError(f"not one token would be added: all are there already, or cannot be reached{reasons}")
    new = extended.tokenizer
    if old.decode(old.encode(HOSTILE_TEXT)) == HOSTILE_TEXT != new.decode(new.encode(HOSTILE_TEXT)):
        raise ArtefactError("the extended tokenizer loses text that the old one kept; this is a fault of zaoju")


def _write(
    model: Path,
    folder: Path,
    extended: ExtendedTokenizer,
    chosen: ResolvedComponent,
    texts: _Texts,
    seed: int,
    multiple: int,
) -> int:
    """Write everything into `folder`; the number of rows."""
    initialiser = chosen.build(Initialiser)

    def documents() -> Iterator[list[int]]:
        return map(extended.tokenizer.encode, texts)

    def make_rows(matrix: torch.Tensor, number: int) -> torch.Tensor:
        rows = initialiser.rows(matrix.clone(), NewTokens(extended.parts, extended.splits, seed + number, documents))
        check_new_rows(matrix, rows, len(extended.parts), extended.tokenizer.show, chosen.label)
        return rows

    larger = extend_model(model, extended.parts, first_new=extended.first_new, multiple=multiple, make_rows=make_rows)
    larger.save(folder)
    extended.tokenizer.save(folder)
    Extension(extended.first_new, extended.tokenizer.vocabulary_size, chosen.name).write(folder)
    for name in _KEPT:
        if (model / name).is_file():
            shutil.copyfile(model / name, folder / name)
    return larger.vocabulary_size


def _characters_per_token(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    return sum(map(len, texts)) / max(1, sum(map(len, tokenizer.encode_batch(texts))))


def _silent(event: Event) -> None:
    """The caller asked for no events."""
