"""`zaoju extend`: its report, its JSON, its errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.calling import Call
from support.small_vocabularies import pair_tokenizer, save_small_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a model and a list of words."""
    save_small_model(tmp_path / "model", pair_tokenizer())
    (tmp_path / "words.txt").write_text("我想\n北京\nGPT2\n我们\n", "utf-8")
    return tmp_path


def test_words(folder: Path, call: Call) -> None:
    called = call(folder, "extend", "model", "--words", "words.txt", "--to", "larger")
    assert called.exit_code == 0, called.stderr
    first, second, third, fourth = called.stdout.splitlines()
    assert first.startswith("larger: 331 tokens and ")
    assert second.startswith("characters per token: ")
    assert third.startswith("words: ")
    assert "1 cannot be reached" in third
    assert fourth == "  GPT2: the tokenizer parts it first, into GPT/2"
    written = call(folder, "generate", "larger", "--prompt", "我想", "--seed", "1", "--max-new-tokens", "5")
    assert written.stdout.startswith("我想")


def test_a_corpus_as_json(folder: Path, call: Call) -> None:
    (folder / "text.txt").write_text("我想去北京看花。\n\n" * 20, "utf-8")
    options = (
        "--corpus",
        "text.txt",
        "--size",
        "9",
        "--initialiser",
        "composed",
        "--multiple",
        "8",
        "--segmenter",
        "none",
    )
    called = call(folder, "extend", "model", *options, "--to", "larger", "--json", "--quiet")
    result = called.json
    assert isinstance(result, dict)
    assert 0 < result["tokens_added"] <= 9
    assert result["rows"] % 8 == 0
    assert result["characters_per_token"] > result["characters_per_token_before"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--words", "no.txt", "--to", "x"), "no.txt cannot be read"),
        (("--words", "words.txt", "--to", "model"), "exists already"),
        (("--corpus", "words.txt", "--to", "x"), "say how many tokens"),
        (("--words", "words.txt", "--to", "x", "--initialiser", "mean"), "mean_of_parts"),
    ],
)
def test_errors(folder: Path, call: Call, options: tuple[str, ...], message: str) -> None:
    called = call(folder, "extend", "model", *options)
    assert called.exit_code == 2
    assert message in called.stderr
    assert not (folder / "x").exists()
