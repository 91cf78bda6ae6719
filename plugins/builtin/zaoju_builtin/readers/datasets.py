"""Datasets of the library of that name: saved on disk, as a folder of data files, or streamed from a hub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import huggingface_hub
import yaml
from datasets import Dataset, DatasetDict, IterableDataset, load_dataset, load_from_disk

from zaoju import CorpusError
from zaoju.contracts import Document, Part, PartedReader, Problem
from zaoju.corpus import SourceFile, find_files, fingerprint_files
from zaoju_builtin.readers.front_matter import front_matter_lines
from zaoju_builtin.readers.options import DatasetsOptions
from zaoju_builtin.readers.rows import document_of, no_such_columns

_ROWS = 256
_COMMIT = re.compile("[0-9a-f]{40}")


class DatasetsReader(PartedReader[DatasetsOptions]):
    """One document a row, by the library datasets (https://github.com/huggingface/datasets). A shard is a part.

    Only a dataset that is named as one of a hub is ever looked for there.
    """

    def parts(self) -> list[Part]:
        """One for each file of a saved dataset, or each shard of another; or one that says why there is none."""
        return self._parts

    def read_part(self, part: Part) -> Iterator[Document | Problem]:
        """The documents of one shard."""
        place = part.place
        if "reason" in place:
            yield Problem(part.label, str(place["reason"]))
            return
        number = 0
        try:
            opened = self._opened(part)
            names = opened.column_names
            columns = [name for name in self.options.columns if names is None or name in names]
            if not columns:
                yield Problem(self._shown(part), no_such_columns(self.options.columns, names), part.size or 0)
                return
            for row in _rows(opened if names is None else opened.select_columns(columns)):
                number += 1
                yield document_of(
                    row,
                    columns,
                    self.options.maximum_characters,
                    label=part.label,
                    shown=self._shown(part),
                    number=number,
                )
        except _UnreadableError as error:
            yield Problem(self._shown(part), f"cannot be read after row {number:,}: {error}")
        else:
            if not number:
                yield Problem(self._shown(part), "it has no rows", stops=False)

    def fingerprint(self) -> str:
        """A hash of all files of a folder; of a hub's dataset, its commit."""
        return self._commit if self.options.path is None else fingerprint_files(self._found)

    def files(self) -> list[Path]:
        """The files in the folder."""
        return [item.path for item in self._found if isinstance(item, SourceFile)]

    @cached_property
    def _parts(self) -> list[Part]:
        path = self.options.path
        try:
            if path is None:
                return self._shards(self._name)
            if not path.is_dir():
                raise _UnreadableError("no such folder; a single file is for the readers parquet, jsonl, csv and json")
            if (path / "state.json").is_file() or (path / "dataset_dict.json").is_file():
                return self._saved_parts(path)
            _check_card(path / "README.md")
            return self._shards(path.name)
        except _UnreadableError as error:
            return [Part(str(path or self._name), 0, {"reason": str(error)})]

    def _saved_parts(self, path: Path) -> list[Part]:
        split = self.options.split
        with _foreign():
            opened = load_from_disk(str(path))
        if isinstance(opened, DatasetDict):
            if split not in opened:
                raise _UnreadableError(f"has no split {split!r}; it has {list(opened)}: set `split:` in the reader")
            opened = opened[split]
        elif split not in ("train", str(opened.split)):
            raise _UnreadableError(f"is one dataset without splits, and {split!r} is asked for: leave `split:` out")
        files = [Path(file["filename"]) for file in opened.cache_files]
        return [
            Part(f"{path.name}/{file.relative_to(path).as_posix()}", file.stat().st_size, {"file": str(file)})
            for file in files
        ]

    def _shards(self, name: str) -> list[Part]:
        count = self._stream.num_shards
        return [
            Part(f"{name} {self.options.split} {number + 1}/{count}", None, {"shard": number, "of": count})
            for number in range(count)
        ]

    def _opened(self, part: Part) -> Dataset | IterableDataset:
        place = part.place
        if "file" in place:
            with _foreign():
                return Dataset.from_file(str(place["file"]))
        stream = self._stream
        with _foreign():
            return stream.shard(int(place["of"] or 1), int(place["shard"] or 0))

    @cached_property
    def _stream(self) -> IterableDataset:
        """The split, of which nothing is read before one asks."""
        options = self.options
        source, revision = (self._name, self._commit) if options.path is None else (str(options.path), None)
        with _foreign():
            return load_dataset(source, options.configuration, split=options.split, revision=revision, streaming=True)

    @property
    def _name(self) -> str:
        return self.options.hub or ""

    @cached_property
    def _commit(self) -> str:
        """The commit of the hub's dataset that is read: the one that is named, or the newest."""
        name, revision = self._name, self.options.revision
        if huggingface_hub.constants.HF_HUB_OFFLINE:
            raise CorpusError(
                f"the dataset {name} lies on a hub, and HF_HUB_OFFLINE forbids to go there: unset it, or name a folder"
                " that `save_to_disk` or a download left, with `path:`"
            )
        if revision is not None and _COMMIT.fullmatch(revision):
            return revision
        try:
            return str(huggingface_hub.HfApi().dataset_info(name, revision=revision, timeout=30).sha)
        except Exception as error:  # whatever the HTTP library of the day raises
            raise CorpusError(
                f"the dataset {name} cannot be found on the hub ({_first_line(error)}). Is the name right, are you"
                " connected and allowed to read it? Without a network, name a folder with `path:`"
            ) from error

    def _shown(self, part: Part) -> str:
        return str(part.place.get("file", part.label))

    @cached_property
    def _found(self) -> list[SourceFile | Problem]:
        path = self.options.path
        return [] if path is None else find_files([path], [""])


class _UnreadableError(Exception):
    """Why a dataset, or the rest of it, cannot be read."""


@contextmanager
def _foreign() -> Iterator[None]:
    """The library raises anything, as the formats and the network below it do."""
    try:
        yield
    except Exception as error:
        raise _UnreadableError(_first_line(error)) from error


def _rows(opened: Dataset | IterableDataset) -> Iterator[dict[str, object]]:
    """Batch by batch, which is many times as fast as row by row."""
    batches = iter(opened.iter(batch_size=_ROWS))
    while True:
        with _foreign():
            batch = next(batches, None)
        if batch is None:
            return
        for values in zip(*batch.values(), strict=True):
            yield dict(zip(batch, values, strict=True))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _check_card(path: Path) -> None:
    """A folder's card may say that its data lie elsewhere, where only a hub's name may lead."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = file.read(1 << 20).split("\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise _UnreadableError(f"its README.md: {error.strerror}") from error
    try:
        card = yaml.safe_load("\n".join(lines[1 : front_matter_lines(lines) - 1]))
    except (ValueError, yaml.YAMLError):
        return
    if isinstance(card, dict) and "://" in str(card.get("configs", "")):
        raise _UnreadableError("its README.md says that the data lie elsewhere: download them first")
