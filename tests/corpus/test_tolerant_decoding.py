"""`encoding: auto`: what was guessed, replaced or read in another encoding is told, and nothing else is lost."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from corpus_run import run
from hypothesis import given, settings
from hypothesis import strategies as st
from test_encodings import SIMPLIFIED, TRADITIONAL
from test_readers import text_reader, write

from zaoju.contracts import Document, Problem
from zaoju.corpus import Line, SourceFile, TextLines
from zaoju.corpus.byte_spans import SPAN, plan_spans
from zaoju.corpus.line_chunks import WINDOW, LineChunks
from zaoju.corpus.tolerant_decoding import Span


def source(path: Path) -> SourceFile:
    return SourceFile(path, path.name, path.stat().st_size)


def read(path: Path, span: Span | None = None, encoding: str = "auto") -> tuple[list[Line], list[Problem]]:
    lines = TextLines(source(path), encoding=encoding, maximum_characters=10_000_000, span=span)
    items = list(lines)
    return [item for item in items if isinstance(item, Line)], [item for item in items if isinstance(item, Problem)]


def test_clean_utf8_is_read_without_a_word(tmp_path: Path) -> None:
    lines, problems = read(write(tmp_path / "a.txt", "\ufeff春\r\n夏\r秋\n"))
    assert [(line.number, line.text) for line in lines] == [(1, "春"), (2, "夏"), (3, "秋")]
    assert problems == []


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16-le", "utf-16-be", "utf-32-le", "hz"])
def test_a_guess_is_told_with_its_reason_and_what_makes_it_sure(tmp_path: Path, encoding: str) -> None:
    text = "\n".join(SIMPLIFIED * 20)
    data = b"\n".join(line.encode("hz") for line in text.split("\n")) if encoding == "hz" else text.encode(encoding)
    path = write(tmp_path / "a.txt", data)
    lines, (problem,) = read(path)
    assert "\n".join(str(line.text) for line in lines) == text
    assert not problem.stops and problem.source == str(path)
    assert f"read as {encoding}, which is a guess" in problem.reason and f"`encoding: {encoding}`" in problem.reason


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "cp950", "utf-16-le"])
def test_replaced_bytes_are_counted_in_their_line_and_told(tmp_path: Path, encoding: str) -> None:
    text = list(TRADITIONAL if encoding == "cp950" else SIMPLIFIED) * 20
    rows = [line.encode(encoding) for line in text]
    bad = b"\x00\xdc" if encoding == "utf-16-le" else b"\xff"
    rows[17] = rows[17] + bad
    end = "\n".encode(encoding)
    lines, problems = read(write(tmp_path / "a.txt", end.join(rows)))
    assert [str(line.text) for line in lines] == [*text[:17], text[17] + "\ufffd", *text[18:]]
    assert {line.number: line.replaced for line in lines if line.replaced} == {18: len(bad)}
    damage = problems[-1]
    assert not damage.stops and damage.source.endswith("a.txt line 18")
    assert f"{len(bad)} bytes in 1 places, the first in line 18, are not {encoding}" in damage.reason


def test_too_much_damage_stops(tmp_path: Path) -> None:
    _, problems = read(write(tmp_path / "a.txt", "春".encode()[:2]))
    assert [problem.stops for problem in problems] == [True]


def test_what_is_no_text_stops_and_no_line_comes_of_it(tmp_path: Path) -> None:
    lines, (problem,) = read(write(tmp_path / "a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(200)))
    assert lines == [] and problem.stops and problem.reason == "not text but a PNG picture" and problem.bytes == 216


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("utf-8", "gb18030"),
        ("gb18030", "utf-8"),
        ("utf-8", "cp950"),
        ("gb18030", "cp950"),
        ("cp950", "gb18030"),
    ],
)
def test_lines_in_two_encodings_are_each_read_in_theirs(tmp_path: Path, first: str, second: str) -> None:
    rows = {name: list(TRADITIONAL if name == "cp950" else SIMPLIFIED) * 4 for name in (first, second)}
    data = b"".join(f"{line}\n".encode(name) for name in (first, second) for line in rows[name])
    lines, problems = read(write(tmp_path / "a.txt", data))
    assert [line.text for line in lines] == rows[first] + rows[second]
    (mixed,) = (problem for problem in problems if "several encodings" in problem.reason)
    assert not mixed.stops
    assert "line 1 to 12 in " in mixed.reason or "line 13 to 24 in " in mixed.reason
    assert not any("U+FFFD" in problem.reason for problem in problems)


def test_other_text_far_behind_the_samples_is_found_too(tmp_path: Path) -> None:
    rows = [*(["清楚的一行字。"] * 40_000), SIMPLIFIED[0]]
    data = "\n".join(rows[:-1]).encode() + b"\n" + rows[-1].encode("gb18030")
    lines, (problem,) = read(write(tmp_path / "a.txt", data))
    assert [line.text for line in lines] == rows
    assert "line 40,001 to 40,001 in gb18030" in problem.reason


def test_a_line_longer_than_a_chunk_is_whole(tmp_path: Path) -> None:
    for encoding in ("utf-8", "gb18030"):
        text = "一" + SIMPLIFIED[0] * 30_000
        lines, problems = read(write(tmp_path / f"{encoding}.txt", f"春\n{text}\n秋".encode(encoding)))
        assert [line.text for line in lines] == ["春", text, "秋"]
        assert len(problems) == (encoding != "utf-8")


def test_a_line_of_garbage_does_not_hang(tmp_path: Path) -> None:
    garbage = bytes(random.Random(1).choices(range(0x80, 0x100), k=600_000))
    text = "\n".join(SIMPLIFIED * 30_000)
    lines, problems = read(write(tmp_path / "a.txt", text.encode() + b"\n" + garbage))
    assert [line.text for line in lines[:-1]] == text.split("\n")
    assert "U+FFFD" in problems[-1].reason


_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "春", *SIMPLIFIED, "plain", "  ", "x" * 90]),
        st.sampled_from(["utf-8", "utf-8", "utf-8", "gb18030"]),
        st.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n"]),
        st.booleans(),
    ),
    max_size=60,
)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(_ROWS, st.integers(40, 900), st.booleans(), st.sampled_from(["auto", "utf-8", "gb18030"]), st.integers(1, 3))
def test_all_spans_together_are_the_file(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, str, bool]],
    size: int,
    blank: bool,
    encoding: str,
    times: int,
) -> None:
    data = b"".join(
        text.encode(name if encoding == "auto" else encoding)
        + (b"\xff" if bad and encoding == "auto" else b"")
        + end.encode()
        for text, name, end, bad in rows
    )
    path = write(tmp_path_factory.mktemp("spans") / "a.txt", data * times)
    spans = plan_spans(source(path), encoding, at_blank_lines=blank, size=size)
    assert spans[0].start == 0 and spans[-1].end is None
    assert all(one.end == other.start for one, other in pairwise(spans))
    whole, _ = read(path, encoding=encoding)
    assert [line for span in spans for line in read(path, span, encoding)[0]] == whole
    if blank:
        ends = [span.line - 2 for span in spans[1:]]
        assert all(not str(whole[end].text).strip() for end in ends)


def test_spans_of_a_file_with_many_windows_and_several_encodings(tmp_path: Path) -> None:
    chance = random.Random(3)
    rows: list[bytes] = []
    for _ in range(300):
        encoding = chance.choice(["utf-8", "gb18030", "cp950"])
        lines = chance.choices(TRADITIONAL if encoding == "cp950" else SIMPLIFIED, k=chance.randrange(1, 40))
        rows += [line[: chance.randrange(2, 40)].encode(encoding) for line in lines]
        rows += [b"\xff\xfe", b""] if chance.random() < 0.1 else []
    rows.insert(len(rows) // 2, SIMPLIFIED[1].encode() * 7000)
    path = write(tmp_path / "a.txt", b"\n".join(rows))
    assert path.stat().st_size > 3 * WINDOW
    whole, _ = read(path)
    for size in (WINDOW // 2, WINDOW + 7):
        spans = plan_spans(source(path), "auto", size=size)
        assert len(spans) > 2
        assert [line for span in spans for line in read(path, span)[0]] == whole


def test_encodings_in_which_a_line_feed_is_not_always_one_are_one_span(tmp_path: Path) -> None:
    text = "\n".join(SIMPLIFIED * 50)
    for encoding in ("utf-16-le", "utf-16", "hz"):
        data = b"\n".join(line.encode("hz") for line in text.split("\n")) if encoding == "hz" else text.encode(encoding)
        path = write(tmp_path / f"{encoding}.txt", data)
        assert plan_spans(source(path), "auto", size=100) == plan_spans(source(path), encoding, size=100) == [Span()]


def test_chunks_are_cut_at_the_same_places_from_any_line_on(tmp_path: Path) -> None:
    chance = random.Random(5)
    data = b"\n".join(b"x" * int(chance.expovariate(1 / 3000)) for _ in range(300))
    path = write(tmp_path / "a.txt", data)
    with path.open("rb") as file:
        chunks = list(LineChunks(file, 0))
    assert b"".join(chunk.data for chunk in chunks) == data
    with path.open("rb") as file:
        file.seek(chunks[2].offset)
        assert list(LineChunks(file, chunks[2].offset)) == chunks[2:]


def test_the_account_has_the_replaced_bytes_and_the_guess(tmp_path: Path) -> None:
    rows = [line.encode("gb18030") for line in SIMPLIFIED]
    write(tmp_path / "poems/a.txt", b"\n\n".join([rows[0], rows[1] + b"\xff", rows[2]]))
    account = run([text_reader(tmp_path / "poems")], tmp_path / "out")
    assert account.read.documents == 3
    assert account.replaced_bytes == 1
    reasons = [problem.reason for problem in account.problems]
    assert len(reasons) == 2 and "a guess" in reasons[0] and "1 bytes in 1 places, the first in line 3" in reasons[1]


def test_readers_give_large_files_in_parts(tmp_path: Path) -> None:
    rows = [f"{number} {line}" for number in range(80_000) for line in SIMPLIFIED]
    path = write(tmp_path / "a.txt", "\n\n".join(rows))
    assert path.stat().st_size > SPAN
    reader = text_reader(path)
    first, second = reader.parts()
    assert (first.size or 0) + (second.size or 0) == path.stat().st_size
    last, next_one = list(reader.read_part(first))[-1], next(iter(reader.read_part(second)))
    assert isinstance(last, Document) and isinstance(next_one, Document)
    assert int(next_one.source.split(":")[1]) == int(last.source.split(":")[1]) + 2
    assert rows.index(next_one.text) == rows.index(last.text) + 1
    assert len(text_reader(path, documents="file").parts()) == 1
