"""A corpus in many shards: read in any number of processes, in any order of files, stopped and taken up again."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju import Cancelled, Cleaner, CorpusError, Document, Dropped, Executor, Options, Part, PartedReader, Reader
from zaoju.config import NearDuplicates
from zaoju.contracts import Event, Problem, Progress
from zaoju.corpus import Account, Elsewhere, prepare, read_documents, read_report, read_sources
from zaoju.corpus.report import EXAMPLES_A_RULE
from zaoju.plugins import PluginManager, ResolvedComponent
from zaoju_builtin.executors.processes import ProcessExecutor

T = TypeVar("T")
R = TypeVar("R")

PLUGINS = PluginManager.discover(environment={})
CLEANERS = (PLUGINS.resolve("cleaner", "basic", {"min_characters": 4}),)


def write_corpus(folder: Path, *, files: int = 6, lines: int = 400, seed: int = 5) -> Path:
    """Files of short texts, with duplicates inside and between them, short ones, blank ones and a broken line."""
    chosen = random.Random(seed)
    folder.mkdir(parents=True)
    for number in range(files):
        with (folder / f"{number}.jsonl").open("w", encoding="utf-8") as file:
            for _ in range(lines):
                verse = chosen.choice(["春眠不觉晓，\u200b处处闻啼鸟。", "夜来风雨声", "花", "  ", "落知多少"])
                text = f"{verse}{chosen.randrange(lines)}"[: chosen.choice([2, 40])]
                file.write(json.dumps({"text": text, "title": "诗"}, ensure_ascii=False) + "\n")
    (folder / "0.jsonl").open("a", encoding="utf-8").write("{\n")
    return folder


def run(
    source: Path | Sequence[Path],
    folder: Path,
    *,
    workers: int = 1,
    executor: Executor[Options] | None = None,
    work: Path | None = None,
    cancel: threading.Event | None = None,
    events: list[Event] | None = None,
    drop_duplicates: bool = True,
    near: NearDuplicates | None = None,
) -> Account:
    paths = [str(source)] if isinstance(source, Path) else [str(path) for path in source]
    reader = PLUGINS.resolve("reader", "jsonl", {"paths": paths})
    folder.mkdir(parents=True, exist_ok=True)
    return prepare(
        [reader.build(Reader)],
        [(component.name, component.build(Cleaner)) for component in CLEANERS],
        folder,
        work=work or folder.with_name(f"{folder.name}-work"),
        drop_duplicates=drop_duplicates,
        near_duplicates=near,
        held_out=0.1,
        seed=1,
        skip_unreadable=True,
        emit=(lambda event: None) if events is None else events.append,
        cancel=cancel or threading.Event(),
        minimum_kept=0.0,
        elsewhere=Elsewhere(executor or ProcessExecutor(Options()), workers, (reader,), CLEANERS),
    )


def digest_of(folder: Path) -> str:
    """A hash of every file below a folder, names included."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


@pytest.mark.usefixtures("small_shards")
def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    results = {workers: digest_of_run(corpus, tmp_path / str(workers), workers) for workers in (1, 2, 4)}
    assert len(set(results.values())) == 1, results
    assert len(list((tmp_path / "2-work").glob("0*"))) == 6


def digest_of_run(corpus: Path, folder: Path, workers: int) -> str:
    run(corpus, folder, workers=workers)
    return digest_of(folder)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("drop_duplicates", [True, False])
def test_the_same_texts_are_kept_in_any_order_of_files(tmp_path: Path, drop_duplicates: bool) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    files = sorted(corpus.iterdir())
    first = run(files, tmp_path / "first", drop_duplicates=drop_duplicates)
    other = run(files[::-1], tmp_path / "other", drop_duplicates=drop_duplicates)
    for name in ("train.jsonl", "held_out.jsonl"):
        texts = [document.text for document in read_documents(tmp_path / "first" / name)]
        others = [document.text for document in read_documents(tmp_path / "other" / name)]
        assert texts != others
        assert sorted(texts) == sorted(others)
    assert replace(first, problems=(), dropped={}) == replace(other, problems=(), dropped={})
    assert dict(first.dropped) == dict(other.dropped)


