from __future__ import annotations

import importlib.util
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju import Options, Segmenter, UserError
from zaoju.tokenization import LosslessSegmenter
from zaoju_builtin.segmenters.characters import CharacterSegmenter
from zaoju_builtin.segmenters.jieba_words import JiebaSegmenter
from zaoju_builtin.segmenters.none import NoSegmenter
from zaoju_builtin.segmenters.options import JiebaOptions, PkusegOptions, RjiebaOptions
from zaoju_builtin.segmenters.pkuseg_words import PkusegSegmenter
from zaoju_builtin.segmenters.rjieba_words import RjiebaSegmenter
from zaoju_builtin.segmenters.whitespace import WhitespaceSegmenter

MAKERS: dict[str, Callable[[], Segmenter[Any]]] = {
    "none": lambda: NoSegmenter(Options()),
    "characters": lambda: CharacterSegmenter(Options()),
    "whitespace": lambda: WhitespaceSegmenter(Options()),
    "jieba": lambda: JiebaSegmenter(JiebaOptions()),
    "jieba without HMM": lambda: JiebaSegmenter(JiebaOptions(hmm=False)),
    "rjieba": lambda: RjiebaSegmenter(RjiebaOptions()),
    "rjieba without HMM": lambda: RjiebaSegmenter(RjiebaOptions(hmm=False)),
    "pkuseg": lambda: PkusegSegmenter(PkusegOptions()),
}
HOSTILE = st.text(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from("我想去北京大学１２3.5% \n\t\r\0\v\u3000\u200b\u200d\ufeff\u0301\x1c\x85\u2028Ａａ𠮷㐀豈👧<>|"),
    max_size=60,
)


@pytest.fixture(scope="module", params=list(MAKERS))
def segmenter(request: pytest.FixtureRequest) -> Segmenter[Any]:
    if request.param == "pkuseg" and importlib.util.find_spec("pkuseg") is None:
        advice = "pkuseg is not installed: docs/pkuseg.md has the command"
        if os.environ.get("ZAOJU_REQUIRE_PKUSEG") == "1":
            pytest.fail(advice)
        pytest.skip(advice)
    return MAKERS[request.param]()


@settings(deadline=None, derandomize=True, max_examples=300)
@given(HOSTILE)
def test_no_segmenter_loses_anything(segmenter: Segmenter[Any], text: str) -> None:
    pieces = LosslessSegmenter(segmenter).pieces(text)
    assert "".join(pieces) == text
    assert "" not in pieces
    assert LosslessSegmenter(segmenter).pieces_of_all([text, text]) == [pieces, pieces]


def test_every_kind_of_character_comes_through(segmenter: Segmenter[Any]) -> None:
    lossless = LosslessSegmenter(segmenter)
    for start in range(0, 0x110000, 0x800):
        if not 0xD800 <= start < 0xE000:
            text = "".join(f"想{chr(code)}" for code in range(start, min(start + 0x800, 0x110000), 37))
            assert "".join(lossless.pieces(text)) == text


def test_rjieba_cuts_as_jieba_does_but_for_what_is_not_han() -> None:
    text = "我想去 北京大学\n他来到了网易杭研大厦"
    assert RjiebaSegmenter(RjiebaOptions()).segment(text) == JiebaSegmenter(JiebaOptions()).segment(text)
    plain = RjiebaSegmenter(RjiebaOptions(hmm=False)).segment(text)
    assert plain == JiebaSegmenter(JiebaOptions(hmm=False)).segment(text)


def test_the_cuts() -> None:
    text = "我想去 北京大学\n"
    assert NoSegmenter(Options()).segment(text) == [text]
    assert CharacterSegmenter(Options()).segment(text) == list(text)
    assert WhitespaceSegmenter(Options()).segment(text) == ["我想去", " ", "北京大学", "\n"]


def test_jieba_finds_unknown_words_only_with_its_model() -> None:
    text = "他来到了网易杭研大厦"
    jieba = JiebaSegmenter(JiebaOptions())
    assert jieba.segment("我想去 北京大学\n") == ["我", "想", "去", " ", "北京大学", "\n"]
    assert "杭研" in jieba.segment(text)
    assert "杭研" not in JiebaSegmenter(JiebaOptions(hmm=False)).segment(text)


def test_jieba_writes_no_log_and_no_cache_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with caplog.at_level(logging.DEBUG):
        JiebaSegmenter(JiebaOptions()).segment("我想去北京")
    assert list(tmp_path.iterdir()) == []
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")


def test_pkuseg_names_a_path_that_is_not_there(tmp_path: Path) -> None:
    if importlib.util.find_spec("pkuseg") is None and os.environ.get("ZAOJU_REQUIRE_PKUSEG") != "1":
        pytest.skip("pkuseg is not installed: docs/pkuseg.md has the command")
    with pytest.raises(UserError, match="model does not exist"):
        PkusegSegmenter(PkusegOptions(model=tmp_path / "model"))


def test_threads_that_share_a_segmenter_take_turns() -> None:
    class OneAtATime(Segmenter[Options]):
        inside = threading.Lock()

        def segment(self, text: str) -> list[str]:
            assert self.inside.acquire(blocking=False), "two threads at once"
            try:
                time.sleep(0.001)  # lets another thread in, where nothing stops it
                return list(text)
            finally:
                self.inside.release()

    lossless = LosslessSegmenter(OneAtATime(Options()))
    with ThreadPoolExecutor(8) as threads:
        cuts = list(threads.map(lambda number: lossless.pieces_of_all(["我想"] * number), range(1, 20)))
        cuts += [[pieces] for pieces in threads.map(lossless.pieces, ["我想"] * 20)]
    assert all(pieces == ["我", "想"] for cut in cuts for pieces in cut)
