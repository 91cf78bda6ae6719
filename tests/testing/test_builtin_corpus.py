"""Every builtin reader and cleaner keeps its contract."""

from __future__ import annotations

from pathlib import Path

from zaoju.testing import CleanerContract, ReaderContract
from zaoju_builtin.cleaners.options import BasicOptions
from zaoju_builtin.readers.options import JsonLinesOptions, StoriesOptions, TextOptions

SAMPLES = Path(__file__).with_name("samples")


class TestText(ReaderContract):
    component = "text"
    options = TextOptions(paths=[SAMPLES])


class TestTextLineByLine(ReaderContract):
    component = "text"
    options = TextOptions(paths=[SAMPLES], documents="line")


class TestJsonLines(ReaderContract):
    component = "jsonl"
    options = JsonLinesOptions(paths=[SAMPLES], fields=["title", "text"])


class TestStories(ReaderContract):
    component = "stories"
    options = StoriesOptions(documents=40)


class TestBasic(CleanerContract):
    component = "basic"


class TestBasicWithoutNormalisation(CleanerContract):
    component = "basic"
    options = BasicOptions(normalise="none", min_characters=5)
