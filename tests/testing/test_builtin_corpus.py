"""Every builtin reader and cleaner keeps its contract."""

from __future__ import annotations

from pathlib import Path

from zaoju.testing import CleanerContract, ReaderContract
from zaoju_builtin.cleaners.options import (
    BasicOptions,
    DecontaminateOptions,
    JoinLinesOptions,
    MojibakeOptions,
    PersonalDataOptions,
    QualityOptions,
    RepeatedLinesOptions,
    ScriptOptions,
    UnicodeOptions,
)
from zaoju_builtin.readers.options import (
    CsvOptions,
    DatasetsOptions,
    HtmlOptions,
    JsonLinesOptions,
    JsonOptions,
    MarkdownOptions,
    ParquetOptions,
    StoriesOptions,
    TextOptions,
)

SAMPLES = Path(__file__).with_name("samples")
EVALUATION = Path(__file__).with_name("evaluation_texts.txt")


class TestText(ReaderContract):
    component = "text"
    options = TextOptions(paths=[SAMPLES])


class TestTextLineByLine(ReaderContract):
    component = "text"
    options = TextOptions(paths=[SAMPLES], documents="line")


class TestJsonLines(ReaderContract):
    component = "jsonl"
    options = JsonLinesOptions(paths=[SAMPLES], fields=["title", "text"])


class TestCsv(ReaderContract):
    component = "csv"
    options = CsvOptions(paths=[SAMPLES], columns=["title", "text"])


class TestJson(ReaderContract):
    component = "json"
    options = JsonOptions(paths=[SAMPLES], path="data")


class TestHtml(ReaderContract):
    component = "html"
    options = HtmlOptions(paths=[SAMPLES])


class TestMarkdown(ReaderContract):
    component = "markdown"
    options = MarkdownOptions(paths=[SAMPLES], heading_level=1)


class TestParquet(ReaderContract):
    component = "parquet"
    options = ParquetOptions(paths=[SAMPLES])


class TestDatasets(ReaderContract):
    component = "datasets"
    options = DatasetsOptions(path=Path(__file__).with_name("sample_dataset"))


class TestStories(ReaderContract):
    component = "stories"
    options = StoriesOptions(documents=40)


class TestBasic(CleanerContract):
    component = "basic"


class TestBasicWithoutNormalisation(CleanerContract):
    component = "basic"
    options = BasicOptions(normalise="none", min_characters=5)


class TestUnicode(CleanerContract):
    component = "unicode"


class TestUnicodeWithEverything(CleanerContract):
    component = "unicode"
    options = UnicodeOptions(form="NFKC", indents="remove", compatibility_hanzi="unified", private_use="drop")


class TestJoinLines(CleanerContract):
    component = "join_lines"
    options = JoinLinesOptions(minimum_lines=3, minimum_width=8)


class TestMojibake(CleanerContract):
    component = "mojibake"


class TestMojibakeThatKeeps(CleanerContract):
    component = "mojibake"
    options = MojibakeOptions(beyond_repair="keep")


class TestScript(CleanerContract):
    component = "script"


class TestScriptToTraditional(CleanerContract):
    component = "script"
    options = ScriptOptions(conversion="s2twp")


class TestLanguage(CleanerContract):
    component = "language"


class TestQuality(CleanerContract):
    component = "quality"


class TestQualityOfDialogue(CleanerContract):
    component = "quality"
    options = QualityOptions(profile="dialogue")


class TestRepeatedLines(CleanerContract):
    component = "repeated_lines"
    options = RepeatedLinesOptions(times=2, minimum_characters=1, long_sentence=1)


class TestPersonalData(CleanerContract):
    component = "personal_data"


class TestPersonalDataRemoved(CleanerContract):
    component = "personal_data"
    options = PersonalDataOptions(action="remove")


class TestDecontaminate(CleanerContract):
    component = "decontaminate"
    options = DecontaminateOptions(files=[EVALUATION], length=5)


class TestDecontaminateByCutting(CleanerContract):
    component = "decontaminate"
    options = DecontaminateOptions(files=[EVALUATION], length=5, action="cut")
