"""A stranger's plugin: built, installed beside zaoju in an environment of its own, chosen by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.scratch_plugin import check_public_names_only, environment_with, run

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "plugins" / "zaoju-top-n-sigma"

GENERATE = """
import json, sys
import torch
from zaoju.generation import Engine, LeanRunner, Request
from zaoju.models import GPT2, GPT2Config
from zaoju.plugins import PluginManager
from zaoju.tokenization import Tokenizer, unigram_tokenizer
from zaoju.tokenization.parts import with_end_of_text

tokenizer = Tokenizer(with_end_of_text(unigram_tokenizer(dict.fromkeys("我想你他家人天心", -3.0)), None))
torch.manual_seed(1)
config = GPT2Config(
    vocab_size=tokenizer.vocabulary_size, n_positions=32, n_embd=32, n_layer=1, n_head=2, initializer_range=0.3
)
plugins = PluginManager.discover()
engine = Engine(LeanRunner(GPT2(config).eval()), tokenizer, plugins)
requests = [
    Request("我想", "top_n_sigma", seed=seed, max_new_tokens=12, options={"top_n_sigma": n, "temperature": 1.5})
    for seed, n in enumerate([1e-9, 1.0, 3.0, 0.0])
]
texts = engine.generate_batch([*requests, Request("我想", strategy="greedy", max_new_tokens=12)])
print(json.dumps({
    "alone": engine.generate_batch(requests[1:2])[0].to_json(),
    "texts": [text.to_json() for text in texts],
    "plugins": [[info.package, info.state] for info in plugins.infos],
}))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment that sees this one's packages and has the plugin's wheel installed."""
    return environment_with(PLUGIN, tmp_path_factory.mktemp("stranger"))


def test_it_is_found_and_generates(python: Path, tmp_path: Path) -> None:
    written = json.loads(run(python, "-c", GENERATE, cwd=tmp_path))
    assert ["zaoju-top-n-sigma", "loaded"] in written["plugins"]
    narrow, one, *_, greedy = written["texts"]
    assert one["chain"] == ["repetition_penalty", "temperature", "top_n_sigma"]
    assert one["parameters"]["top_n_sigma"] == 1.0
    assert {**one, "timings": None} == {**written["alone"], "timings": None}
    assert narrow["text"] == greedy["text"], "so narrow a set holds the most probable token alone"
    assert len({text["text"] for text in written["texts"]}) == 4


def test_its_own_tests_pass(python: Path, tmp_path: Path) -> None:
    command = [python, "-m", "pytest", "-v", "-p", "no:cacheprovider", PLUGIN / "tests", "--rootdir", tmp_path]
    assert "TestContract::test_" in run(*command, cwd=tmp_path), "the kit is part of them"


def test_it_is_not_there_without_its_package() -> None:
    """The negative control: here, where it is not installed, its name is unknown."""
    from zaoju.plugins import PluginManager

    assert "top_n_sigma" not in {offer.component.name for offer in PluginManager.discover(environment={}).offers()}


def test_it_uses_public_names_only() -> None:
    check_public_names_only(PLUGIN, "zaoju_top_n_sigma")
