"""`zaoju prepare --report`: the page says what the account says, and shows hostile documents as text."""

from __future__ import annotations

import random
from html.parser import HTMLParser
from pathlib import Path

import pytest

import zaoju
from support.browser import opened
from zaoju.corpus import read_near_pairs

HOSTILE = "<script>document.title='taken'</script><b>春</b>"


class Rows(HTMLParser):
    """The rows of all tables, and the names of all elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.elements: list[str] = []
        self.titles: list[str] = []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag in {"title", "td", "th"}:
            self._inside = tag
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.titles.append(data)
        elif self._inside in {"td", "th"}:
            self.rows[-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def after(self, name: str) -> list[list[str]]:
        """What stands in the rows that begin with `name`."""
        return [[cell.strip() for cell in row[1:]] for row in self.rows if row and row[0].strip() == name]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> zaoju.Pipeline:
    """A corpus with everything that a report tells of."""
    folder = tmp_path_factory.mktemp("report")
    chance = random.Random(2)
    *verses, long = ["".join(chr(0x4E00 + chance.randrange(2000)) for _ in range(size)) for size in [30] * 40 + [300]]
    lines = [*verses, verses[0], "短", HOSTILE, long, long[:290] + "改了一点点"]
    (folder / "诗 <i>.txt").write_text("\n".join(lines), "utf-8")
    (folder / "broken.txt").write_bytes("好诗".encode("gb18030") * 40)
    config = {
        "run": str(folder / "run"),
        "corpus": {
            "readers": [{"name": "text", "paths": [str(folder)], "documents": "line", "encoding": "utf-8"}],
            "cleaners": [{"name": "basic", "min_characters": 3}],
            "near_duplicates": {"threshold": 0.9},
            "unreadable": "skip",
        },
    }
    return zaoju.open_pipeline(config)


@pytest.fixture(scope="module")
def page(pipeline: zaoju.Pipeline) -> Path:
    return pipeline.corpus_report()


def test_the_page_says_what_the_account_says(pipeline: zaoju.Pipeline, page: Path) -> None:
    account, shown = pipeline.account(), Rows(page.read_text("utf-8"))
    assert (account.duplicates.documents, account.near_duplicates.documents) == (1, 1)
    assert account.dropped["basic: too_short"].documents == 1
    assert account.problem_count == 1
    train = f"{account.train.characters:,}"
    assert [train, f"{account.train.characters / account.read.characters:.1%}", str(account.train.documents)] in (
        shown.after("kept for training")
    )
    for rule in ("basic: too_short", "exact duplicate", "near duplicate"):
        in_characters, in_documents = shown.after(rule)
        assert in_characters[2] == in_documents[0] == "1"
    (source,) = shown.after(f"{page.parent.parents[2].name}/诗 <i>.txt")
    kept = account.kept
    assert source[:6] == [
        str(account.read.documents),
        str(kept.documents),
        "1",
        "1",
        "1",
        f"{account.read.characters:,}",
    ]
    (problem,) = [row for row in shown.rows if row and row[0].endswith("broken.txt") and len(row) == 3]
    assert "gb18030" in problem[1]


def test_lengths_are_those_of_the_documents(pipeline: zaoju.Pipeline, page: Path) -> None:
    account, shown = pipeline.account(), Rows(page.read_text("utf-8"))
    read, kept = shown.after("256–511")
    assert (read, kept) == (["2"], ["1"])
    assert sum(int(row[1]) for row in shown.rows if len(row) == 2 and row[1].isdigit()) == (
        account.read.documents + account.kept.documents
    )


def test_near_duplicates_are_named_with_the_one_that_stays(pipeline: zaoju.Pipeline, page: Path) -> None:
    (pair,) = read_near_pairs(page.parent)
    assert (pair.source.rsplit(":", 1)[1], pair.stays.rsplit(":", 1)[1]) == ("45", "44")
    assert 0.9 <= pair.similarity < 1
    assert pair.text[:50] == pair.staying_text[:50]
    assert [pair.stays, f"{pair.similarity:.1%}"] in Rows(page.read_text("utf-8")).after(pair.source)


def test_a_document_is_never_html(pipeline: zaoju.Pipeline, page: Path) -> None:
    del pipeline
    shown = Rows(page.read_text("utf-8"))
    assert {"script", "b", "i"} & set(shown.elements) == set()
    assert "诗 &lt;i&gt;.txt" in page.read_text("utf-8")


@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_opens_it(page: Path, tmp_path: Path, width: int) -> None:
    copied = tmp_path / "report.html"
    copied.write_bytes(page.read_bytes())
    shown = Rows(opened(copied, width=width))
    assert shown.titles == ["What became of the corpus"]
    assert shown.elements.count("section") == 7


def test_the_page_is_no_part_of_the_stage(pipeline: zaoju.Pipeline, page: Path) -> None:
    """Writing it again changes nothing, and the prepared corpus stays done without it."""
    first = page.read_bytes()
    assert pipeline.corpus_report().read_bytes() == first
    page.unlink()
    assert all(stage.done for stage in pipeline.stages() if stage.name == "prepare")
    assert pipeline.corpus_report() == page
