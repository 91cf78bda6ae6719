"""The kit for readers."""

from __future__ import annotations

import json
from collections.abc import Iterator

from zaoju.contracts import Document, Options, Problem, Reader
from zaoju.testing.component import ComponentContract
from zaoju.testing.processes import fingerprint_there, in_another_process
from zaoju.testing.requirements import pytest


class ReaderContract(ComponentContract):
    """Checks a `zaoju.Reader` on a small sample that the subclass names in its options.

    ```python
    class TestMyFormat(ReaderContract):
        component = "my_format"
        options = MyOptions(paths=[Path(__file__).with_name("sample.txt")])
    ```
    """

    kind = "reader"

    @pytest.fixture(scope="class")
    @classmethod
    def reader(cls) -> Reader[Options]:
        """The reader that is checked."""
        return cls.build(Reader)

    def test_it_gives_documents_one_by_one(self, reader: Reader[Options]) -> None:
        """An iterator, not a list: memory must not grow with the corpus."""
        found = reader.read()
        assert isinstance(found, Iterator), f"read() gave a {type(found).__name__}; it must yield one after another"
        items = list(found)
        for item in items:
            assert isinstance(item, Document | Problem), f"read() gave {item!r}, neither a Document nor a Problem"
        assert any(isinstance(item, Document) for item in items), "the sample holds no document: give a better sample"

    def test_documents_are_text(self, reader: Reader[Options]) -> None:
        """No document is blank, and each can be written as UTF-8."""
        for document in _documents(reader):
            assert document.text.strip(), f"{document.source} has no text: leave it out"
            document.text.encode("utf-8")

    def test_turns_are_told(self, reader: Reader[Options]) -> None:
        """Conversations come only from a reader that says so: their marks must be known before anything is read."""
        for document in _documents(reader):
            said = reader.gives_conversations()
            assert said or not document.turns, f"{document.source} has turns: let gives_conversations() say so"
            whole = "\n".join(turn.text for turn in document.turns)
            assert not document.turns or whole == document.text, f"{document.source}: use Document.of_turns"

    def test_everything_names_its_source(self, reader: Reader[Options]) -> None:
        """A person must find the place again; a problem also says what is wrong."""
        for item in reader.read():
            assert item.source.strip() and "\n" not in item.source, f"{item!r} does not say where it came from"
            assert not isinstance(item, Problem) or item.reason.strip(), f"{item!r} does not say what is wrong"
        sources = [document.source for document in _documents(reader)]
        twice = sorted({source for source in sources if sources.count(source) > 1})
        assert not twice, f"several documents have the source {twice[:1]}: add a line or a number"

    def test_reading_again_gives_the_same(self, reader: Reader[Options]) -> None:
        """The same documents in the same order, from this object and from a new one."""
        first = list(reader.read())
        assert list(reader.read()) == first, "read() gave other documents the second time"
        assert list(self.build(Reader).read()) == first, "a new reader with the same options gave other documents"

    def test_the_fingerprint_stays(self, reader: Reader[Options]) -> None:
        """An unchanged source has one fingerprint, or finished work would be done again."""
        first = reader.fingerprint()
        assert isinstance(first, str) and first, "fingerprint() must give a text that is not empty"
        list(reader.read())
        assert reader.fingerprint() == first, "fingerprint() changes when the source has been read"
        there = in_another_process(fingerprint_there, self.resolved())
        assert there == first, "fingerprint() is another one in another process"

    def test_its_files_are_there(self, reader: Reader[Options]) -> None:
        """`files` names what is read."""
        missing = [str(path) for path in reader.files() if not path.exists()]
        assert not missing, f"files() names what does not exist: {', '.join(missing)}"

    def test_its_parts_are_the_whole(self, reader: Reader[Options]) -> None:
        """The documents of all parts are those of `read`, and a part means the same to a new reader."""
        parts = reader.parts()
        assert isinstance(parts, list) and parts, "parts() must give a list with a part at least"
        assert self.build(Reader).parts() == parts, "a new reader with the same options gave other parts"
        other = self.build(Reader)
        joined = [item for part in parts for item in other.read_part(part)]
        assert joined == list(reader.read()), "the parts, one after the other, give other documents than read()"
        backwards = [list(reader.read_part(part)) for part in reversed(parts)]
        assert [item for items in reversed(backwards) for item in items] == joined, (
            "a part gives other documents when a later one has been read before it"
        )

    def test_its_parts_can_be_sent(self, reader: Reader[Options]) -> None:
        """A part is read in another process, or on another machine: it holds plain values only."""
        for part in reader.parts():
            place = dict(part.place)
            assert json.loads(json.dumps(place)) == place, f"the place of {part!r} does not survive as JSON"
            assert part.size is None or part.size >= 0, f"{part!r} has a size below 0"
            assert "\n" not in part.label, f"the label of {part!r} has several lines"


def _documents(reader: Reader[Options]) -> list[Document]:
    return [item for item in reader.read() if isinstance(item, Document)]
