"""Every builtin segmenter keeps its contract."""

from __future__ import annotations

import importlib.util
import os

import pytest

from zaoju.testing import SegmenterContract
from zaoju_builtin.segmenters.options import JiebaOptions, RjiebaOptions


class TestNone(SegmenterContract):
    component = "none"


class TestCharacters(SegmenterContract):
    component = "characters"


class TestWhitespace(SegmenterContract):
    component = "whitespace"


class TestJieba(SegmenterContract):
    component = "jieba"


class TestJiebaWithoutItsModel(SegmenterContract):
    component = "jieba"
    options = JiebaOptions(hmm=False)


class TestRjieba(SegmenterContract):
    component = "rjieba"


class TestRjiebaWithoutItsModel(SegmenterContract):
    component = "rjieba"
    options = RjiebaOptions(hmm=False)


@pytest.mark.skipif(
    importlib.util.find_spec("pkuseg") is None and os.environ.get("ZAOJU_REQUIRE_PKUSEG") != "1",
    reason="pkuseg is not installed: docs/pkuseg.md has the command",
)
class TestPkuseg(SegmenterContract):
    component = "pkuseg"
