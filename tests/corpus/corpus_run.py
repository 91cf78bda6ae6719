"""What the tests of the corpus room share: run `prepare` with few words."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zaoju import Cleaner, Document, Event, Options, Reader
from zaoju.contracts import Problem
from zaoju.corpus import Account, prepare, read_documents
from zaoju_builtin.cleaners.basic import BasicCleaner
from zaoju_builtin.cleaners.options import BasicOptions


class ListReader(Reader[Options]):
    """Gives what it was given."""

    def __init__(self, items: Sequence[str | Document | Problem]) -> None:
        super().__init__(Options())
        self.items = items

    def read(self) -> Iterator[Document | Problem]:
        for number, item in enumerate(self.items):
            yield Document(item, f"item {number}") if isinstance(item, str) else item

    def fingerprint(self) -> str:
        return repr(self.items)


def basic(**options: object) -> tuple[str, Cleaner[BasicOptions]]:
    return "basic", BasicCleaner(BasicOptions.model_validate(options))


def run(
    readers: Sequence[Reader[Any]],
    folder: Path,
    *,
    cleaners: Sequence[tuple[str, Cleaner[Any]]] | None = None,
    drop_duplicates: bool = True,
    held_out: float = 0.02,
    seed: int = 1,
    skip_unreadable: bool = False,
    minimum_kept: float = 0.5,
    events: list[Event] | None = None,
    cancel: threading.Event | None = None,
) -> Account:
    folder.mkdir(exist_ok=True)
    work = folder.with_name(f"{folder.name}-shards")
    shutil.rmtree(work, ignore_errors=True)
    return prepare(
        readers,
        [basic()] if cleaners is None else cleaners,
        folder,
        work=work,
        drop_duplicates=drop_duplicates,
        held_out=held_out,
        seed=seed,
        skip_unreadable=skip_unreadable,
        emit=(lambda event: None) if events is None else events.append,
        cancel=cancel or threading.Event(),
        minimum_kept=minimum_kept,
    )


def texts(folder: Path, part: str) -> list[str]:
    return [document.text for document in read_documents(folder / f"{part}.jsonl")]
