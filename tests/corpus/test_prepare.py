from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from corpus_run import ListReader, basic, run, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju import Cancelled, Cleaner, CorpusError, Document, Dropped, Event, Options, PluginError
from zaoju.contracts import Notice, Problem, Progress
from zaoju.corpus import Account, Count, read_documents

POEMS = [f"第{number}首：床前明月光，疑是地上霜。" for number in range(100)]


def test_everything_is_kept_once_and_the_account_balances(tmp_path: Path) -> None:
    account = run([ListReader(POEMS)], tmp_path)
    train, held_out = texts(tmp_path, "train"), texts(tmp_path, "held_out")
    assert sorted(train + held_out) == sorted(POEMS)
    assert train == [poem for poem in POEMS if poem in train]
    assert (account.train.documents, account.held_out.documents) == (98, 2)
    assert account.read == Count(100, sum(map(len, POEMS)))
    assert account.balanced
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "account.json",
        "held_out.jsonl",
        "report.json",
        "sources.jsonl",
        "train.jsonl",
    ]


def test_account_file_gives_the_same_account(tmp_path: Path) -> None:
    problem = Problem("a.txt", "损坏", 7)
    account = run([ListReader([*POEMS, POEMS[0], " ", problem])], tmp_path, skip_unreadable=True)
    assert Account.from_json(json.loads((tmp_path / "account.json").read_text(encoding="utf-8"))) == account
    assert account.dropped == {"basic: empty": Count(1, 1)}
    assert account.duplicates == Count(1, len(POEMS[0]))
    assert (account.problem_count, account.problem_bytes, account.problems) == (1, 7, (problem,))


document_texts = st.text(st.sampled_from("春眠不觉晓 \n\t\r\u200b\u3000a\u0301"), max_size=12)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(document_texts, max_size=30), st.booleans(), st.integers(1, 4))
def test_account_balances_whatever_goes_in(
    tmp_path_factory: pytest.TempPathFactory, items: list[str], drop_duplicates: bool, shortest: int
) -> None:
    folder = tmp_path_factory.mktemp("corpus")
    given_texts = [*items, "春" * 50, "眠" * 50]
    account = run(
        [ListReader(given_texts)],
        folder,
        cleaners=[basic(min_characters=shortest)],
        drop_duplicates=drop_duplicates,
        minimum_kept=0.0,
    )
    assert account.balanced
    assert account.read == Count(len(given_texts), sum(map(len, given_texts)))
    for part, count in (("train", account.train), ("held_out", account.held_out)):
        written = texts(folder, part)
        assert count == Count(len(written), sum(map(len, written)))


def test_account_that_loses_a_character_does_not_balance() -> None:
    assert Account(read=Count(2, 10), train=Count(1, 5), held_out=Count(1, 5)).balanced
    assert not Account(read=Count(2, 10), train=Count(1, 5), held_out=Count(1, 4)).balanced
    assert not Account(read=Count(3, 10), train=Count(1, 5), held_out=Count(1, 5)).balanced


def test_lines_say_what_became_of_everything(tmp_path: Path) -> None:
    items: list[str | Document | Problem] = [*POEMS, POEMS[0], " ", "好\u200b诗啊诗", Problem("a.txt", "damaged", 7)]
    lines = run([ListReader(items)], tmp_path, skip_unreadable=True).lines()
    assert [line.split("  ")[0].strip() or line.split("  ")[1] for line in lines] == [
        "read",
        "dropped by basic: empty",
        "exact duplicates",
        "removed by basic",
        "kept for training",
        "kept held out",
        "problems and notices: 1, about 7 bytes",
        "a.txt: damaged",
    ]
    assert len({len(line) for line in lines[:6]}) == 1


def test_cleaners_work_in_order_and_each_removal_has_a_name(tmp_path: Path) -> None:
    class NoDigits(Cleaner[Options]):
        def clean(self, text: str) -> str | Dropped:
            return Dropped("advert") if "广告" in text else "".join(filter(lambda sign: not sign.isdigit(), text))

    items = ["春天12来了 ", "夏天3来了", "广告99"]
    account = run([ListReader(items)], tmp_path, cleaners=[basic(), ("digits", NoDigits(Options()))])
    assert account.removed == {"basic": 1, "digits": 3}
    assert account.dropped == {"digits: advert": Count(1, 4)}
    assert account.balanced


def test_cleaner_that_returns_nothing_is_named(tmp_path: Path) -> None:
    class Forgetful(Cleaner[Options]):
        def clean(self, text: str) -> str | Dropped:
            return None  # type: ignore[return-value]  # the mistake under test

    with pytest.raises(PluginError, match="cleaner 'lazy' returned NoneType for item 0"):
        run([ListReader(POEMS)], tmp_path, cleaners=[("lazy", Forgetful(Options()))])


def test_without_cleaners_an_empty_document_is_still_no_document(tmp_path: Path) -> None:
    account = run([ListReader([*POEMS, ""])], tmp_path, cleaners=[])
    assert account.dropped == {"zaoju: empty": Count(1, 0)}


