"""`--set`: single values of a config are changed as if the file said so."""

from __future__ import annotations

import re

import pytest
from config_helpers import Write

from zaoju.config import Choice, load_config
from zaoju.errors import ConfigError

FILE = """\
corpus:
  readers: [{name: text, paths: [a, b]}, stories]
tokenization:
  vocabulary: {name: words, size: 4000, coverage: 0.9}
trainer: lean
decoding:
  strategy: top_k
  top_k: 40
  temperature: 0.7
  max_new_tokens: 7
"""


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("trainer.steps=5", {"name": "lean", "steps": 5}),
        ("trainer={name: x, steps: 1e-3}", {"name": "x", "steps": 0.001}),
        ("trainer.schedule.name=wsd", {"name": "lean", "schedule": {"name": "wsd"}}),
    ],
)
def test_a_bare_name_can_be_given_options(load: Write, override: str, expected: dict[str, object]) -> None:
    trainer = load(FILE, override).config.trainer
    assert {"name": trainer.name, **trainer.options} == expected


def test_what_the_file_does_not_have_starts_from_its_default() -> None:
    config = load_config(None, ["corpus.cleaners.0.min_characters=5", "tokenization.vocabulary.size=500"]).config
    assert config.corpus.cleaners == (Choice.model_validate({"name": "basic", "min_characters": 5}),)
    assert config.tokenization.vocabulary == Choice.model_validate({"name": "words", "size": 500})


def test_entries_of_a_list_are_numbers(load: Write) -> None:
    readers = load(FILE, "corpus.readers.0.paths.1=c", "corpus.readers.1=jsonl").config.corpus.readers
    assert readers[0].options == {"paths": ["a", "c"]}
    assert readers[1] == Choice(name="jsonl")
    assert load(FILE, "evaluation.prompts.0=他说").config.evaluation.prompts == ("他说",)


@pytest.mark.parametrize("override", ["tokenization.vocabulary.name=bpe", "tokenization.vocabulary=bpe"])
def test_another_name_drops_the_old_options(load: Write, override: str) -> None:
    assert load(FILE, override).config.tokenization.vocabulary == Choice(name="bpe")
    later = load(FILE, override, "tokenization.vocabulary.size=99").config.tokenization.vocabulary
    assert later == Choice.model_validate({"name": "bpe", "size": 99})
    earlier = load(FILE, "tokenization.vocabulary.size=99", override).config.tokenization.vocabulary
    assert earlier == Choice(name="bpe")


@pytest.mark.parametrize("override", ["tokenization.vocabulary.name=words", "tokenization.vocabulary=words"])
def test_the_same_name_keeps_the_options(load: Write, override: str) -> None:
    assert load(FILE, override).config == load(FILE).config


def test_a_part_of_decoding_is_chosen_and_its_options_below_it(load: Write) -> None:
    chosen = load(FILE, "decoding.proposer=prompt_lookup", "decoding.proposer.min_ngram=1").config.decoding.proposer
    assert chosen is not None and (chosen.name, chosen.options) == ("prompt_lookup", {"min_ngram": 1})
    whole = load(FILE, "decoding.constraint={name: regex, pattern: a}").config.decoding.constraint
    assert whole is not None and (whole.name, whole.options) == ("regex", {"pattern": "a"})
    other = load(FILE, "decoding.constraint={name: regex, pattern: a}", "decoding.constraint.pattern=b").config
    assert other.decoding.constraint is not None and other.decoding.constraint.options == {"pattern": "b"}


def test_another_strategy_drops_the_options_of_the_old_one(load: Write) -> None:
    greedy = load(FILE, "decoding.strategy=greedy").config.decoding
    assert (greedy.strategy, greedy.options, greedy.max_new_tokens) == ("greedy", {}, 7)
    chain = load(FILE, "decoding.chain=[top_p]", "decoding.top_p=0.5").config.decoding
    assert (chain.strategy, chain.chain, chain.options) == (None, ("top_p",), {"top_p": 0.5})
    assert load(FILE, "decoding.strategy=top_k").config == load(FILE).config


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("decodign.top_k=5", "decodign.top_k: unknown key 'decodign'; did you mean 'decoding'? Known: corpus,"),
        ("corpus.reader=5", "corpus.reader: unknown key 'reader'; did you mean 'readers'? Known: cleaners,"),
        ("seed", "--set seed: write it as key.path=value"),
        ("=5", "--set =5: write it as key.path=value"),
        ("a..b=5", "--set a..b=5: write it as key.path=value"),
        ("seed.x=5", "seed.x: seed is 1, which has no keys below it (--set seed.x=5)"),
        (
            "corpus.readers.2=x",
            "corpus.readers is a list and its entries are 0 to 1, got '2'; to add one, set the whole",
        ),
        ("corpus.readers.-1=x", "its entries are 0 to 1, got '-1'"),
        ("corpus.readers.²=x", "its entries are 0 to 1, got '²'"),
        ("corpus.readers.0.paths.7=x", "corpus.readers.0.paths is a list and its entries are 0 to 1, got '7'"),
        ("evaluation.prompts.prompts=x", "evaluation.prompts is a list and its entries are 0, got 'prompts'"),
        ("decoding.stop.0=x", "decoding.stop is a list and it has no entries, got '0'"),
        ("seed=[1", "--set seed line 1: not valid YAML"),
        ("seed=&a 1", "--set seed line 1: anchors"),
        (
            "decoding.max_new_tokens=-3",
            "decoding.max_new_tokens: must be >= 1, got -3 (--set decoding.max_new_tokens=-3)",
        ),
        ("trainer.name=5", "trainer.name: must be text, got 5; put it in quotes (--set trainer.name=5)"),
        ("corpus.readers=", "corpus.readers: must be a list, got nothing; leave the key out to use the default (--set"),
        ("corpus={held_out: 2}", "corpus.held_out: must be <= 0.5, got 2 (--set corpus={held_out: 2})"),
    ],
)
def test_a_wrong_override_is_quoted(load: Write, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        load(FILE, override)
    assert override.partition("=")[0] in str(caught.value)


def test_places_tell_the_file_from_the_override(load: Write) -> None:
    loaded = load(FILE, "tokenization.vocabulary.name=bpe", "decoding.top_k=3")
    assert loaded.locate(("tokenization", "vocabulary", "size")) == " (--set tokenization.vocabulary.name=bpe)"
    assert loaded.locate(("decoding", "top_k")) == " (--set decoding.top_k=3)"
    assert loaded.locate(("decoding", "temperature")) == " (config.yaml line 9)"


def test_overrides_leave_a_programs_mapping_alone() -> None:
    data = {"trainer": {"name": "lean", "steps": 5}, "corpus": {"readers": ["stories"]}}
    load_config(None, ["trainer.steps=6", "corpus.readers.0=text"], data=data)
    assert data == {"trainer": {"name": "lean", "steps": 5}, "corpus": {"readers": ["stories"]}}
