"""`plugins/zaoju-ngram`: a language model that is no network goes the whole way of the data, by its name alone."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import yaml

from support.conversations import ABOVE, BELOW, write_couplets
from support.scratch_plugin import check_public_names_only, environment_with, run
from support.small_run import small_config

PLUGIN = Path(__file__).resolve().parents[2] / "plugins" / "zaoju-ngram"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment_with(PLUGIN, tmp_path_factory.mktemp("ngram"))


@pytest.fixture(scope="module")
def finished(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `zaoju run` has trained, scored and sampled an n-gram model."""
    folder = tmp_path_factory.mktemp("run")
    config = small_config(folder / "run", trainer="ngram", evaluation__strategies=["greedy", "nucleus"])
    config["corpus"] = {"readers": [{"name": "stories", "documents": 2000}], "held_out": 0.02}
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    run(python, "-m", "zaoju", "run", "--quiet", cwd=folder)
    return folder


def test_it_is_trained_and_scored(finished: Path) -> None:
    described = json.loads((finished / "run" / "model" / "zaoju.json").read_text(encoding="utf-8"))
    assert described["runner"] == "ngram"
    scores = described["scores"]
    bits, entropy = scores["held_out"]["bits_per_character"], scores["source"]["entropy"]
    assert entropy < bits < 3, "never better than the truth, and far from the 9 bits of a character by itself"


def test_it_writes_by_every_strategy(finished: Path, python: Path) -> None:
    command = [python, "-m", "zaoju", "generate", finished / "run" / "model", "--prompt", "我想", "--seed", "3"]
    texts = {
        strategy: run(*command, "--strategy", strategy, cwd=finished) for strategy in ("greedy", "nucleus", "beam")
    }
    assert all(text.startswith("我想") and len(text) > 6 for text in texts.values()), texts
    assert texts["nucleus"] == run(*command, "--strategy", "nucleus", cwd=finished), "by its seed"


def test_it_is_compared_and_reported_like_a_network(finished: Path, python: Path) -> None:
    compared = json.loads(run(python, "-m", "zaoju", "compare", "run", "--json", cwd=finished))
    (only,) = compared["runs"]
    assert (only["trainer"], only["architecture"], only["parameters"]) == ("ngram", None, None)
    assert only["training_seconds"] > 0
    run(python, "-m", "zaoju", "status", "--report", cwd=finished)
    assert "The log has no steps" in (finished / "run" / "report.html").read_text(encoding="utf-8")


def test_it_learns_answers(python: Path, tmp_path: Path) -> None:
    """Half of each couplet is asked. Three tokens back it cannot see what it answers to, nor count to five: what it may
    know is which characters answer, and that costs a bit more than to draw one of them."""
    write_couplets(tmp_path / "couplets.jsonl", 300)
    config = small_config(tmp_path / "run", trainer="ngram")
    reader = {"name": "jsonl", "paths": ["couplets.jsonl"], "prompt": ["up"], "answer": "down"}
    config["corpus"] = {"readers": [reader], "held_out": 0.1}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    run(python, "-m", "zaoju", "run", "--quiet", cwd=tmp_path)
    described = json.loads((tmp_path / "run" / "model" / "zaoju.json").read_text(encoding="utf-8"))
    assert 0 < described["scores"]["held_out"]["bits_per_character"] < math.log2(len(BELOW)) + 1.2
    command = [python, "-m", "zaoju", "generate", "run/model", "--chat", "--prompt", ABOVE[:5], "--strategy", "greedy"]
    answer = run(*command, cwd=tmp_path).splitlines()[-1]
    assert answer and set(answer) <= set(BELOW)


def test_its_own_tests_pass(python: Path, tmp_path: Path) -> None:
    command = [python, "-m", "pytest", "-v", "-p", "no:cacheprovider", PLUGIN / "tests", "--rootdir", tmp_path]
    assert "TestContract::test_" in run(*command, cwd=tmp_path), "the kit is part of them"


def test_another_runner_says_what_it_needs(finished: Path) -> None:
    """The negative control: without the package the folder is refused, and the message names what reads it."""
    from zaoju import Engine, UserError

    with pytest.raises(UserError, match="ngram"):
        Engine.load(finished / "run" / "model")


def test_it_uses_public_names_only() -> None:
    check_public_names_only(PLUGIN, "zaoju_ngram")