def test_unreadable_things_are_all_listed_after_going_through_everything(tmp_path: Path) -> None:
    items: list[str | Document | Problem] = [
        Problem("a.txt", "not utf-8"),
        *POEMS,
        Problem("b.txt", "no permission to read it"),
    ]
    with pytest.raises(CorpusError) as caught:
        run([ListReader(items)], tmp_path)
    message = str(caught.value)
    assert "a.txt: not utf-8" in message
    assert "b.txt: no permission" in message
    assert "corpus.unreadable: skip" in message
    assert not (tmp_path / "account.json").exists()


def test_a_million_problems_are_counted_and_the_first_are_shown(tmp_path: Path) -> None:
    items = [Problem(f"line {number}", "not JSON", 1) for number in range(5_000)]
    with pytest.raises(CorpusError, match=r"5,000 problems(.|\n)*and 4,900 more"):
        run([ListReader([*items, *POEMS])], tmp_path)
    events: list[Event] = []
    account = run([ListReader([*items, *POEMS])], tmp_path, skip_unreadable=True, events=events)
    assert (account.problem_count, account.problem_bytes, len(account.problems)) == (5_000, 5_000, 100)
    assert sum(isinstance(event, Notice) for event in events) == 101, "the first 100, and how many more there are"


def test_harmless_problem_is_a_notice_and_stands_in_the_account(tmp_path: Path) -> None:
    events: list[Event] = []
    account = run([ListReader([Problem("a.txt", "the file is empty", stops=False), *POEMS])], tmp_path, events=events)
    assert Notice("a.txt: the file is empty") in events
    assert account.problem_count == 1


def test_half_a_surrogate_pair_is_a_problem_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"item 1: character 2 is half of a surrogate pair"):
        run([ListReader(["好", "好\ud83d", "诗"])], tmp_path)


@pytest.mark.parametrize("items", [[], ["", "  "], [Problem("a", "b", stops=False)]])
def test_nothing_kept_stops(tmp_path: Path, items: list[str | Problem]) -> None:
    with pytest.raises(CorpusError, match="nothing is left"):
        run([ListReader(items)], tmp_path)


@pytest.mark.parametrize("items", [["一首诗"], ["一首诗", "一首诗"]])
def test_one_text_cannot_be_split_and_the_message_says_what_to_do(tmp_path: Path, items: list[str]) -> None:
    for drop_duplicates in (True, False):
        with pytest.raises(CorpusError, match=r"only one text(.|\n)*documents: line"):
            run([ListReader(items)], tmp_path, drop_duplicates=drop_duplicates)


def test_cleaners_that_take_most_of_it_stop_the_run_and_are_named(tmp_path: Path) -> None:
    items = [*(f"诗{number:02}" for number in range(20)), "很长很长的一首诗啊啊", "也很长很长的一首诗啊"]
    with pytest.raises(CorpusError, match=r"only 25% .*'basic: too_short' took 60 of 80(.|\n)*corpus.minimum_kept"):
        run([ListReader(items)], tmp_path, cleaners=[basic(min_characters=5)])
    account = run([ListReader(items)], tmp_path, cleaners=[basic(min_characters=5)], minimum_kept=0.2)
    assert account.kept == Count(2, 20)


def test_duplicates_do_not_count_as_lost(tmp_path: Path) -> None:
    account = run([ListReader([*POEMS[:2], *POEMS[:1] * 50])], tmp_path)
    assert account.share_kept == 1.0


def test_progress_ends_at_its_total(tmp_path: Path) -> None:
    events: list[Event] = []
    run([ListReader(POEMS), ListReader(["又一首"])], tmp_path, events=events)
    assert events[-1] == Progress("reading", 101, None, "documents")


def test_cancel_stops_at_the_next_document(tmp_path: Path) -> None:
    cancel = threading.Event()

    class Counting(ListReader):
        given = 0

        def read(self) -> Iterator[Document | Problem]:
            for item in super().read():
                self.given += 1
                if self.given == 3:
                    cancel.set()
                yield item

    reader = Counting(POEMS)
    with pytest.raises(Cancelled):
        run([reader], tmp_path, cancel=cancel)
    assert reader.given == 3
    assert not (tmp_path / "account.json").exists()


def test_documents_keep_line_ends_and_odd_characters(tmp_path: Path) -> None:
    items = ["一\n二\t三", "四\u2028五\x85六\r七", '{"text": "\\n"}', "<|endoftext|><0x41>", "𠮷👨‍👩‍👧é"]
    run([ListReader(items)], tmp_path, cleaners=[])
    assert sorted(texts(tmp_path, "train") + texts(tmp_path, "held_out")) == sorted(items)


@pytest.mark.parametrize("line", ["{", '["text"]', '{"text": "好"}', '"好"', ""])
def test_a_damaged_corpus_file_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"text": "好", "source": "a:1"}\n' + line + "\n", encoding="utf-8")
    documents = read_documents(path)
    assert next(documents) == Document("好", "a:1")
    with pytest.raises(CorpusError, match="line 2: not a document"):
        next(documents)


def test_a_missing_corpus_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="zaoju prepare"):
        next(read_documents(tmp_path / "train.jsonl"))
