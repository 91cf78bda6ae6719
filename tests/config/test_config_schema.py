"""Validation: every mistake is told at once, in plain words, with key path and line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from config_helpers import Write

from zaoju.config import Choice, Config, load_config
from zaoju.errors import ConfigError


def message_of(load: Write, text: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text, *overrides)
    return str(caught.value)


def test_all_mistakes_are_told_at_once_with_their_lines(load: Write) -> None:
    text = "seed: -1\ndevcie: cpu\ncorpus:\n  held_out: 0.7\n  readers: stories\ntokenization:\n  segmentor: jieba\n"
    assert message_of(load, text).split("\n") == [
        "seed: must be >= 0, got -1 (config.yaml line 1)",
        "corpus.readers: must be a list, got 'stories'; write [stories] (config.yaml line 5)",
        "corpus.held_out: must be <= 0.5, got 0.7 (config.yaml line 4)",
        "tokenization.segmentor: unknown key 'segmentor'; did you mean 'segmenter'? "
        "Known: live, segmenter, vocabulary, workers (config.yaml line 7)",
        "devcie: unknown key 'devcie'; did you mean 'device'? Known: corpus, decoding, device, evaluation, model, "
        "plugins, run, runner, seed, threads, tokenization, trackers, trainer (config.yaml line 2)",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: true", "seed: must be a whole number, got true"),
        ("seed: 1.5", "seed: must be a whole number, got 1.5"),
        ("seed: '1'", "seed: must be a whole number, got '1'"),
        ("device: gpu", "device: must be auto, cpu, cuda or mps, got 'gpu'"),
        ("run: 5", "run: must be a path, written as text, got 5"),
        ("run: ''", "run: must be a path, and is empty"),
        ("corpus:", "corpus: must be a mapping of `key: value` lines, got nothing; leave the key out"),
        ("corpus: [a]", "corpus: must be a mapping of `key: value` lines, got a list"),
        ("corpus: {readers: []}", "corpus.readers: must have at least 1 entry, got a list"),
        (
            "corpus: {cleaners: [5]}",
            "corpus.cleaners.0: must be a name, or a mapping {name: NAME, ...its options}, got 5",
        ),
        ("trainer: {steps: 5}", "trainer: must be a name, or a mapping {name: NAME, ...its options}, got a mapping"),
        ("trainer: {name: 5}", "trainer.name: must be text, got 5; put it in quotes"),
        ("trainer: ''", "trainer: must have at least 1 character, got ''"),
        ("tokenization: {live: 1}", "tokenization.live: must be true or false, got 1"),
        ("model: {context: 1}", "model.context: must be >= 2, got 1"),
        ("model: {numbers: {n_layer: [1]}}", "model.numbers.n_layer: must be a whole number or a number or true"),
        ("evaluation: {prompts: 我想}", "evaluation.prompts: must be a list, got '我想'; write [我想]"),
        ("evaluation: {prompts: [1]}", "evaluation.prompts.0: must be text, got 1; put it in quotes"),
        ("decoding: {strategy: greedy, chain: []}", "decoding: `strategy` and `chain` exclude each other"),
        ("decoding: {selector: sample}", "decoding: `selector` belongs to a `chain`"),
        ("decoding: {max_new_tokens: 0}", "decoding.max_new_tokens: must be >= 1, got 0"),
        ("run: '" + "x" * 300 + "'\nseed: '" + "y" * 300 + "'", "seed: must be a whole number, got 'yyy"),
    ],
)
def test_mistakes_are_told_in_plain_words(load: Write, text: str, message: str) -> None:
    told = message_of(load, text)
    assert message in told
    assert "config.yaml line" in told
    assert "pydantic" not in told
    assert "Input" not in told
    assert len(told) < 300


def test_many_mistakes_are_cut_short(load: Write) -> None:
    told = message_of(load, "\n".join(f"wrong{number}: 1" for number in range(100)))
    assert len(told.split("\n")) == 31
    assert told.endswith("... and 70 more")


def test_a_choice_is_a_name_or_a_mapping(load: Write) -> None:
    short = load("trainer: lean").config.trainer
    long = load("trainer: {name: lean}").config.trainer
    assert short == long == Choice(name="lean")
    assert load("trainer: {name: lean, steps: 5, options: 6}").config.trainer.options == {"steps": 5, "options": 6}


def test_a_mapping_does_as_well_as_a_file() -> None:
    loaded = load_config(None, data={"seed": 3, "corpus": {"readers": [{"name": "text", "paths": [Path("a")]}]}})
    assert loaded.config.seed == 3
    assert loaded.config.corpus.readers[0].options == {"paths": ["a"]}
    assert loaded.locate(("seed",)) == ""
    with pytest.raises(ConfigError, match=r"^seed: must be >= 0, got -3$"):
        load_config(None, data={"seed": -3})
    with pytest.raises(ConfigError, match=r"^seed: must be >= 0, got -3 \(--set seed=-3\)$"):
        load_config(None, ["seed=-3"], data={})
    with pytest.raises(ValueError, match="not both"):
        load_config(Path("config.yaml"), data={})


def test_what_is_not_in_the_file_is_located_at_what_holds_it(load: Write) -> None:
    loaded = load("corpus:\n  readers:\n    - name: text\n")
    assert loaded.locate(("corpus", "readers", 0, "paths")) == " (config.yaml line 3)"
    assert loaded.locate(("decoding",)) == " (config.yaml)"


def test_a_config_never_changes() -> None:
    config = Config()
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 2  # type: ignore[misc]  # that is what is tested
    assert isinstance(config.trainer.options, Mapping)
