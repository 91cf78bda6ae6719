"""Checking against plugins: everything that cannot run is refused before a byte of corpus is read."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from config_helpers import Write
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju.config import check, load_config, show
from zaoju.errors import ConfigError
from zaoju.plugins import PluginManager


def test_the_defaults_pass(plugins: PluginManager) -> None:
    plan = check(load_config(None), plugins)
    assert [reader.name for reader in plan.readers] == ["stories"]
    assert (plan.segmenter.name, plan.vocabulary.name, plan.trainer.name) == ("jieba", "words", "lean")
    assert plan.vocabulary.options["size"] == 8000
    assert plan.decoding.strategy == "nucleus"
    assert pickle.loads(pickle.dumps(plan)) == plan


def refused(load: Write, plugins: PluginManager, text: str, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        check(load(text, *overrides), plugins)
    return str(caught.value).split("\n")


def test_everything_wrong_is_told_at_once(load: Write, more_plugins: PluginManager) -> None:
    text = """\
corpus:
  readers:
    - name: shelf
      paths: []
      filter: {shortst: 2}
      title: far too long
      ratio: x
    - stroies
tokenization:
  segmenter: {name: none, hmm: true}
trainer: broken
decoding:
  strategy: nucleus
  top_k: 5
evaluation:
  strategies: [greedy, gredy]
"""
    lines = refused(load, more_plugins, text, "decoding.top_p=1.5")
    assert [re.sub(r"(: .{12}).*(\(.*\))$", r"\1... \2", line) for line in lines] == [
        "corpus.readers.0.paths: must have at... (config.yaml line 4)",
        "corpus.readers.0.title: must be shor... (config.yaml line 6)",
        "corpus.readers.0.filter.shortst: unknown key ... (config.yaml line 5)",
        "corpus.readers.0.ratio: must be a wh... (config.yaml line 7)",
        "corpus.readers.1: no reader is... (config.yaml line 8)",
        "tokenization.segmenter: segmenter 'n... (config.yaml line 10)",
        "trainer: trainer 'bro... (config.yaml line 11)",
        "decoding.top_k: has no effec... (config.yaml line 14)",
        "decoding.top_p: must be <= 1... (--set decoding.top_p=1.5)",
        "evaluation.strategies.1: no strategy ... (config.yaml line 16)",
    ]
    assert "did you mean 'shortest'? Known: shortest" in lines[2]
    assert "must be a whole number or a list, got 'x'" in lines[3]
    assert "did you mean 'stories'?" in lines[4]
    assert "takes no options, and was given hmm" in lines[5]
    assert "cannot be imported" in lines[6]


def test_a_vocabulary_of_words_needs_a_segmenter_that_gives_words(load: Write, plugins: PluginManager) -> None:
    text = "tokenization:\n  segmenter: none\n  vocabulary: words\n"
    assert refused(load, plugins, text) == [
        "tokenization.vocabulary: 'words' needs words, which segmenter 'none' does not give; change the segmenter to "
        "characters or jieba or pkuseg or rjieba or whitespace, or change the vocabulary to bpe or characters or "
        "unigram or word_list or wordpiece (config.yaml line 3)"
    ]
    assert check(load(text, "tokenization.segmenter=characters"), plugins).segmenter.name == "characters"
    assert check(load(text, "tokenization.vocabulary=bpe"), plugins).vocabulary.name == "bpe"


def test_every_stage_may_have_needs(load: Write, more_plugins: PluginManager) -> None:
    lines = refused(load, more_plugins, "tokenization: {segmenter: syllables, vocabulary: rhymes}")
    assert lines == [
        "tokenization.vocabulary: 'rhymes' needs words, which segmenter 'syllables' does not give; change the "
        "segmenter to characters or jieba or pkuseg or rjieba or whitespace, or change the vocabulary to bpe or "
        "characters or unigram or word_list or wordpiece (config.yaml line 1)"
    ]
    lines = refused(load, more_plugins, "trainer: poet")
    assert lines == [
        "trainer: 'poet' needs rhyme, which vocabulary 'words' does not give; change the vocabulary to rhymes, "
        "or change the trainer to broken or lean or lora or transformers (config.yaml line 1)"
    ]


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path, more_plugins: PluginManager) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    path = folder / "config.yaml"
    path.write_text(
        "run: here\nmodel: {init_from: ../base}\n"
        "corpus: {readers: [{name: shelf, paths: [texts, /far/away, ~/mine], title: texts}]}\n"
    )
    plan = check(load_config(path, ["corpus.readers.0.notes=notes.txt"]), more_plugins)
    assert plan.config.run == folder / "here"
    assert plan.config.model.init_from == folder / "../base"
    options = plan.readers[0].options
    assert options["paths"] == [str(folder / "texts"), "/far/away", str(Path.home() / "mine")]
    assert options["index"] == str(folder / "index.txt")
    assert options["notes"] == str(folder / "notes.txt")
    assert options["title"] == "texts"
    assert plan.config.corpus.readers[0].options == options


def test_a_wrong_path_is_told_as_it_was_written(load: Write, plugins: PluginManager) -> None:
    assert refused(load, plugins, "corpus: {readers: [{name: text, paths: poems}]}") == [
        "corpus.readers.0.paths: must be a list, got 'poems'; write [poems] (config.yaml line 1)"
    ]


def test_without_a_file_relative_paths_start_at_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plugins: PluginManager
) -> None:
    monkeypatch.chdir(tmp_path)
    assert check(load_config(None, ["run=x"]), plugins).config.run == tmp_path / "x"


CONFIGS = [
    "",
    "decoding: {chain: [temperature, top_k], selector: argmax, top_k: 3}\n",
    "decoding: {chain: []}\ntokenization: {segmenter: none, vocabulary: bpe}\n",
    "decoding: {strategy: shifted, shift: 2, mirror: true, stop: ['。', '1', 'no', ' ', '~', '1e5', '0x1']}\n",
    "corpus: {readers: [{name: shelf, paths: [a]}, stories], cleaners: []}\n",
    "model: {numbers: {a: 1e-5, b: true, c: '1'}}\n",
]


@pytest.mark.parametrize("text", CONFIGS)
def test_what_is_shown_reads_back_as_the_same_plan(load: Write, more_plugins: PluginManager, text: str) -> None:
    plan = check(load(text), more_plugins)
    shown = show(plan)
    assert check(load(shown), more_plugins) == plan
    assert show(check(load(shown), more_plugins)) == shown
    assert "seed: 1" in shown
    assert "max_new_tokens: 100" in shown


@settings(deadline=None, derandomize=True, max_examples=100)
@given(
    stop=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), max_size=3),
    number=st.one_of(
        st.booleans(), st.integers(-(2**63) + 1, 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
    ),
)
def test_any_text_and_number_survives_being_shown(
    stop: list[str], number: float, plugins: PluginManager, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = {"decoding": {"stop": stop}, "model": {"numbers": {"n": number}}}
    plan = check(load_config(None, data=data), plugins)
    path = tmp_path_factory.getbasetemp() / "shown.yaml"
    path.write_text(show(plan), encoding="utf-8", newline="")
    again = check(load_config(path), plugins)
    assert again == plan
    assert type(again.config.model.numbers["n"]) is type(number)
