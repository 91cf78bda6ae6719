"""From readers to a corpus: cleaned, without duplicates, split, and with every character accounted for."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from zaoju.contracts import Cleaner, Document, EventSink, Notice, Options, Problem, Progress, Reader
from zaoju.corpus.account import Account, Count
from zaoju.corpus.documents import document_line
from zaoju.corpus.held_out import Digest, choose_held_out, text_digest
from zaoju.corpus.source_files import printable
from zaoju.corpus.tally import PROBLEMS_LISTED, Tally
from zaoju.corpus.verdict import check_kept, check_readable
from zaoju.errors import Cancelled
from zaoju.files import write_text_whole

_SECONDS_BETWEEN_REPORTS = 0.2


def prepare(
    readers: Sequence[Reader[Options]],
    cleaners: Sequence[tuple[str, Cleaner[Options]]],
    folder: Path,
    *,
    drop_duplicates: bool,
    held_out: float,
    seed: int,
    skip_unreadable: bool,
    emit: EventSink,
    cancel: threading.Event,
    minimum_kept: float = 0.5,
) -> Account:
    """Write `train.jsonl`, `held_out.jsonl` and `account.json` into `folder`, and return the account.

    Memory does not grow with the corpus, except for one hash a document. The share `held_out` of the documents is
    kept for evaluation; equal texts always go to the same side.

    Raises `CorpusError` where something cannot be read and `skip_unreadable` is false (after going through
    everything, so that one message lists it all), where fewer than two different texts are left, and where the
    cleaners leave less than `minimum_kept` of the characters. Raises `Cancelled` soon after `cancel` is set.
    """
    source = _Source(readers, emit, cancel, skip_unreadable=skip_unreadable)
    tally = Tally(cleaners)
    unsorted = folder / "unsorted.txt"
    kept, copies = _write_kept(source, tally, unsorted, drop_duplicates=drop_duplicates)
    check_readable(source.stopping, source.stopping_count)
    check_kept(tally.account(kept, Count(), source.size), len(copies), minimum_kept)
    chosen = choose_held_out(copies, held_out, seed)
    train, apart = _split(unsorted, folder, {digest.hex() for digest in chosen}, cancel)
    unsorted.unlink()
    account = tally.account(train, apart, source.size)
    write_text_whole(folder / "account.json", json.dumps(account.to_json(), ensure_ascii=False, indent=2) + "\n")
    return account


class _Source:
    """All readers one after another: reports progress and problems, and stops when it is told to."""

    def __init__(
        self, readers: Sequence[Reader[Options]], emit: EventSink, cancel: threading.Event, *, skip_unreadable: bool
    ) -> None:
        self._emit = emit
        self._cancel = cancel
        self._skip_unreadable = skip_unreadable
        self._parts = [(reader, part) for reader in readers for part in reader.parts()]
        sizes = [part.size for _, part in self._parts]
        self.size = None if None in sizes else sum(size or 0 for size in sizes)
        """How many bytes there are to read; None where a reader does not know."""
        self.stopping: list[Problem] = []
        """The first problems that must stop the run."""
        self.stopping_count = 0
        self._noticed = 0

    def items(self) -> Iterator[Document | Problem]:
        """Every document and problem, in order."""
        finished_bytes = documents = 0
        last_report = 0.0
        for reader, part in self._parts:
            for item in reader.read_part(part):
                _stop_if(self._cancel)
                now = time.monotonic()
                if now - last_report >= _SECONDS_BETWEEN_REPORTS:
                    self._report(finished_bytes, documents)
                    last_report = now
                checked = _with_whole_characters(item)
                documents += isinstance(checked, Document)
                if isinstance(checked, Problem):
                    self._note(checked)
                yield checked
            finished_bytes += part.size or 0
        self._report(finished_bytes, documents)

    def _report(self, bytes_done: int, documents: int) -> None:
        if self.size is None:
            self._emit(Progress("reading", documents, None, "documents"))
        else:
            self._emit(Progress("reading", bytes_done, self.size, "bytes"))

    def _note(self, problem: Problem) -> None:
        if problem.stops and not self._skip_unreadable:
            self.stopping_count += 1
            if len(self.stopping) < PROBLEMS_LISTED:
                self.stopping.append(problem)
        elif self._noticed < PROBLEMS_LISTED:
            self._noticed += 1
            self._emit(Notice(f"{problem.source}: {problem.reason}"))


def _with_whole_characters(item: Document | Problem) -> Document | Problem:
    """A lone half of a surrogate pair, as JSON escapes can give, is no character and cannot be written in UTF-8.

    In a text it is a problem; in the name of a file it is shown as what it is, unreadable.
    """
    source = printable(item.source)
    if isinstance(item, Problem):
        return replace(item, source=source, reason=printable(item.reason))
    try:
        item.text.encode("utf-8")
    except UnicodeEncodeError as error:
        return Problem(source, f"character {error.start + 1:,} is half of a surrogate pair, which is no text")
    return Document(item.text, source)


def _write_kept(source: _Source, tally: Tally, path: Path, *, drop_duplicates: bool) -> tuple[Count, Counter[Digest]]:
    """Write each kept document after its hash and its length; how much is kept, and how often each text."""
    kept = Count()
    copies: Counter[Digest] = Counter()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for item in source.items():
            if isinstance(item, Problem):
                tally.problem(item)
                continue
            cleaned = tally.clean(item)
            if cleaned is None:
                continue
            text, removed, changes = cleaned
            digest = text_digest(text)
            if drop_duplicates and digest in copies:
                tally.duplicate(item)
                continue
            copies[digest] += 1
            kept += Count(1, len(text))
            tally.keep(removed, changes)
            file.write(f"{digest.hex()}\t{len(text)}\t{document_line(Document(text, item.source))}")
    return kept, copies


def _split(unsorted: Path, folder: Path, chosen: set[str], cancel: threading.Event) -> tuple[Count, Count]:
    """Send each line to one of the two files by its hash; how much went to training and how much is held out."""
    train_count = held_out_count = Count()
    with (
        unsorted.open(encoding="utf-8", newline="\n") as source,
        (folder / "train.jsonl").open("w", encoding="utf-8", newline="\n") as train,
        (folder / "held_out.jsonl").open("w", encoding="utf-8", newline="\n") as held_out,
    ):
        for line in source:
            _stop_if(cancel)
            digest, length, document = line.split("\t", 2)
            if digest in chosen:
                held_out.write(document)
                held_out_count += Count(1, int(length))
            else:
                train.write(document)
                train_count += Count(1, int(length))
    return train_count, held_out_count


def _stop_if(cancel: threading.Event) -> None:
    if cancel.is_set():
        raise Cancelled("preparing the corpus was cancelled; nothing was written")
