"""The report on a vocabulary: its counts are those of the tokens that the texts really have."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from tokenizers import Tokenizer as Backend
from tokenizers import models
from vocabulary_corpus import sentences

import zaoju
from zaoju import UserError
from zaoju.cli import main
from zaoju.tokenization import Tokenizer, report_vocabulary
from zaoju.tokenization.parts import TokenizerParts
from zaoju.tokenization.report import EXAMPLES

TEXTS = ["我想去北京", "王老师喜欢图书馆。龘", "我想去北京"]


def test_it_counts_what_the_texts_have(tokenizers: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers["words"]
    found = report_vocabulary(tokenizer, TEXTS, window=100)
    counts = Counter(token for text in TEXTS for token in tokenizer.encode(text))
    assert (found.characters, found.tokens) == (sum(map(len, TEXTS)), counts.total())
    assert found.window_characters == pytest.approx(100 * found.characters / found.tokens)
    assert found.byte_characters == pytest.approx(1 / found.characters)
    assert found.most_frequent[0][1] == found.zipf[0][1] == max(counts.values())
    assert [count for _, count in found.rarest] == sorted(counts.values())[:EXAMPLES]
    used = {tokenizer.show(token) for token in counts}
    assert found.never_used > 0
    assert used.isdisjoint(found.unused)
    assert found.longest[0] == max(map(tokenizer.show, range(256, tokenizer.vocabulary_size - 1)), key=len)
    assert [rank for rank, _ in found.zipf] == [1, 2, 5, 10]


def test_two_vocabularies_side_by_side(tokenizers: dict[str, Tokenizer]) -> None:
    words, characters = tokenizers["words"], tokenizers["characters"]
    same = report_vocabulary(words, TEXTS, other=words).overlap
    assert same is not None
    assert (same.shared, same.covered) == (words.vocabulary_size - 1, 1.0)
    other = report_vocabulary(words, TEXTS, other=characters).overlap
    assert other is not None
    tokens = sum(len(characters.encode(text)) for text in TEXTS)
    assert other.characters_per_token == pytest.approx(sum(map(len, TEXTS)) / tokens)
    assert 256 < other.shared < characters.vocabulary_size
    assert 0 < other.covered < 1


def test_no_text_is_refused(tokenizers: dict[str, Tokenizer]) -> None:
    with pytest.raises(UserError, match="have no text"):
        report_vocabulary(tokenizers["words"], ["", ""])


def test_a_vocabulary_without_bytes_is_refused() -> None:
    backend = Backend(models.WordLevel({"a": 0}, unk_token="a"))
    with pytest.raises(UserError, match="byte-level"):
        report_vocabulary(Tokenizer(TokenizerParts(backend, 0, ())), ["a"])


def test_the_command(tokenizers: dict[str, Tokenizer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tokenizers["words"].save(Path("first"))
    tokenizers["bpe"].save(Path("second"))
    Path("first/config.json").write_text('{"n_positions": 64}', encoding="utf-8")
    Path("text.txt").write_text("\n".join(sentences(50)), encoding="utf-8")
    arguments = ["vocabulary", "report", "first", "text.txt", "--against", "second", "--report", "page.html"]
    called = CliRunner().invoke(main, arguments)
    assert called.exit_code == 0, called.output
    for words in ("characters per token", "never used here", "64 tokens, about", "tokens in both", "rank 1 "):
        assert words in called.stdout
    as_json = json.loads(CliRunner().invoke(main, ["vocabulary", "report", "first", "text.txt", "--json"]).stdout)
    found = zaoju.vocabulary_report("first", ["text.txt"])
    assert as_json["tokens"] == found.tokens
    assert as_json["characters_per_token"] == found.characters_per_token
    page = Path("page.html").read_text("utf-8")
    assert "<svg" in page
    assert f"{found.vocabulary_size:,}" in page
    assert "&#39;。&#39;" in page
