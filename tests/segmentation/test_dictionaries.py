"""Words of the user's own: read with care, used by the segmenter that has them and by no other."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_segmenters import component

from zaoju import Segmenter, UserError
from zaoju.tokenization import segment_documents
from zaoju_builtin.segmenters.dictionary import Entry, read_dictionary
from zaoju_builtin.segmenters.jieba_words import JiebaSegmenter
from zaoju_builtin.segmenters.options import JiebaOptions, PkusegOptions, RjiebaOptions
from zaoju_builtin.segmenters.pkuseg_words import PkusegSegmenter
from zaoju_builtin.segmenters.rjieba_words import RjiebaSegmenter

Maker = Callable[[Path | None], Segmenter[Any]]
MAKERS: dict[str, Maker] = {
    "jieba": lambda path: JiebaSegmenter(JiebaOptions(dictionary=path)),
    "rjieba": lambda path: RjiebaSegmenter(RjiebaOptions(dictionary=path)),
    "pkuseg": lambda path: PkusegSegmenter(PkusegOptions(dictionary=path)),
}
TEXT = "造句引擎花开见月"


@pytest.fixture(params=list(MAKERS))
def make(request: pytest.FixtureRequest) -> Maker:
    if request.param == "pkuseg" and importlib.util.find_spec("pkuseg") is None:
        pytest.skip("pkuseg is not installed: docs/pkuseg.md has the command")
    return MAKERS[request.param]


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("\ufeff造句引擎\n\n花开见月 9 nz\r\n", encoding="utf-8")
    return path


def test_your_words_are_pieces_and_stay_with_the_segmenter_that_has_them(make: Maker, words: Path) -> None:
    mine = make(words)
    assert mine.segment(TEXT) == ["造句引擎", "花开见月"]
    assert "造句引擎" not in make(None).segment(TEXT)
    assert mine.segment(TEXT) == ["造句引擎", "花开见月"]


@pytest.mark.parametrize("name", ["jieba", "rjieba"])
def test_two_segmenters_with_other_words_cut_side_by_side(name: str, tmp_path: Path) -> None:
    segmenters = []
    for number, word in enumerate(("造句引擎", "引擎花开")):
        path = tmp_path / f"{number}.txt"
        path.write_text(f"{word} 1000000\n", encoding="utf-8")
        segmenters.append(MAKERS[name](path))
    with ThreadPoolExecutor(4) as pool:
        cuts = list(pool.map(lambda number: segmenters[number % 2].segment(TEXT), range(200)))
    assert all(("造句引擎" in cut) == (number % 2 == 0) for number, cut in enumerate(cuts))
    assert all(("引擎花开" in cut) == (number % 2 == 1) for number, cut in enumerate(cuts))


@pytest.mark.parametrize("name", ["jieba", "rjieba"])
def test_processes_have_the_words_too(name: str, words: Path) -> None:
    cutter = component(
        f"zaoju_builtin.segmenters.{name}_words:{name.capitalize()}Segmenter",
        f"zaoju_builtin.segmenters.options:{name.capitalize()}Options",
        dictionary=str(words),
    )
    documents = [f"第{number}回，{TEXT}" for number in range(600)]
    alone = list(segment_documents(cutter, documents, 1))
    assert all({"造句引擎", "花开见月"} <= set(pieces) for pieces in alone)
    assert list(segment_documents(cutter, documents, 2)) == alone


def test_what_a_line_may_be(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("造句\n 引擎\t7\n花开 nz\n见月 3 n\n3\n", encoding="utf-8")
    entries = [Entry("造句", None), Entry("引擎", 7), Entry("花开", None), Entry("见月", 3), Entry("3", None)]
    assert read_dictionary(path, "jieba") == entries


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    st.binary(max_size=40) | st.text(st.sampled_from("造句 \t\n\r019az-\ufeff\u3000\x85"), max_size=20).map(str.encode)
)
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any-words.txt"
    path.write_bytes(raw)
    try:
        entries = read_dictionary(path, "jieba")
    except UserError as error:
        assert "any-words.txt" in str(error)
    else:
        assert entries and all(entry.word and entry.word == entry.word.strip() for entry in entries)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"gone.txt cannot be read: No such file.*leave `dictionary` out"),
        ("", r"words.txt has no word in it: write one word a line"),
        ("\ufeff \n\n", r"words.txt has no word in it"),
        ("造句\n引 擎 花开\n", r"words.txt, line 2: '引 擎 花开' is not `word \[frequency \[tag\]\]`"),
        ("造句\n\n引擎 3.5\n", r"line 3: '引擎 3.5' is not"),
        ("造句 0\n", r"line 1: '造句' has the frequency 0; it must be from 1 to"),
        (f"造句 {10**30}\n", r"line 1: '造句' has the frequency 10000000"),
    ],
)
def test_a_dictionary_that_cannot_be_used_is_named_with_its_line(
    make: Maker, tmp_path: Path, content: str | None, said: str
) -> None:
    path = tmp_path / ("gone.txt" if content is None else "words.txt")
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        make(path)


def test_another_encoding_is_named_with_its_line(make: Maker, tmp_path: Path) -> None:
    path = tmp_path / "gbk.txt"
    path.write_bytes(b"abc\n" + "造句引擎".encode("gbk"))
    with pytest.raises(UserError, match=r"gbk.txt is not UTF-8: line 2 has the byte 0xd4; save the file as UTF-8"):
        make(path)