class InTurn(Executor[Options]):
    """Does the tasks here, in an order of its own, and stops before some."""

    def __init__(self, order: Callable[[int], list[int]], stop_after: int | None = None) -> None:
        super().__init__(Options())
        self.order = order
        self.stop_after = stop_after
        self.done = 0

    def run(
        self, function: Callable[[T], R], tasks: Sequence[T], *, workers: int, cancel: threading.Event
    ) -> Iterator[tuple[int, R]]:
        for place in self.order(len(tasks)):
            if self.done == self.stop_after:
                raise KeyboardInterrupt
            yield place, function(tasks[place])
            self.done += 1


@pytest.mark.usefixtures("small_shards")
@settings(deadline=None, derandomize=True, max_examples=5)
@given(st.permutations(range(4)), st.integers(0, 4))
def test_shards_in_any_order_and_interrupted_anywhere_give_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], stop_after: int
) -> None:
    folder = tmp_path_factory.mktemp("corpus")
    corpus = write_corpus(folder / "corpus", files=4, lines=40)
    run(corpus, folder / "straight")
    first, second = InTurn(lambda count: order, stop_after), InTurn(lambda count: list(range(count))[::-1])
    if stop_after < 4:
        with pytest.raises(KeyboardInterrupt):
            run(corpus, folder / "again", workers=2, executor=first)
    run(corpus, folder / "again", workers=2, executor=second)
    missing = 4 - stop_after % 4
    assert second.done == (missing if missing > 1 else 0), "only what is missing is made; a last one in this process"
    assert digest_of(folder / "again") == digest_of(folder / "straight")


