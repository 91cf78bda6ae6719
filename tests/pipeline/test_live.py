"""A live tokenizer needs its segmenter at run time, and other programs must fail loudly on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

import zaoju
from support.small_run import small_config


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = small_config(
        tmp_path_factory.mktemp("live") / "run",
        tokenization={"segmenter": "jieba", "vocabulary": {"name": "words", "size": 2500}, "live": True},
    )
    return zaoju.run(config).model


def test_the_engine_reads_it_and_cuts_by_the_segmenter(live: Path) -> None:
    engine = zaoju.Engine.load(live, device="cpu")
    assert engine.tokenizer.live
    text = "小明想学游泳，<|endoftext|>。"
    assert engine.tokenizer.decode(engine.tokenizer.encode(text)) == text
    assert engine.generate("我想", seed=1, max_new_tokens=5).prompt == "我想"


def test_plain_transformers_fails_loudly(live: Path) -> None:
    with pytest.raises(ValueError):
        AutoTokenizer.from_pretrained(live)


def test_it_cannot_be_exported_and_says_what_to_do(live: Path, tmp_path: Path) -> None:
    with pytest.raises(zaoju.ArtefactError, match="live: false"):
        zaoju.export(live, tmp_path / "out")
    assert not (tmp_path / "out").exists()
