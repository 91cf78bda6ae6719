"""The kit for vocabulary builders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer as Backend

from zaoju.contracts import VocabularyBuilder
from zaoju.plugins import PluginManager
from zaoju.testing.component import ComponentContract
from zaoju.testing.hostile_text import HOSTILE_TEXTS, unbroken_text
from zaoju.testing.processes import in_another_process, tokenizer_there
from zaoju.testing.random_text import for_random_texts
from zaoju.testing.requirements import pytest
from zaoju.tokenization import END_OF_TEXT, Tokenizer
from zaoju.tokenization.parts import with_end_of_text

if TYPE_CHECKING:
    import tokenizers

_ALWAYS_APART = "龘靐齉爩"
"""Characters that always follow one another in the sample, each a piece of its own."""

_SENTENCES = (
    ("我", "想", "去", "北京", "看", "长城", "。"),
    ("春天", "来", "了", "，", "小明", "和", "妈妈", "去", "公园", "看", "花", "。"),
    ("他", "说", "：", "“", "GPT", "-", "2", " ", "写", "了", " ", "3.5", " ", "万", "字", "。", "”", "\n"),
    ("王老师", "在", "图书馆", "看书", "，", "不想", "回家", "！"),
    (*_ALWAYS_APART, "都", "是", "生僻字", "。"),
    (END_OF_TEXT, "<0x41>", "##", "▁", "[UNK]"),
)
SAMPLE = [list(pieces) for pieces in _SENTENCES for _ in range(40)]
"""The documents that vocabularies are built from here: segmented Chinese with some odd pieces."""


class VocabularyContract(ComponentContract):
    """Checks a `zaoju.VocabularyBuilder`: its tokenizer loses no text, and the same documents give the same one.

    ```python
    class TestMyVocabulary(VocabularyContract):
        component = "my_vocabulary"
        options = MyOptions(size=600)
    ```
    """

    kind = "vocabulary"

    @pytest.fixture(scope="class")
    @classmethod
    def backend(cls) -> tokenizers.Tokenizer:
        """What the builder learns from the sample."""
        return cls.build(VocabularyBuilder).build(_sample)

    @pytest.fixture(scope="class")
    @classmethod
    def tokenizer(cls, backend: tokenizers.Tokenizer) -> Tokenizer:
        """The same as the engine uses it."""
        return Tokenizer(with_end_of_text(_copy(backend), None))

    @pytest.mark.parametrize("name", HOSTILE_TEXTS)
    def test_every_hostile_text_comes_back(self, tokenizer: Tokenizer, name: str) -> None:
        """Also one that spells a special token or a byte: text is always text."""
        _check_lossless(tokenizer, HOSTILE_TEXTS[name])

    def test_any_text_comes_back(self, tokenizer: Tokenizer) -> None:
        """Every string of Unicode is written and read without loss: there is no unknown token."""
        for_random_texts(lambda text: _check_lossless(tokenizer, text))

    def test_long_text_comes_back(self, tokenizer: Tokenizer) -> None:
        """100,000 characters without a place to rest."""
        _check_lossless(tokenizer, unbroken_text())

    def test_the_engines_special_token_is_not_learned(self, backend: tokenizers.Tokenizer) -> None:
        """The engine adds `<|endoftext|>` itself; a builder that learns it from text would make text end."""
        assert backend.token_to_id(END_OF_TEXT) is None, f"{END_OF_TEXT} was learned as a token: leave it out"

    def test_the_same_documents_give_the_same_tokenizer(self, backend: tokenizers.Tokenizer) -> None:
        """Built again, here and in another process, where sets have another order."""
        assert self.build(VocabularyBuilder).build(_sample).to_str() == backend.to_str(), (
            "the same documents gave another tokenizer the second time"
        )
        there = in_another_process(tokenizer_there, self.resolved(), SAMPLE)
        assert there == backend.to_str(), "the same documents give another tokenizer in another process"

    def test_it_loads_back_from_its_folder(
        self, backend: tokenizers.Tokenizer, tokenizer: Tokenizer, tmp_path: Path
    ) -> None:
        """Written to a file and read again, it gives the same tokens."""
        copy = _copy(backend)
        tokenizer.save(tmp_path)
        loaded = Tokenizer.load(tmp_path, PluginManager.discover(entry_points=()))
        for name, text in HOSTILE_TEXTS.items():
            same = copy.encode(text).ids == backend.encode(text).ids and loaded.encode(text) == tokenizer.encode(text)
            assert same, f"read back from its JSON, it cuts the text {name!r} differently"

    def test_tokens_do_not_cross_pieces(self, backend: tokenizers.Tokenizer) -> None:
        """What the segmenter always parts never becomes one token."""
        texts = (backend.decode([number]) for number in range(backend.get_vocab_size()))
        crossing = [text for text in texts if sum(map(text.count, _ALWAYS_APART)) > 1]
        assert not crossing, f"these tokens cross the segmenter's pieces: {', '.join(map(repr, crossing[:5]))}"


def _sample() -> Iterator[list[str]]:
    return iter(SAMPLE)


def _copy(backend: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    return Backend.from_str(backend.to_str())


def _check_lossless(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.end_of_text not in ids, f"{text[:80]!r} became the end of a text"
    back = tokenizer.decode(ids)
    assert back == text, f"{text[:80]!r} came back as {back[:80]!r}"