@pytest.mark.usefixtures("small_shards")
def test_a_changed_plan_makes_everything_again(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    run(corpus, tmp_path / "out", work=tmp_path / "work")
    shutil.copy(corpus / "1.jsonl", corpus / "0a.jsonl")
    run(corpus, tmp_path / "out", work=tmp_path / "work")
    run(corpus, tmp_path / "fresh")
    assert digest_of(tmp_path / "out") == digest_of(tmp_path / "fresh")


def test_sources_and_sum_agree_and_each_balances(tmp_path: Path) -> None:
    account = run(write_corpus(tmp_path / "corpus"), tmp_path / "out")
    sources = list(read_sources(tmp_path / "out"))
    assert [source.source for source in sources] == [f"corpus/{number}.jsonl" for number in range(6)]
    assert all(source.balanced for source in sources)
    assert account.balanced
    for name in ("read", "train", "held_out", "duplicates"):
        total = sum((getattr(source, name) for source in sources[1:]), start=getattr(sources[0], name))
        assert total == getattr(account, name)
    assert sum(source.removed for source in sources) == sum(account.removed.values()) > 0
    assert sum(source.problems for source in sources) == account.problem_count == 1


def test_the_report_has_a_few_examples_of_each_rule_and_all_lengths(tmp_path: Path) -> None:
    account = run(write_corpus(tmp_path / "corpus"), tmp_path / "out")
    report = read_report(tmp_path / "out")
    assert set(report.examples.of) == {*account.dropped, "exact duplicate"}
    for examples in report.examples.of.values():
        assert 1 <= len({example.text for example in examples}) == len(examples) <= EXAMPLES_A_RULE
        assert all(example.source.startswith("corpus/") for example in examples)
    assert sum(report.read_lengths.classes) == account.read.documents
    assert sum(report.kept_lengths.classes) == account.kept.documents
    longest = max(len(document.text) for document in read_documents(tmp_path / "out" / "train.jsonl"))
    assert report.kept_lengths.classes[longest.bit_length()] > 0
    assert sum(report.kept_lengths.classes[longest.bit_length() + 1 :]) == 0


def test_replaced_bytes_are_counted(tmp_path: Path) -> None:
    class Replacing(PartedReader[Options]):
        def parts(self) -> list[Part]:
            return [Part("a", 40), Part("b", 40)]

        def read_part(self, part: Part) -> Iterator[Document | Problem]:
            for number in range(10):
                yield Document(f"春{part.label}{number}\ufffd", f"{part.label}:{number}", replaced_bytes=number % 3)

        def fingerprint(self) -> str:
            return ""

    account = prepare_here([Replacing(Options())], tmp_path)
    assert account.replaced_bytes == 18
    assert "replaced by U+FFFD: 18 bytes that were no text" in account.lines()
    assert [source.replaced_bytes for source in read_sources(tmp_path / "out")] == [9, 9]


def prepare_here(readers: list[Reader[Any]], folder: Path) -> Account:
    (folder / "out").mkdir()
    return prepare(
        readers, [], folder / "out", work=folder / "work", drop_duplicates=True, held_out=0.1, seed=1,
        skip_unreadable=False, emit=lambda event: None, cancel=threading.Event(),
    )  # fmt: skip


@pytest.mark.usefixtures("small_shards")
def test_progress_in_processes_grows_to_the_size(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    events: list[Event] = []
    run(corpus, tmp_path / "out", workers=2, events=events)
    progress = [event.done for event in events if isinstance(event, Progress)]
    size = sum(path.stat().st_size for path in corpus.iterdir())
    assert progress == sorted(progress)
    assert (progress[-1], [event.total for event in events if isinstance(event, Progress)][-1]) == (size, size)


def faulty(name: str) -> ResolvedComponent:
    return ResolvedComponent("cleaner", name.lower(), "tests", "0", f"{__name__}:{name}", None, {})


class Dying(Cleaner[Options]):
    def clean(self, text: str) -> str | Dropped:
        import os

        os._exit(3)


class Waiting(Cleaner[Options]):
    def clean(self, text: str) -> str | Dropped:
        threading.Event().wait(60)
        return text


@pytest.mark.usefixtures("small_shards")
def test_a_process_that_dies_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.CLEANERS", (faulty("Dying"),))
    with pytest.raises(Exception, match=r"a process .* died; if memory ran out, take fewer `workers:`"):
        run(write_corpus(tmp_path / "corpus"), tmp_path / "out", workers=2)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.usefixtures("small_shards")
def test_cancelling_ends_processes_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.CLEANERS", (faulty("Waiting"),))
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    with pytest.raises(Cancelled):
        run(write_corpus(tmp_path / "corpus"), tmp_path / "out", workers=2, cancel=cancel)


@pytest.mark.usefixtures("small_shards")
def test_unreadable_things_of_all_shards_are_in_one_message_in_order(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    (corpus / "4.jsonl").open("a", encoding="utf-8").write("[]\n")
    reader = PLUGINS.resolve("reader", "jsonl", {"paths": [str(corpus)]})
    with pytest.raises(CorpusError, match=r"2 problems(.|\n)*0.jsonl line 401(.|\n)*4.jsonl line 401"):
        prepare_here([reader.build(Reader)], tmp_path)


@pytest.mark.usefixtures("small_shards")
def test_near_duplicates_are_dropped_the_same_in_any_number_of_workers(tmp_path: Path) -> None:
    pytest.importorskip("rensa")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    chosen = random.Random(4)
    stories = ["".join(chr(0x4E00 + chosen.randrange(2_000)) for _ in range(200)) for _ in range(30)]
    for number in range(3):
        texts = [f"{story}{'。' * number}{'好' * number}" for story in stories] + stories[:5]
        lines = (json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
        (corpus / f"{number}.jsonl").write_text("".join(lines), encoding="utf-8")
    settings = NearDuplicates(threshold=0.8)
    accounts = [run(corpus, tmp_path / str(workers), workers=workers, near=settings) for workers in (1, 2)]
    assert accounts[0] == accounts[1]
    assert digest_of(tmp_path / "1") == digest_of(tmp_path / "2")
    account = accounts[0]
    assert (account.kept.documents, account.near_duplicates.documents, account.duplicates.documents) == (30, 60, 15)
    assert account.balanced
    assert all(source.balanced for source in read_sources(tmp_path / "1"))
    for name in ("train.jsonl", "held_out.jsonl"):
        for document in read_documents(tmp_path / "1" / name):
            assert document.text.endswith("好好"), "of similar texts the longest stays"
    assert len(read_report(tmp_path / "1").examples.of["near duplicate"]) == EXAMPLES_A_RULE
