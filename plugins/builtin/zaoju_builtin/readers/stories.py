"""The bundled corpus: small Chinese stories from a grammar."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable

from zaoju.contracts import Document, KnownSource, Problem, Reader
from zaoju_builtin.readers.options import StoriesOptions
from zaoju_builtin.stories import StoryGrammar


class StoriesReader(Reader[StoriesOptions], KnownSource):
    """Any number of stories, the same for the same seed, each of known probability."""

    def read(self) -> Iterator[Document | Problem]:
        """The stories in order."""
        for index, story in enumerate(self._grammar.stories(self.options.seed, self.options.documents)):
            yield Document(story.text, f"story {index}")

    def fingerprint(self) -> str:
        """A hash of the options, and of the grammar's rules, words and code."""
        digest = hashlib.sha256(self.options.model_dump_json().encode())
        for name, content in _contents(resources.files("zaoju_builtin.stories"), ""):
            digest.update(f"\n{name} {len(content)}\n".encode() + content)
        return digest.hexdigest()

    def log_probability(self, text: str) -> float | None:
        """The natural logarithm of the probability that the grammar writes `text`; None where it cannot."""
        return self._grammar.log_probability(text)

    @cached_property
    def _grammar(self) -> StoryGrammar:
        return StoryGrammar()


def _contents(folder: Traversable, above: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of every source and data file below `folder`, in order."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = f"{above}/{entry.name}"
        if entry.is_dir():
            yield from _contents(entry, name)
        elif not name.endswith(".pyc"):
            yield name, entry.read_bytes()
