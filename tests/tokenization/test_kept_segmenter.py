"""A live tokenizer takes its dictionary along, and counts it by its words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from threading import Event

import pytest
from vocabulary_corpus import builtin_plugins, sentences, write_documents

from zaoju import ArtefactError
from zaoju.pipeline.keys import component_key
from zaoju.tokenization import Tokenizer, build_tokenizer

TEXT = "我们去看长城脚下的图书馆"
WORDS = "长城脚下 1000000\n"


@pytest.fixture(params=["jieba", "rjieba"])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Tokenizer:
    plugins = builtin_plugins()
    words = tmp_path / "我的词.txt"
    words.write_text(WORDS, encoding="utf-8")
    return build_tokenizer(
        write_documents(tmp_path / "train.jsonl", [TEXT, *sentences(50)]),
        plugins.resolve("segmenter", request.param, {"dictionary": str(words)}),
        plugins.resolve("vocabulary", "words", {"size": 500}),
        live=True,
        workers=1,
        emit=lambda _: None,
        cancel=Event(),
    )


def test_it_cuts_the_same_where_the_users_file_is_not(live: Tokenizer, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    live.save(first)
    ids = live.encode(TEXT)
    assert [text for _, text in live.tokens(TEXT)][3:4] == ["长城脚下"]
    (tmp_path / "我的词.txt").unlink()
    first.rename(tmp_path / "moved")
    again = Tokenizer.load(tmp_path / "moved", builtin_plugins())
    assert again.encode(TEXT) == ids
    again.save(second)
    again.save(tmp_path / "moved")
    shutil.rmtree(tmp_path / "moved")
    third = Tokenizer.load(second, builtin_plugins())
    assert third.encode(TEXT) == ids
    assert third.fingerprint == live_fingerprint(second)
    assert sorted(path.name for path in (second / "live").iterdir()) == [
        "dictionary.txt",
        "segmenter.json",
        "tokenizer.json",
    ]
    assert str(tmp_path) not in (second / "live" / "segmenter.json").read_text("utf-8")


def live_fingerprint(folder: Path) -> str:
    return Tokenizer.load(folder, builtin_plugins()).fingerprint


def test_the_fingerprint_is_that_of_the_words(live: Tokenizer, tmp_path: Path) -> None:
    before = live.fingerprint
    live.save(tmp_path / "saved")
    assert live_fingerprint(tmp_path / "saved") == before


def test_a_copy_that_is_gone_or_changed_is_named(live: Tokenizer, tmp_path: Path) -> None:
    live.save(tmp_path / "saved")
    kept = tmp_path / "saved" / "live" / "dictionary.txt"
    kept.write_text(WORDS + "图书 9\n", encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"dictionary.txt was changed after the tokenizer was made.*copy the whole"):
        Tokenizer.load(tmp_path / "saved", builtin_plugins())
    kept.unlink()
    with pytest.raises(ArtefactError, match=r"dictionary.txt is missing: .*'dictionary'.*copy the whole folder"):
        Tokenizer.load(tmp_path / "saved", builtin_plugins())


@pytest.mark.parametrize("name", [None, "", "../tokenizer_config.json", "/etc/hostname"])
def test_a_name_that_leads_out_of_the_folder_is_refused(live: Tokenizer, tmp_path: Path, name: str | None) -> None:
    live.save(tmp_path / "saved")
    path = tmp_path / "saved" / "live" / "segmenter.json"
    recorded = json.loads(path.read_text("utf-8"))
    recorded["files"]["dictionary"]["name"] = name
    path.write_text(json.dumps(recorded), encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"segmenter.json is damaged: it does not say which file 'dictionary' is"):
        Tokenizer.load(tmp_path / "saved", builtin_plugins())


def test_a_folder_without_a_copy_says_what_it_misses(live: Tokenizer, tmp_path: Path) -> None:
    live.save(tmp_path / "saved")
    path = tmp_path / "saved" / "live" / "segmenter.json"
    recorded = json.loads(path.read_text("utf-8"))
    del recorded["files"]
    recorded["options"]["dictionary"] = str(tmp_path / "gone.txt")
    path.write_text(json.dumps(recorded), encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"gone.txt \(option 'dictionary' of its segmenter\), which is not there"):
        Tokenizer.load(tmp_path / "saved", builtin_plugins())


def test_a_file_that_is_gone_before_it_was_taken_along_is_an_error(live: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "我的词.txt").unlink()
    with pytest.raises(ArtefactError, match=r"我的词.txt, which the tokenizer must take along.*put it back"):
        live.save(tmp_path / "saved")


def test_a_stage_counts_a_dictionary_by_its_words_and_a_model_by_its_files(tmp_path: Path) -> None:
    plugins = builtin_plugins()

    def key(name: str, **options: str) -> dict[str, object]:
        return component_key(plugins.resolve("segmenter", name, options))

    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "words.txt").write_text(WORDS, encoding="utf-8")
    for name in ("jieba", "rjieba", "pkuseg"):
        before = key(name, dictionary=str(here / "words.txt"))
        assert before == key(name, dictionary=str(there / "words.txt"))
        (there / "words.txt").write_text(WORDS + "图书\n", encoding="utf-8")
        assert before != key(name, dictionary=str(there / "words.txt"))
        (there / "words.txt").write_text(WORDS, encoding="utf-8")
    before = key("pkuseg", model=str(here))
    assert before == key("pkuseg", model=str(there))
    (there / "more.npz").write_bytes(b"1")
    assert before != key("pkuseg", model=str(there))
