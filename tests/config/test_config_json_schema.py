"""The JSON Schema accepts what the config accepts, and an editor learns every name and option from it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import yaml
from jsonschema import Draft202012Validator

from zaoju.config import check, json_schema, load_config
from zaoju.errors import ConfigError
from zaoju.plugins import PluginManager

Tree = dict[str, object]

GOOD: Tree = {
    "run": "runs/demo",
    "seed": 1,
    "device": "auto",
    "plugins": {"block": ["bad"], "prefer": {"segmenter/jieba": "zaoju"}},
    "corpus": {"readers": ["stories", {"name": "text", "paths": ["a"]}], "cleaners": ["basic"], "held_out": 0.02},
    "tokenization": {"segmenter": "jieba", "vocabulary": {"name": "words", "size": 8000}},
    "model": {"size": "tiny", "numbers": {"n_layer": 2}, "context": None},
    "trainer": {"name": "zaoju:lean"},
    "decoding": {"strategy": "nucleus", "top_p": 0.9, "temperature": 0.8, "max_new_tokens": 50, "stop": ["。"]},
    "evaluation": {"prompts": ["我想"], "strategies": ["greedy", "top_k", "top_p"]},
}

MUTATIONS: list[Callable[[Tree], object]] = [
    lambda tree: tree.update(sede=1),
    lambda tree: tree.update(seed=-1),
    lambda tree: tree.update(device="gpu"),
    lambda tree: section(tree, "corpus").update(readers="stories"),
    lambda tree: section(tree, "corpus").update(readers=[]),
    lambda tree: section(tree, "corpus").update(readers=["text"]),  # without the paths that it must have
    lambda tree: section(tree, "corpus").update(readers=[{"name": "stories", "documnets": 5}]),
    lambda tree: section(tree, "corpus").update(held_out=0.6),
    lambda tree: section(tree, "tokenization").update(segmenter="jeiba"),
    lambda tree: section(tree, "tokenization").update(segmenter={"name": "none", "x": 1}),
    lambda tree: section(tree, "tokenization").update(vocabulary={"name": "words", "size": 3}),
    lambda tree: section(tree, "tokenization").update(vocabulary={"size": 8000}),
    lambda tree: section(tree, "tokenization").update(vocabulary="words", workers=-1),
    lambda tree: tree.update(trainer="leen"),
    lambda tree: section(tree, "decoding").update(strategy="nuclear"),
    lambda tree: section(tree, "decoding").update(chain=["top_p"]),
    lambda tree: section(tree, "decoding").update(top_p=1.5),
    lambda tree: section(tree, "decoding").update(topp=0.5),
    lambda tree: tree.update(decoding={"chain": ["top_p", "top_p"]}),
    lambda tree: tree.update(decoding={"chain": ["top_p"], "selector": "smaple"}),
    lambda tree: tree.update(decoding={"selector": "sample"}),
    lambda tree: section(tree, "evaluation").update(strategies=["gredy"]),
]


def section(tree: Tree, name: str) -> Tree:
    return cast(Tree, tree[name])


@pytest.fixture(scope="module")
def validator(plugins: PluginManager) -> Draft202012Validator:
    schema = json_schema(plugins)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize(
    "tree",
    [
        GOOD,
        {},
        {"decoding": {"chain": ["temperature", "top_k"], "selector": "argmax", "top_k": 3, "strategy": None}},
        {"tokenization": {"segmenter": {"name": "jieba"}}},
    ],
)
def test_a_good_config_passes_both(tree: Tree, validator: Draft202012Validator, plugins: PluginManager) -> None:
    assert [error.message for error in validator.iter_errors(tree)] == []
    check(load_config(None, data=tree), plugins)


def test_the_committed_config_passes_both(validator: Draft202012Validator, plugins: PluginManager) -> None:
    path = Path(__file__).parents[2] / "config.yaml"
    assert [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text("utf-8")))] == []
    check(load_config(path), plugins)


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_a_wrong_config_passes_neither(
    mutate: Callable[[Tree], object], validator: Draft202012Validator, plugins: PluginManager
) -> None:
    tree = copy.deepcopy(GOOD)
    mutate(tree)
    assert list(validator.iter_errors(tree))
    with pytest.raises(ConfigError):
        check(load_config(None, data=tree), plugins)


def test_every_reference_leads_somewhere_and_every_key_is_described(more_plugins: PluginManager) -> None:
    schema = json_schema(more_plugins)
    definitions = section(schema, "$defs")
    names = [name.removeprefix("#/$defs/") for name in references(schema)]
    assert names
    assert not set(names) - set(definitions)
    for name in ("Corpus", "Tokenization", "Model", "Decoding", "Evaluation"):
        for key, field in section(section(definitions, name), "properties").items():
            assert section({"field": field}, "field").get("description"), f"{name}.{key}"


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return here + [found for child in value.values() for found in references(child)]
    return [found for child in value for found in references(child)] if isinstance(value, list) else []


def test_installed_plugins_are_in_it(more_plugins: PluginManager) -> None:
    validator = Draft202012Validator(json_schema(more_plugins))
    good: Tree = {"corpus": {"readers": [{"name": "shelf", "paths": ["a"], "filter": {"shortest": 2}}]}}
    assert validator.is_valid(good)
    assert validator.is_valid({"decoding": {"strategy": "shifted", "shift": 1, "mirror": True}})
    assert validator.is_valid({"trainer": {"name": "broken", "whatever": 1}}), "its options are not known"
    assert not validator.is_valid({"corpus": {"readers": [{"name": "shelf", "paths": ["a"], "filter": {"x": 2}}]}})
